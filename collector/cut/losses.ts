/**
 * What was stored and cannot be read, as lost ranges.
 *
 * A damaged batch takes all its seqs away. A damaged block of a segment takes its own log's events away, and
 * between them lie those of other blocks, which are there:
 *
 *     seqs of the segment    1 2 3 4 5 6 7 8
 *     block of log a         . a a . . a . .     damaged: lost from 2 on, and somewhere up to `untilSeq` 8
 *     the others             x . . x x . x x     are applied as ever
 *
 * To replay such a loss lies at one seq, the first that is missing, so that it covers nothing that is there.
 * A state that was kept within the block knows the events before it only: there it begins behind that state.
 */
import type { LostRange } from "../../agent/kernel/index.ts";
import type { DamagedRange } from "../store/history-store.ts";

/** A lost range of which only some seqs are missing. */
export interface CountedLoss extends LostRange {
  /** Of a block: how many events it held ... */
  readonly eventCount?: number;
  /** ... and the last seq that may have been one of them. */
  readonly untilSeq?: number;
}

export function lostByDamage(range: DamagedRange): CountedLoss {
  const { first, last, firstT, lastT, block } = range;
  const times = { firstSeq: first, firstT, lastT, reason: "refused" as const };
  if (block === undefined) return { ...times, lastSeq: last, logs: null, messages: true };
  const { log, messages, eventCount } = block;
  const logs = log === undefined ? [] : [log];
  return { ...times, lastSeq: first, untilSeq: last, logs, messages, eventCount };
}

/** Whether both are the loss of the same block, wherever in it they begin. */
export function isOfSameBlock(one: CountedLoss, other: CountedLoss): boolean {
  return (
    one.untilSeq !== undefined &&
    one.untilSeq === other.untilSeq &&
    one.messages === other.messages &&
    one.logs?.[0] === other.logs?.[0]
  );
}

/** A loss for who asks which seqs are gone: all that may be, of the logs named. */
export function withAllSeqs(range: CountedLoss): LostRange {
  const { eventCount: _, untilSeq, ...rest } = range;
  return untilSeq === undefined ? range : { ...rest, lastSeq: untilSeq };
}
