/**
 * What comes again is compared with what is stored. A few bytes can name much that is stored (one
 * event of a large batch, a thousand times), so each stored batch is read and decoded once and kept
 * for the group, and a request may have only so much looked up; what is beyond is taken as the repeat
 * that it nearly always is, and counted.
 */
import { isDeepStrictEqual } from "node:util";
import { type Batch, eventAt, type Hlc } from "../../agent/kernel/index.ts";
import type { HistoryStore, SeqRange, StoredBatch } from "../store/history-store.ts";
import { isSegment } from "../store/segment-header.ts";
import { decodeWhole } from "../store/segment-reader.ts";
import type { PreparedBatch } from "./prepare.ts";

/** Stored batches remembered for the requests of a group. */
const MAX_REMEMBERED = 16;
/** Bytes of stored batches that one request may have read. */
export const MAX_COMPARED_BYTES: number = 16 * 1024 * 1024;
/** Events of stored batches that one request may have decoded. */
export const MAX_COMPARED_EVENTS = 262_144;

interface Known {
  readonly stored: StoredBatch;
  /** Undefined: not decoded yet. */
  batch: Batch | undefined;
}

export class Repeats {
  readonly #store: HistoryStore;
  readonly #known: Known[] = [];
  #bytesLeft = 0;
  #eventsLeft = 0;

  constructor(store: HistoryStore) {
    this.#store = store;
  }

  /** A further request, with an allowance of its own. */
  beginRequest(): void {
    this.#bytesLeft = MAX_COMPARED_BYTES;
    this.#eventsLeft = MAX_COMPARED_EVENTS;
  }

  /**
   * Compares those parts of a batch that are stored. `differs`: under some seq other things are
   * stored. `unknown`: the allowance is used up.
   */
  compare(
    epochId: number,
    incoming: PreparedBatch,
    decoded: () => Batch,
    parts: readonly SeqRange[],
  ): "same" | "differs" | "unknown" {
    for (const { first, last } of parts) {
      let seq = first;
      while (seq <= last) {
        if (!this.#mayRead()) return "unknown";
        const known = this.#find(epochId, seq);
        if (known === undefined) break; // not durable yet, lost, or damaged: nothing to compare with
        const end = Math.min(known.stored.lastSeq, last);
        if (Buffer.compare(known.stored.bytes, incoming.bytes) !== 0) {
          const ours = this.#decode(known);
          if (ours === undefined) return "unknown";
          if (!areEqual(ours, decoded(), seq, end)) return "differs";
        }
        seq = end + 1;
      }
    }
    return "same";
  }

  /** The t of a stored event; undefined if it cannot be read, or not within the allowance. */
  timeOf(epochId: number, seq: number): Hlc | undefined {
    const known = this.#mayRead() ? this.#find(epochId, seq) : undefined;
    if (known === undefined) return undefined;
    if (known.stored.firstSeq === seq) return known.stored.firstT;
    if (known.stored.lastSeq === seq) return known.stored.lastT;
    return this.#decode(known)?.events.t[seq - known.stored.firstSeq] as Hlc | undefined;
  }

  #mayRead(): boolean {
    return this.#bytesLeft > 0;
  }

  #find(epochId: number, seq: number): Known | undefined {
    const at = this.#known.findIndex(
      ({ stored }) => stored.epochId === epochId && stored.firstSeq <= seq && seq <= stored.lastSeq,
    );
    if (at >= 0) return this.#known[at];
    const stored = this.#store.batchWithSeq(epochId, seq);
    if (stored === undefined) return undefined;
    this.#bytesLeft -= bytesOf(stored);
    const known: Known = { stored, batch: undefined };
    this.#known.unshift(known);
    if (this.#known.length > MAX_REMEMBERED) this.#known.pop();
    return known;
  }

  #decode(known: Known): Batch | undefined {
    if (known.batch !== undefined) return known.batch;
    this.#eventsLeft -= known.stored.lastSeq - known.stored.firstSeq + 1;
    if (this.#eventsLeft < 0) return undefined;
    known.batch = decodeWhole(known.stored, this.#store);
    return known.batch;
  }
}

/** A segment's blocks are read when it is decoded: at a few bytes an event. */
function bytesOf({ bytes, firstSeq, lastSeq }: StoredBatch): number {
  return bytes.length + (isSegment(bytes) ? 16 * (lastSeq - firstSeq + 1) : 0);
}

function areEqual(ours: Batch, theirs: Batch, first: number, last: number): boolean {
  for (let seq = first; seq <= last; seq += 1) {
    const our = eventAt(ours, seq - ours.header.firstSeq);
    if (!isDeepStrictEqual(our, eventAt(theirs, seq - theirs.header.firstSeq))) return false;
  }
  return true;
}
