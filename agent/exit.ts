/**
 * A goodbye when the process ends by itself (`beforeExit`) or is told to (SIGTERM). Nothing else about how
 * the process ends may change.
 *
 * SIGTERM is the service's own business if it listens for it: it then closes the agent itself. Only if
 * nobody else listens do we flush, take our listener away and raise the signal again, so that the process
 * ends as it would have ended, at most 500 ms later. To see who listens we must be the first to be told:
 * Node takes a `once` listener off before it calls it. And if somebody does, ours is off before they look,
 * since some of them (signal-exit) end the process only if they are alone.
 *
 * Process 1 of a container has no default action to end by, whatever is raised: there we do not listen.
 *
 * At `beforeExit` other listeners may find more work: the agent goes on then, in a further epoch
 * (`Agent.sayGoodbye`). Shipping the goodbye takes a turn of the loop, so Node emits `beforeExit` once more.
 * HAZARD: a listener that records something each time would go round with us for ever. So there is no
 * further goodbye where nothing was recorded between the two emissions.
 */
import type { Agent } from "./agent.ts";

const INIT_PID = 1;
/** Goodbyes of one process: a bound for whoever records ahead of us at each `beforeExit`. */
const MAX_GOODBYES = 16;
const closedAtExit = new WeakSet<Agent>();

/** Installs the listeners, once per agent; they go when the agent is closed. */
export function flushAtExit(agent: Agent): void {
  if (closedAtExit.has(agent)) return;
  closedAtExit.add(agent);
  let goodbyeCount = 0;
  let recordedByThen = -1;
  const onBeforeExit = (): void => {
    if (agent.stats().recorded === recordedByThen || goodbyeCount >= MAX_GOODBYES) return;
    goodbyeCount += 1;
    // What listeners after ours record at once is shipped with the goodbye.
    queueMicrotask(() => {
      void agent.sayGoodbye();
      recordedByThen = agent.stats().recorded;
    });
  };
  const onTerm = (): void => {
    if (process.listenerCount("SIGTERM") > 1) {
      stopTerm();
      return;
    }
    void agent.close().then(() => {
      stopTerm();
      process.kill(process.pid, "SIGTERM");
    });
  };
  // Emitted before the listener is there: whether it stands before ours is seen after.
  const onNewListener = (event: string | symbol): void => {
    if (event === "SIGTERM") queueMicrotask(beFirst);
  };
  const beFirst = (): void => {
    const listeners = process.listeners("SIGTERM");
    if (!listeners.includes(onTerm) || listeners[0] === onTerm) return;
    process.off("SIGTERM", onTerm);
    process.prependListener("SIGTERM", onTerm);
  };
  const stopTerm = (): void => {
    process.off("SIGTERM", onTerm);
    process.off("newListener", onNewListener);
  };
  process.prependListener("beforeExit", onBeforeExit);
  if (process.pid !== INIT_PID) {
    process.prependListener("SIGTERM", onTerm);
    process.on("newListener", onNewListener);
  }
  agent.onClosed(() => {
    process.off("beforeExit", onBeforeExit);
    stopTerm();
  });
}
