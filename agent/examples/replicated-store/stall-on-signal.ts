/**
 * Stalls that are planted into this process from outside, for `npm run demo -- --stalls` (stalls.ts): by SIGUSR2 it
 * computes and computes, by SIGHUP it collects garbage again and again. Meanwhile nobody is answered, and no handler
 * of ours knows of it.
 *
 * When it is over a line in a file says when it was, and for how long this thread waited for a CPU in it: the truth
 * that the collector's word is held against. It is measured here and by the kernel, not by the agent.
 */
import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { waitedMs } from "./host-watch.ts";

export const STALL_MS = 150;

/** One line of the file. */
export interface StallReport {
  readonly startMs: number;
  readonly lastedMs: number;
  /** Of `lastedMs`: ready to run, and no CPU was free. Null: the system does not say. */
  readonly waitedMs: number | null;
}

/**
 * Obeys the two signals from now on, and writes a line to `file` after each stall. `takeUp` is told of the task
 * before it: what a service would record of its work.
 */
export function stallOnSignal(file: string, takeUp: (task: string) => void): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const obey = (task: string, step: () => void) => () => {
    takeUp(task);
    appendFileSync(file, stall(step));
  };
  process.on(
    "SIGUSR2",
    obey("compute totals", () => undefined),
  );
  process.on("SIGHUP", obey("drop caches", collect));
}

function stall(step: () => void): string {
  const startMs = Date.now();
  const begun = performance.now();
  const waitedBefore = waitedMs("self");
  while (performance.now() < begun + STALL_MS) step();
  const waitedAfter = waitedMs("self");
  const report: StallReport = {
    startMs,
    lastedMs: performance.now() - begun,
    waitedMs: waitedBefore === null || waitedAfter === null ? null : waitedAfter - waitedBefore,
  };
  return `${JSON.stringify(report)}\n`;
}
