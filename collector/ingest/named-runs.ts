/**
 * Runs that receives name as senders and of which nothing has come: a process that was killed before
 * its join arrived, or one that cannot reach the collector. Each is a durable record, so that it
 * expires like a silent node, also if the collector restarts: else every later cut would wait for it.
 *
 *     n2        ...receive from n7/5 ........................
 *     n7/5      named |.......... nothing comes ............| expired: cuts from here on do without it
 *               named again, or heard itself: it is waited for anew
 *
 * Anybody may write a name into a header, so there are few of them, and no epoch has to be above one.
 */
import { type Hlc, MIN_HLC } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import type { SenderFacts } from "./scan.ts";

/** Kept in all, expired ones included. Cuts go on waiting for those that come beyond. */
export const MAX_NAMED_RUNS = 4_096;
/** And of one node. */
export const MAX_NAMED_RUNS_PER_NODE = 64;

export class NamedRuns {
  readonly #byNode = new Map<string, Map<number, EpochRecord>>();
  #count = 0;

  find(node: string, epoch: number): EpochRecord | undefined {
    return this.#byNode.get(node)?.get(epoch);
  }

  /** Whether one more of the node may be kept, beside `more` that are not in here yet. */
  hasRoom(node: string, more: number): boolean {
    const ofNode = this.#byNode.get(node)?.size ?? 0;
    return this.#count + more < MAX_NAMED_RUNS && ofNode + more < MAX_NAMED_RUNS_PER_NODE;
  }

  add(record: EpochRecord): void {
    const runs = this.#byNode.get(record.node) ?? new Map<number, EpochRecord>();
    this.#byNode.set(record.node, runs);
    if (!runs.has(record.epoch)) this.#count += 1;
    runs.set(record.epoch, record);
  }

  /** It was heard itself. */
  delete({ node, epoch }: EpochRecord): void {
    const runs = this.#byNode.get(node);
    if (runs?.delete(epoch) !== true) return;
    this.#count -= 1;
    if (runs.size === 0) this.#byNode.delete(node);
  }

  *all(): Iterable<EpochRecord> {
    for (const runs of this.#byNode.values()) yield* runs.values();
  }
}

/** The record of a run that is named for the first time. */
export function namedEpoch(id: number, named: SenderFacts, arrivalMs: number): EpochRecord {
  return {
    id,
    node: named.node,
    epoch: named.epoch,
    service: "",
    tags: {},
    instance: "",
    imported: false,
    joined: named.firstT,
    stored: [],
    lost: [],
    contiguousSeq: 0,
    watermark: MIN_HLC,
    closed: MIN_HLC,
    lastT: named.sentT,
    end: null,
    firstArrivalMs: arrivalMs,
    lastArrivalMs: arrivalMs,
    eventCount: 0,
    logs: {},
    status: null,
    named: true,
  };
}

/** What a further naming changes; undefined: nothing. Sent after its end, the run is waited for anew. */
export function namedAgain(record: EpochRecord, { sentT }: SenderFacts): EpochRecord | undefined {
  const { end, lastT } = record;
  if (sentT <= lastT) return undefined;
  return { ...record, lastT: sentT, end: end !== null && sentT >= end.t ? null : end };
}

/** Ends a run that nothing came of, at `t` or later than all that it is known to have sent. */
export function expiredNamed(record: EpochRecord, t: Hlc): EpochRecord {
  const end = Math.max(t, record.lastT + 1, record.joined + 1) as Hlc;
  return { ...record, end: { kind: "expired", t: end } };
}
