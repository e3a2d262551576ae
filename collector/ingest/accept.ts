/**
 * The core of ingest: takes prepared batches in, against what is stored, and says what to write and
 * what to answer. No I/O but look-ups of batches that come again.
 *
 *     request 1  [batch][batch]  ---+
 *     request 2  [batch]         ---+--->  GroupDraft  --->  one StoreWrite  --->  acks, when durable
 *     request 3  [batch]         ---+       (a refused request leaves no trace in it)
 */
import { isDeepStrictEqual } from "node:util";
import {
  type AgentCommand,
  type BatchAck,
  decodeBatch,
  eventAt,
  formatHlc,
  type Hlc,
} from "../../agent/kernel/index.ts";
import type {
  EpochRecord,
  HistoryStore,
  SeqRange,
  SlowMessageRecord,
  StoredBatch,
  StoreWrite,
  ViolationRecord,
} from "../store/history-store.ts";
import { type DraftMark, EpochDraft, emptyEpoch } from "./epoch-draft.ts";
import type { EpochIndex } from "./epoch-index.ts";
import { cutBatch, type PreparedBatch } from "./prepare.ts";
import { missingIn } from "./seq-ranges.ts";
import { rejoinAbove, type Standing, standingBeside, standingOf } from "./standing.ts";

/** What a request is answered, once its group is durable. */
export interface Outcome {
  readonly acks: readonly BatchAck[];
  readonly commands: readonly AgentCommand[];
  readonly storedCount: number;
  /** Events that came again. */
  readonly repeatedCount: number;
  /** Batches that say other things about stored events: the first stored won. */
  readonly conflictCount: number;
}

export class GroupDraft {
  readonly #index: EpochIndex;
  readonly #store: HistoryStore;
  readonly #arrivalMs: number;
  /** By node, then epoch. */
  readonly #drafts = new Map<string, Map<number, EpochDraft>>();
  readonly #batches: StoredBatch[] = [];
  readonly #violations: ViolationRecord[] = [];
  readonly #slowMessages: SlowMessageRecord[] = [];

  constructor(index: EpochIndex, store: HistoryStore, arrivalMs: number) {
    this.#index = index;
    this.#store = store;
    this.#arrivalMs = arrivalMs;
  }

  /**
   * Takes a request in, whole or not at all.
   * @throws RetroError `bad-batch`, `too-large`
   */
  take(batches: readonly PreparedBatch[]): Outcome {
    const marks = new Map<EpochDraft, DraftMark>();
    const lengths = [this.#batches.length, this.#violations.length, this.#slowMessages.length];
    const outcome = new OutcomeDraft();
    try {
      for (const batch of batches) this.#takeOne(batch, marks, outcome);
      return outcome;
    } catch (error) {
      for (const [draft, mark] of marks) {
        draft.restore(mark);
        // Made by this request: nobody else has put anything into it.
        if (draft.isNew && mark.isUntouched)
          this.#drafts.get(draft.base.node)?.delete(draft.base.epoch);
      }
      this.#batches.length = lengths[0] as number;
      this.#violations.length = lengths[1] as number;
      this.#slowMessages.length = lengths[2] as number;
      throw error;
    }
  }

  /** Ends an epoch for its silence, later than everything known of it; unless it is in this group. */
  expire({ node, epoch }: EpochRecord, now: Hlc): void {
    if (this.#drafts.get(node)?.has(epoch) === true) return;
    const draft = this.#draftOf(node, epoch);
    draft?.expire(Math.max(now, draft.highestT + 1) as Hlc);
  }

  /** Everything taken in, as one write. */
  write(): StoreWrite {
    const drafts = [...this.#drafts.values()].flatMap((epochs) => [...epochs.values()]);
    return {
      batches: this.#batches,
      epochs: drafts.map((draft) => draft.record()),
      violations: this.#violations,
      slowMessages: this.#slowMessages,
      staleCheckpoints: drafts.flatMap(({ base, isNew, staleFromT }) =>
        staleFromT === undefined || isNew ? [] : [{ epochId: base.id, fromT: staleFromT }],
      ),
    };
  }

  #takeOne(batch: PreparedBatch, marks: Map<EpochDraft, DraftMark>, outcome: OutcomeDraft): void {
    const { header, facts } = batch;
    const { node, epoch, firstSeq, lastSeq } = header;
    const eventCount = lastSeq - firstSeq + 1;
    let draft = this.#draftOf(node, epoch);
    if (draft === undefined && eventCount === 0 && header.dropped.length === 0) {
      // A sign of life of an epoch that we know nothing of: there is nothing to keep.
      if (firstSeq > 1) outcome.commands.push(this.#rejoin(node, epoch, "unknown-epoch"));
      outcome.ack(header, 0);
      return;
    }
    draft ??= this.#newDraft(batch);
    if (!marks.has(draft)) marks.set(draft, draft.mark());
    const missing = eventCount === 0 ? [] : draft.missing(batch);
    let storedCount = 0;
    for (const { first, last } of missing) {
      const isWhole = first === firstSeq && last === lastSeq;
      const part = isWhole ? batch : cutBatch(batch.bytes, first, last);
      draft.addEvents(part);
      this.#keep(draft.base.id, part);
      storedCount += last - first + 1;
    }
    draft.addHeader(batch, this.#arrivalMs);
    outcome.storedCount += storedCount;
    outcome.repeatedCount += eventCount - storedCount;
    if (storedCount < eventCount && this.#contradicts(draft.base.id, batch, missing)) {
      outcome.conflictCount += 1;
    }
    const known = facts.join === undefined ? undefined : this.#highestBeside(node, epoch);
    outcome.ack(header, storedCount, known);
    if (header.imported) return;
    if (draft.instance === "") {
      outcome.commands.push(this.#rejoin(node, epoch, "unknown-epoch"));
    } else if (facts.join !== undefined && facts.join.instance !== draft.instance) {
      outcome.commands.push({ command: "node-in-use", node });
    } else if (facts.join !== undefined && known !== undefined && storedCount > 0) {
      const isAbove = epoch > known.epoch && facts.join.t > known.t;
      if (!isAbove) outcome.commands.push(this.#rejoin(node, epoch, "not-above"));
    }
  }

  #keep(epochId: number, { header, bytes, facts }: PreparedBatch): void {
    const { firstSeq, lastSeq, firstT, lastT } = header;
    const arrivalMs = this.#arrivalMs;
    this.#batches.push({ epochId, firstSeq, lastSeq, firstT, lastT, arrivalMs, bytes });
    this.#violations.push(...facts.violations);
    this.#slowMessages.push(...facts.slowMessages);
  }

  #draftOf(node: string, epoch: number): EpochDraft | undefined {
    const draft = this.#drafts.get(node)?.get(epoch);
    if (draft !== undefined) return draft;
    const record = this.#index.find(node, epoch);
    return record && this.#remember(new EpochDraft(record, false));
  }

  #newDraft(batch: PreparedBatch): EpochDraft {
    const id = this.#store.nextEpochId();
    return this.#remember(new EpochDraft(emptyEpoch(id, batch, this.#arrivalMs), true));
  }

  #remember(draft: EpochDraft): EpochDraft {
    const { node, epoch } = draft.base;
    let epochs = this.#drafts.get(node);
    if (epochs === undefined) {
      epochs = new Map();
      this.#drafts.set(node, epochs);
    }
    epochs.set(epoch, draft);
    return draft;
  }

  #highestBeside(node: string, epoch: number): Standing | undefined {
    return standingBeside(epoch, this.#standings(node));
  }

  #rejoin(node: string, epoch: number, reason: "unknown-epoch" | "not-above"): AgentCommand {
    const known = this.#standings(node);
    return rejoinAbove(node, epoch, known, reason);
  }

  *#standings(node: string): Iterable<Standing> {
    for (const record of this.#index.epochsOf(node)) yield standingOf(record);
    for (const draft of this.#drafts.get(node)?.values() ?? []) {
      yield { epoch: draft.base.epoch, t: draft.highestT };
    }
  }

  /** Whether a batch differs from what is stored under those of its seqs that are not missing. */
  #contradicts(epochId: number, batch: PreparedBatch, missing: readonly SeqRange[]): boolean {
    const { header, bytes } = batch;
    for (const known of missingIn(missing, header.firstSeq, header.lastSeq)) {
      let seq = known.first;
      while (seq <= known.last) {
        const stored = this.#store.batchWithSeq(epochId, seq);
        if (stored === undefined) break; // not durable yet, or damaged: nothing to compare with
        if (!sameEvents(stored, header.firstSeq, bytes)) return true;
        seq = stored.lastSeq + 1;
      }
    }
    return false;
  }
}

/** Whether the events that both have are the same. The stored one is compared byte for byte first. */
function sameEvents(stored: StoredBatch, firstSeq: number, bytes: Uint8Array): boolean {
  if (Buffer.compare(stored.bytes, bytes) === 0) return true;
  const ours = decodeBatch(stored.bytes);
  const theirs = decodeBatch(bytes);
  const first = Math.max(stored.firstSeq, firstSeq);
  const last = Math.min(stored.lastSeq, firstSeq + theirs.events.count - 1);
  for (let seq = first; seq <= last; seq += 1) {
    const our = eventAt(ours, seq - stored.firstSeq);
    if (!isDeepStrictEqual(our, eventAt(theirs, seq - firstSeq))) return false;
  }
  return true;
}

class OutcomeDraft implements Outcome {
  readonly acks: BatchAck[] = [];
  readonly commands: AgentCommand[] = [];
  storedCount = 0;
  repeatedCount = 0;
  conflictCount = 0;

  ack(header: PreparedBatch["header"], storedCount: number, known?: Standing): void {
    const { node, epoch, firstSeq, lastSeq } = header;
    const ack = { node, epoch, firstSeq, lastSeq, storedCount };
    this.acks.push(
      known === undefined ? ack : { ...ack, known: { epoch: known.epoch, t: formatHlc(known.t) } },
    );
  }
}
