/**
 * The core of ingest: takes prepared batches in, against what is stored, and says what to write and
 * what to answer. No I/O but look-ups of batches that come again.
 *
 *     request 1  [batch][batch]  ---+
 *     request 2  [batch]         ---+--->  GroupDraft  --->  one StoreWrite  --->  acks, when durable
 *     request 3  [batch]         ---+       (a refused request leaves no trace in it)
 */
import {
  type AgentCommand,
  type Batch,
  decodeBatch,
  type Hlc,
  RetroError,
} from "../../agent/kernel/index.ts";
import type {
  EpochRecord,
  HistoryStore,
  SlowMessageRecord,
  StoredBatch,
  StoredSideBlock,
  StoreWrite,
  ViolationRecord,
} from "../store/history-store.ts";
import {
  brokenPromise,
  type DraftMark,
  EpochDraft,
  emptyEpoch,
  isBrokenPromise,
} from "./epoch-draft.ts";
import type { EpochIndex } from "./epoch-index.ts";
import {
  DEFAULT_EPOCH_LIMITS,
  type EpochLimits,
  EpochRoom,
  type FullLogsView,
} from "./epoch-room.ts";
import { isForeign } from "./foreign.ts";
import { expiredNamed, namedAgain, namedEpoch } from "./named-runs.ts";
import { type Outcome, OutcomeDraft } from "./outcome.ts";
import { cutBatch, type PreparedBatch } from "./prepare.ts";
import { Repeats } from "./repeats.ts";
import { isGone, retained, tooOld } from "./retained.ts";
import type { SenderFacts } from "./scan.ts";
import { missingIn } from "./seq-ranges.ts";
import {
  rejoinAbove,
  type Standing,
  standingBeside,
  standingOf,
  standingsOfGone,
} from "./standing.ts";

export class GroupDraft {
  readonly #index: EpochIndex;
  readonly #store: HistoryStore;
  readonly #arrivalMs: number;
  readonly #messageTimeoutMs: number | undefined;
  readonly #fullLogs: FullLogsView | undefined;
  readonly #repeats: Repeats;
  /** By node, then epoch. */
  readonly #drafts = new Map<string, Map<number, EpochDraft>>();
  readonly #room: EpochRoom;
  readonly #batches: StoredBatch[] = [];
  readonly #violations: ViolationRecord[] = [];
  readonly #slowMessages: SlowMessageRecord[] = [];
  readonly #sideBlocks: StoredSideBlock[] = [];
  /** Runs that receives name and that were not known: see named-runs.ts. */
  readonly #named: SenderFacts[] = [];
  readonly #expiredNamed: EpochRecord[] = [];

  constructor(
    index: EpochIndex,
    store: HistoryStore,
    arrivalMs: number,
    limits: EpochLimits = DEFAULT_EPOCH_LIMITS,
    messageTimeoutMs?: number,
    fullLogs?: FullLogsView,
  ) {
    this.#messageTimeoutMs = messageTimeoutMs;
    this.#fullLogs = fullLogs;
    this.#index = index;
    this.#store = store;
    this.#arrivalMs = arrivalMs;
    this.#room = new EpochRoom(index, limits);
    this.#repeats = new Repeats(store);
  }

  /**
   * Takes a request in, whole or not at all.
   * @throws RetroError `bad-batch`, `too-large`, `overloaded` (too many nodes or epochs)
   */
  take(batches: readonly PreparedBatch[]): Outcome {
    const marks = new Map<EpochDraft, DraftMark>();
    const lists = [
      this.#batches,
      this.#violations,
      this.#slowMessages,
      this.#named,
      this.#sideBlocks,
    ];
    const lengths = lists.map((list) => list.length);
    const outcome = new OutcomeDraft();
    this.#repeats.beginRequest();
    try {
      for (const batch of batches) this.#takeOne(batch, marks, outcome);
      return outcome;
    } catch (error) {
      for (const [draft, mark] of marks) {
        draft.restore(mark);
        // Made by this request: nobody else has put anything into it.
        if (!draft.isNew || !mark.isUntouched) continue;
        this.#drafts.get(draft.base.node)?.delete(draft.base.epoch);
        this.#room.count(draft.base.node, -1);
      }
      for (const [i, list] of lists.entries()) list.length = lengths[i] as number;
      throw error;
    }
  }

  /** Ends an epoch for its silence, later than everything known of it; unless it is in this group. */
  expire(record: EpochRecord, now: Hlc): void {
    const { node, epoch } = record;
    if (record.named === true) {
      const isNamed = this.#named.some((one) => one.node === node && one.epoch === epoch);
      if (!isNamed) this.#expiredNamed.push(expiredNamed(record, now));
      return;
    }
    if (this.#drafts.get(node)?.has(epoch) === true) return;
    const draft = this.#draftOf(node, epoch);
    draft?.expire(Math.max(now, draft.highestT + 1) as Hlc);
  }

  /** Everything taken in, as one write. */
  write(): StoreWrite {
    // A request that was refused has looked its epochs up: that alone is nothing to write.
    const drafts = [...this.#drafts.values()].flatMap((epochs) =>
      [...epochs.values()].filter(({ isChanged }) => isChanged),
    );
    return {
      batches: this.#batches,
      epochs: [...drafts.map((draft) => draft.record()), ...this.#namedRecords()],
      violations: this.#violations,
      slowMessages: this.#slowMessages,
      staleCheckpoints: drafts.flatMap(({ base, isNew, staleFromT }) =>
        staleFromT === undefined || isNew ? [] : [{ epochId: base.id, fromT: staleFromT }],
      ),
      sideBlocks: this.#sideBlocks,
    };
  }

  #takeOne(batch: PreparedBatch, marks: Map<EpochDraft, DraftMark>, outcome: OutcomeDraft): void {
    const { header, facts, sideBlocks = [] } = batch;
    const { node, epoch, firstSeq, lastSeq } = header;
    const eventCount = lastSeq - firstSeq + 1;
    let draft = this.#draftOf(node, epoch);
    const isForgotten = draft === undefined && isGone(this.#store, batch);
    if (isForgotten && eventCount > 0) throw tooOld(node);
    if (draft === undefined && eventCount === 0 && (isForgotten || header.dropped.length === 0)) {
      // A sign of life of an epoch that we know nothing of: there is nothing to keep. What it carries beside events
      // would have no epoch but one that is all hole.
      if (firstSeq > 1) outcome.commands.push(this.#rejoin(node, epoch, "unknown-epoch"));
      outcome.ack(header, 0);
      return;
    }
    draft ??= this.#newDraft(batch);
    if (!marks.has(draft)) marks.set(draft, draft.mark());
    const missing = eventCount === 0 ? [] : retained(this.#store, draft, batch);
    if (isForeign(batch, draft) || outcome.isForeign(header)) {
      outcome.conflict(header);
      return;
    }
    let whole: Batch | undefined;
    const decoded = (): Batch => {
      whole ??= decodeBatch(batch.bytes);
      return whole;
    };
    if (missing.length > 0) this.#checkVariables(draft.base.id, batch, decoded);
    let storedCount = 0;
    for (const { first, last } of missing) {
      const isWhole = first === firstSeq && last === lastSeq;
      const part = isWhole ? batch : cutBatch(decoded(), first, last, this.#messageTimeoutMs);
      draft.addEvents(part);
      this.#keep(draft.base.id, part);
      storedCount += last - first + 1;
    }
    if (!this.#isPromiseTaken(draft, batch, storedCount)) {
      outcome.conflict(header);
      return;
    }
    const { id: epochId } = draft.base;
    for (const one of sideBlocks) {
      this.#sideBlocks.push({ ...one, epochId, arrivalMs: this.#arrivalMs });
    }
    outcome.storedCount += storedCount;
    outcome.repeatedCount += eventCount - storedCount;
    if (storedCount < eventCount) {
      const known = missingIn(missing, firstSeq, lastSeq);
      const found = this.#repeats.compare(draft.base.id, batch, decoded, known);
      if (found === "differs") outcome.conflictCount += 1;
      if (found === "unknown") outcome.uncomparedCount += 1;
    }
    const known = facts.join === undefined ? undefined : this.#highestBeside(node, epoch);
    outcome.ack(header, storedCount, known);
    if (header.imported) return;
    if (draft.instance === "") {
      outcome.commands.push(this.#rejoin(node, epoch, "unknown-epoch"));
    } else if (facts.join !== undefined && known !== undefined && storedCount > 0) {
      const isAbove = epoch > known.epoch && facts.join.t > known.t;
      if (!isAbove) outcome.commands.push(this.#rejoin(node, epoch, "not-above"));
    }
  }

  /**
   * A log that is full goes on with the variables that it has. Refused for good: to send it again would not
   * help, and an agent that parts its batch loses what is too much, and no more.
   */
  #checkVariables(epochId: number, { header, facts }: PreparedBatch, decoded: () => Batch): void {
    const full = this.#fullLogs;
    if (full === undefined) return;
    for (const { log, changeCount } of facts.logs) {
      if (changeCount === 0 || !full.isFull(epochId, log)) continue;
      const isNew = decoded().events.variables.some(
        (one) => one.log === log && !full.knows(epochId, log, one.key),
      );
      if (!isNew) continue;
      const name = JSON.stringify(log.slice(0, 80));
      throw new RetroError("too-large", `${header.node}: log ${name} takes no more variables`, {
        hint: "A variable's name is to come again: put what is different each time into values.",
        details: { reason: "too-many-variables" },
      });
    }
  }

  /** The ids of the runs that were named in this group; call once it is durable. */
  namedIds(): number[] {
    return this.#named.flatMap(({ node, epoch }) => this.#index.named.find(node, epoch)?.id ?? []);
  }

  /** The records of runs that only messages tell of, where something changes. */
  #namedRecords(): EpochRecord[] {
    const { named } = this.#index;
    const changed = new Map<string, EpochRecord>();
    let newCount = 0;
    for (const facts of this.#named) {
      const { node, epoch } = facts;
      // Heard itself, in the same group.
      if (this.#drafts.get(node)?.has(epoch) === true) continue;
      const key = `${epoch} ${node}`;
      const known = changed.get(key) ?? named.find(node, epoch);
      if (known === undefined && !named.hasRoom(node, newCount)) continue;
      if (known === undefined) newCount += 1;
      const record =
        known === undefined
          ? namedEpoch(this.#store.nextEpochId(), facts, this.#arrivalMs)
          : namedAgain(known, facts);
      if (record !== undefined) changed.set(key, record);
    }
    const isHeard = ({ node, epoch }: EpochRecord) => this.#drafts.get(node)?.has(epoch) === true;
    return [...changed.values(), ...this.#expiredNamed.filter((one) => !isHeard(one))];
  }

  #keep(epochId: number, { header, bytes, facts }: PreparedBatch): void {
    const { firstSeq, lastSeq, firstT, lastT } = header;
    const arrivalMs = this.#arrivalMs;
    this.#batches.push({ epochId, firstSeq, lastSeq, firstT, lastT, arrivalMs, bytes });
    this.#violations.push(...facts.violations);
    this.#slowMessages.push(...facts.slowMessages);
    if (header.imported) return;
    for (const one of facts.senders) {
      if (this.#index.find(one.node, one.epoch) === undefined) this.#named.push(one);
    }
  }

  #draftOf(node: string, epoch: number): EpochDraft | undefined {
    const draft = this.#drafts.get(node)?.get(epoch);
    if (draft !== undefined) return draft;
    const record = this.#index.find(node, epoch);
    return record && this.#remember(new EpochDraft(record, false));
  }

  #newDraft(batch: PreparedBatch): EpochDraft {
    const { node, epoch } = batch.header;
    this.#room.check(node);
    this.#room.count(node, 1);
    const id = this.#index.named.find(node, epoch)?.id ?? this.#store.nextEpochId();
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
    yield* standingsOfGone(this.#store.gone(), node);
  }

  /**
   * Takes in what a batch says beside its events. False: it is empty, and what it promises was broken by
   * events that are stored. They are another process's, whose join never came: nothing that ours may say of
   * this epoch could ever be taken, so it is told as of any epoch that belongs to another.
   * @throws RetroError `bad-batch` where events came with the promise, or out of a file
   */
  #isPromiseTaken(draft: EpochDraft, batch: PreparedBatch, storedCount: number): boolean {
    const { firstSeq, lastSeq, imported } = batch.header;
    const mark = draft.mark();
    try {
      draft.addHeader(batch, this.#arrivalMs);
      if (storedCount === 0 && !draft.isNew) this.#checkPromise(draft, batch);
      return true;
    } catch (error) {
      if (lastSeq >= firstSeq || imported || !isBrokenPromise(error)) throw error;
      draft.restore(mark);
      return false;
    }
  }

  /** Of a batch that is behind: whether it promised less than what then came. */
  #checkPromise(draft: EpochDraft, { header }: PreparedBatch): void {
    const { node, lastSeq, closed } = header;
    if (lastSeq >= draft.lastStoredSeq) return;
    const t = this.#repeats.timeOf(draft.base.id, lastSeq + 1);
    if (t !== undefined && closed >= t) throw brokenPromise(node, lastSeq, lastSeq + 1);
  }
}
