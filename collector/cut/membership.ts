/**
 * Who was a member when: the epochs of each node in order, each with the stretch it speaks for.
 *
 *     epoch 1   |joined ------- closed)......lost......|
 *     epoch 2                                          |joined ----- closed) ... expired| no member
 *               [joined, until)                        [joined, until)
 *
 * An epoch is active from its `joined` until the next epoch of its node joins or its end, whichever
 * comes first. Epochs of a node are in order of joined time, then of their number.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import type { NodeStatus } from "./history.ts";

/** Past every stamp: an epoch that has not ended. */
export const NEVER: Hlc = Number.POSITIVE_INFINITY as Hlc;

const NO_RIVALS: readonly EpochRecord[] = [];
const NO_SPANS: readonly EpochSpan[] = [];

/** One epoch and the stretch [record.joined, until) in which it is its node's state. */
export interface EpochSpan {
  readonly record: EpochRecord;
  readonly until: Hlc;
  /** When the next epoch of the node joined. */
  readonly next: Hlc | undefined;
  /** Earlier runs that went on after this one had begun: see `contended` in completeness.ts. Nearly always none. */
  readonly rivals: readonly EpochRecord[];
}

/** A node: its epochs in order of joining. */
export interface NodeSpans {
  readonly node: string;
  readonly spans: readonly [EpochSpan, ...EpochSpan[]];
  readonly latest: EpochSpan;
  /** Runs whose first events have not arrived, in the same order. Nearly always none. */
  readonly unbegun: readonly EpochSpan[];
}

/** All nodes, sorted by id. */
export type Membership = ReadonlyMap<string, NodeSpans>;

/** Arranges the records of a store. */
export function membershipOf(records: readonly EpochRecord[]): Membership {
  const byNode = new Map<string, EpochRecord[]>();
  for (const record of records) {
    const list = byNode.get(record.node);
    if (list === undefined) byNode.set(record.node, [record]);
    else list.push(record);
  }
  const names = [...byNode.keys()].sort(compareText);
  return new Map(names.map((node) => [node, nodeSpans(node, byNode.get(node) ?? [])]));
}

function nodeSpans(node: string, records: EpochRecord[]): NodeSpans {
  records.sort((a, b) => a.joined - b.joined || a.epoch - b.epoch);
  let going: readonly EpochRecord[] = NO_RIVALS;
  const spans = records.map((record, index): EpochSpan => {
    const next = records[index + 1]?.joined;
    const until = Math.min(next ?? NEVER, record.end?.t ?? NEVER) as Hlc;
    // Runs join in order: who was over when this one began is over when the next one begins.
    if (going.length > 0) going = going.filter((one) => reachOf(one) >= record.joined);
    const rivals = going.length === 0 ? NO_RIVALS : going.filter((one) => isRival(one, record));
    going = going.length === 0 ? [record] : [...going, record];
    return { record, until, next, rivals };
  });
  const isUnbegun = ({ record }: EpochSpan): boolean => record.contiguousSeq === 0;
  const unbegun = spans.some(isUnbegun) ? spans.filter(isUnbegun) : NO_SPANS;
  const latest = spans.at(-1) as EpochSpan;
  return { node, spans: spans as [EpochSpan, ...EpochSpan[]], latest, unbegun };
}

/** How far a run is known to have gone. */
export function reachOf({ lastT, closed, end }: EpochRecord): Hlc {
  return end?.kind === "left" ? end.t : (Math.max(lastT, closed) as Hlc);
}

/** Files, and the earlier epochs of one process, do not contend for the name. */
function isRival(one: EpochRecord, record: EpochRecord): boolean {
  if (one.imported || record.imported) return false;
  return one.instance === "" || one.instance !== record.instance;
}

/** The latest epoch that had joined by `t`, ended or not; undefined before the first. */
export function spanAt(node: NodeSpans, t: Hlc): EpochSpan | undefined {
  let low = 0;
  let high = node.spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((node.spans[middle] as EpochSpan).record.joined <= t) low = middle + 1;
    else high = middle;
  }
  return node.spans[low - 1];
}

/** Whether the span's node is a member at `t` through it. */
export function isActiveAt(span: EpochSpan, t: Hlc): boolean {
  return span.record.joined <= t && t < span.until;
}

/** What an epoch's node is now, as far as this epoch tells. */
export function statusOf(record: EpochRecord, nowMs: number, suspectAfterMs: number): NodeStatus {
  if (record.end !== null) return record.end.kind;
  if (record.imported) return "imported";
  return nowMs - record.lastArrivalMs > suspectAfterMs ? "suspect" : "live";
}

/** Plain code unit order, the same everywhere. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
