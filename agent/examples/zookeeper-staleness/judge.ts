/**
 * Whether what was found was so. The judge is the machine's one true clock, by which every process has
 * journalled what it did; no clock of a distributed system is so good, which is why there is a question.
 *
 * Findings in two orders of the same readings are compared by what the replica showed meanwhile, not by
 * times, which mean different things in the two orders. A replica's own readings stand in the same order
 * by any clock, so (replica, znode, versions shown) names a stretch of its life in each of them.
 */
import type { Finding, Reading } from "./staleness.ts";

export interface Verdict {
  /** Findings that last at least as long as asked for. */
  readonly found: number;
  /** Of those: the replica was never so far behind while it showed those versions. */
  readonly falseCount: number;
  /** Findings by the true clock that last as long as asked for, and have no counterpart however short. */
  readonly missedCount: number;
  readonly trueCount: number;
  /** How long the false ones last together, by the clock that is judged. */
  readonly falseMs: number;
}

/** Judges findings that last `minMs` or more; shorter ones turn on what no clock resolves. */
export function judge(
  findings: readonly Finding[],
  truth: readonly Finding[],
  minMs: number,
): Verdict {
  const found = findings.filter((one) => lasts(one, minMs));
  const wrong = found.filter((one) => !truth.some((other) => isSame(one, other)));
  const known = truth.filter((one) => lasts(one, minMs));
  const missed = known.filter((one) => !findings.some((other) => isSame(one, other)));
  return {
    found: found.length,
    falseCount: wrong.length,
    missedCount: missed.length,
    trueCount: known.length,
    falseMs: wrong.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
  };
}

export function lasts({ fromMs, toMs }: Finding, minMs: number): boolean {
  return toMs - fromMs >= minMs;
}

/** Whether two findings are of the same stretch of a replica's life, or of two that touch. */
export function isSame(a: Finding, b: Finding): boolean {
  return (
    a.replica === b.replica &&
    a.znode === b.znode &&
    a.firstVersion <= b.lastVersion &&
    b.firstVersion <= a.lastVersion
  );
}

/** An update was asked for. */
export interface Written {
  readonly atMs: number;
  readonly znode: string;
  readonly version: number;
}

/**
 * Cuts that cannot have been: a replica shows a version that, in this order, nobody has written yet.
 * One per time at which a replica read anything; `atMs` of both lists by the same clock.
 */
export function impossibleCuts(readings: readonly Reading[], written: readonly Written[]): number {
  const events = [
    ...written.map((one) => ({ ...one, isWrite: true })),
    ...readings.map((one) => ({ ...one, isWrite: false })),
  ].sort((a, b) => a.atMs - b.atMs || Number(b.isWrite) - Number(a.isWrite));
  const asked = new Map<string, number>();
  const shown = new Map<string, number>();
  let count = 0;
  for (let i = 0; i < events.length; ) {
    const atMs = events[i]?.atMs;
    let isReading = false;
    for (; events[i]?.atMs === atMs && i < events.length; i += 1) {
      const { isWrite, znode, version } = events[i] as (typeof events)[number];
      const into = isWrite ? asked : shown;
      into.set(znode, Math.max(into.get(znode) ?? 0, version));
      if (!isWrite) isReading = true;
    }
    const isAhead = [...shown].some(([znode, version]) => version > (asked.get(znode) ?? 0));
    if (isReading && isAhead) count += 1;
  }
  return count;
}
