/**
 * A last flush when the process ends by itself (`beforeExit`) or is told to (SIGTERM).
 *
 * SIGTERM is the service's own business if it listens for it: it then closes the agent itself. Only if
 * nobody else listens do we flush, take our listener away and raise the signal again, so that the process
 * ends as it would have ended, at most 500 ms later.
 */
import type { Agent } from "./agent.ts";

const closedAtExit = new WeakSet<Agent>();

/** Installs both listeners, once per agent; they go when the agent is closed. */
export function flushAtExit(agent: Agent): void {
  if (closedAtExit.has(agent)) return;
  closedAtExit.add(agent);
  const onBeforeExit = (): void => {
    if (agent.health !== "off") void agent.close();
    stop();
  };
  const onTerm = (): void => {
    if (process.listenerCount("SIGTERM") > 1) return;
    void agent.close().then(() => {
      stop();
      process.kill(process.pid, "SIGTERM");
    });
  };
  const stop = (): void => {
    process.off("beforeExit", onBeforeExit);
    process.off("SIGTERM", onTerm);
  };
  process.on("beforeExit", onBeforeExit);
  process.on("SIGTERM", onTerm);
  agent.onClosed(stop);
}
