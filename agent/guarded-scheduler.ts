/**
 * A scheduler that somebody else wrote, kept from doing harm: where it throws, the real one answers and the
 * error is counted, so that after five the agent is off. Timers fire outside every call of the host: what
 * escaped there would end the process.
 */
import { realScheduler } from "./shipping/real-scheduler.ts";
import type { Scheduler } from "./shipping/scheduler.ts";

/** @param onError told of each throw; must not throw itself */
export function guardedScheduler(given: Scheduler, onError: (error: unknown) => void): Scheduler {
  let lastMs = 0;
  const tried = <T>(ask: () => T, otherwise: () => T): T => {
    try {
      return ask();
    } catch (error) {
      onError(error);
      return otherwise();
    }
  };
  return {
    // It stands still while it cannot be read: it must not go back.
    nowMs: () => {
      lastMs = tried(
        () => given.nowMs(),
        () => lastMs,
      );
      return lastMs;
    },
    after(delayMs, run, keepAlive) {
      const cancel = tried(
        () => given.after(delayMs, run, keepAlive),
        () => realScheduler.after(delayMs, run, keepAlive),
      );
      return () =>
        tried(
          () => cancel(),
          () => undefined,
        );
    },
    random: () =>
      tried(
        () => given.random(),
        () => 0.5,
      ),
  };
}
