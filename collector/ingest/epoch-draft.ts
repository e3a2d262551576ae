/**
 * What is known of one epoch while a group of batches is taken in: the stored record plus what the
 * group adds. Nothing is kept if the group fails: the record in the store is the truth.
 *
 * The rules of completeness live here:
 * - identity is (node, epoch, seq); of a batch only the seqs that are missing are stored;
 * - the watermark is the promise (`closed`) of the last contiguous batch; a hole freezes it until it
 *   is filled or declared lost; it never falls;
 * - a stored event beats a declaration of loss, whichever comes first;
 * - whatever lands before the end of what was known is a repair: checkpoints from there on are stale;
 * - t rises with seq, over batches too, and no event is at or before a promise made before it.
 */
import { type Hlc, type LostRange, MIN_HLC, RetroError } from "../../agent/kernel/index.ts";
import type { EpochEnd, EpochRecord, LogRecord, SeqRange } from "../store/history-store.ts";
import { boundedGaps } from "./lost-ranges.ts";
import type { PreparedBatch } from "./prepare.ts";
import type { LogTouch } from "./scan.ts";
import {
  contiguousSeq,
  lostAfter,
  lostWithout,
  missingIn,
  neighbours,
  newlyLost,
  withLost,
  withStored,
} from "./seq-ranges.ts";

/**
 * Open holes one epoch may have before it is refused: a record must stay small. Lost ranges are
 * folded instead (lost-ranges.ts): a node that drops often must not be shut out for it.
 */
export const MAX_RANGES_PER_EPOCH = 4_096;
/** Logs one epoch may have, for the same reason. */
export const MAX_LOGS_PER_EPOCH = 4_096;

/** The record's fields that change with batches; replaced, never changed in place. */
interface State
  extends Pick<
    EpochRecord,
    | "service"
    | "tags"
    | "instance"
    | "joined"
    | "stored"
    | "lost"
    | "contiguousSeq"
    | "watermark"
    | "closed"
    | "lastT"
    | "end"
    | "lastArrivalMs"
    | "eventCount"
    | "status"
  > {
  /** Earliest t from which checkpoints are stale. */
  readonly staleFromT: Hlc | undefined;
}

const BROKEN_PROMISE = "broken-promise";

/** A point to go back to: `restore`. */
export interface DraftMark {
  readonly state: State;
  readonly touchCount: number;
  /** Nothing was taken in before it. */
  readonly isUntouched: boolean;
}

export class EpochDraft {
  readonly base: EpochRecord;
  /** Whether the store knows nothing of this epoch yet. */
  readonly isNew: boolean;
  #state: State;
  #touches: LogTouch[] = [];
  #baseLogCount: number | undefined;
  #isUntouched = true;

  constructor(base: EpochRecord, isNew: boolean) {
    this.base = base;
    this.isNew = isNew;
    this.#state = { ...base, staleFromT: undefined };
  }

  get instance(): string {
    return this.#state.instance;
  }

  /** The highest seq stored; 0 if none is. */
  get lastStoredSeq(): number {
    return this.#state.stored.at(-1)?.last ?? 0;
  }

  get end(): EpochEnd | null {
    return this.#state.end;
  }

  /** The highest time this epoch is known to have reached. */
  get highestT(): Hlc {
    const { lastT, closed, end } = this.#state;
    return Math.max(lastT, closed, end?.t ?? MIN_HLC) as Hlc;
  }

  /** Where checkpoints become stale by what was added, if anywhere. */
  get staleFromT(): Hlc | undefined {
    return this.#state.staleFromT;
  }

  /** Whether anything was taken in: else the record is as it is stored. */
  get isChanged(): boolean {
    return !this.#isUntouched;
  }

  mark(): DraftMark {
    return {
      state: this.#state,
      touchCount: this.#touches.length,
      isUntouched: this.#isUntouched,
    };
  }

  restore(mark: DraftMark): void {
    this.#state = mark.state;
    this.#touches.length = mark.touchCount;
    this.#isUntouched = mark.isUntouched;
  }

  /** The parts of a batch that are not stored yet. */
  missing({ header }: PreparedBatch): SeqRange[] {
    return missingIn(this.#state.stored, header.firstSeq, header.lastSeq);
  }

  /**
   * Takes in the events of a batch of which none is stored.
   * @throws RetroError `bad-batch` if its times contradict what is stored; `too-large`
   */
  addEvents({ header, facts }: PreparedBatch): void {
    const { firstSeq, lastSeq, firstT, lastT, closed } = header;
    const state = this.#state;
    this.#checkTimes(header);
    const added = { first: firstSeq, last: lastSeq, firstT, lastT, closed };
    this.#checkLogs(header.node, facts.logs.length);
    const stored = withStored(state.stored, added);
    if (stored.length > MAX_RANGES_PER_EPOCH) throw tooFragmented(header.node);
    const isRepair = firstSeq <= highestSeq(state);
    const { join, leaveT } = facts;
    this.#touches.push(...facts.logs);
    this.#state = {
      ...state,
      ...(join === undefined
        ? {}
        : { service: join.service, tags: join.tags, instance: join.instance }),
      joined: Math.min(state.joined, firstT) as Hlc,
      stored,
      lost: state.lost.length === 0 ? state.lost : lostWithout(state.lost, added),
      lastT: Math.max(state.lastT, lastT) as Hlc,
      end: leaveT === undefined ? state.end : { kind: "left", t: leaveT },
      eventCount: state.eventCount + (lastSeq - firstSeq + 1),
      staleFromT: isRepair
        ? (Math.min(firstT, state.staleFromT ?? firstT) as Hlc)
        : state.staleFromT,
    };
  }

  /** Takes in what a batch says beside its events. Call after its events. */
  addHeader({ header }: PreparedBatch, arrivalMs: number): void {
    this.#isUntouched = false;
    this.#addLost(header.dropped);
    this.#addPromise(header);
    const state = this.#state;
    const reached = contiguousSeq(state.stored, state.lost);
    const upTo = state.stored.findLast((range) => range.last <= reached);
    // An empty batch promises too: whatever comes after lastSeq is later than closed. One that is
    // behind what is stored says nothing of what comes after that.
    const isNews = header.lastSeq <= reached && (upTo?.last ?? 0) <= header.lastSeq;
    const promised = isNews ? header.closed : MIN_HLC;
    // Only news is a sign of life: an old batch that comes again opens nothing.
    const isBack = state.end?.kind === "expired" && header.closed > state.closed;
    // A file about a node is no sign of its life.
    const isHeard = this.base.imported || !header.imported;
    this.#state = {
      ...state,
      service: state.service === "" ? header.service : state.service,
      contiguousSeq: reached,
      watermark: Math.max(state.watermark, promised, upTo?.closed ?? MIN_HLC) as Hlc,
      closed: Math.max(state.closed, header.closed) as Hlc,
      end: isBack ? null : state.end,
      lastArrivalMs: isHeard ? Math.max(state.lastArrivalMs, arrivalMs) : state.lastArrivalMs,
      status: header.status ?? state.status,
    };
  }

  /** Ends the epoch at `t` for its silence; a sign of life takes it back. */
  expire(t: Hlc): void {
    this.#isUntouched = false;
    this.#state = { ...this.#state, end: { kind: "expired", t } };
  }

  /** The record to store. */
  record(): EpochRecord {
    const { staleFromT: _, ...state } = this.#state;
    return { ...this.base, ...state, logs: this.#logs() };
  }

  /** A promise about what follows a stored seq is kept with it, also while a hole is open before it. */
  #addPromise({ node, lastSeq, closed }: PreparedBatch["header"]): void {
    const { stored } = this.#state;
    const { before, after } = neighbours(stored, { first: lastSeq + 1, last: lastSeq + 1 });
    if (after !== undefined) {
      // Of a range that goes on after lastSeq, its end is known here; accept.ts looks closer.
      const [seq, t] =
        after.first > lastSeq ? [after.first, after.firstT] : [after.last, after.lastT];
      if (closed >= t) throw brokenPromise(node, lastSeq, seq);
    }
    if (before?.last !== lastSeq || before.closed >= closed) return;
    const raised = { ...before, closed };
    this.#state = {
      ...this.#state,
      stored: stored.map((one) => (one === before ? raised : one)),
      lost: lostAfter(this.#state.lost, lastSeq, closed),
    };
  }

  #addLost(declared: readonly LostRange[]): void {
    if (declared.length === 0) return;
    const state = this.#state;
    const highest = highestSeq(state);
    let { lost, staleFromT, joined } = state;
    for (const range of declared) {
      const news = newlyLost(state.stored, lost, range);
      if (news.length === 0) continue;
      lost = withLost(lost, news);
      joined = Math.min(joined, range.firstT) as Hlc;
      if (range.firstSeq <= highest) {
        staleFromT = Math.min(range.firstT, staleFromT ?? range.firstT) as Hlc;
      }
    }
    this.#state = { ...state, ...boundedGaps({ stored: state.stored, lost }), staleFromT, joined };
  }

  #checkTimes({ node, firstSeq, lastSeq, firstT, closed }: PreparedBatch["header"]): void {
    const { stored, contiguousSeq, watermark } = this.#state;
    const { before, after } = neighbours(stored, { first: firstSeq, last: lastSeq });
    const promised = firstSeq > contiguousSeq ? watermark : MIN_HLC - 1;
    const isTooEarly = firstT <= Math.max(promised, before?.closed ?? MIN_HLC - 1);
    const isTooLate = after !== undefined && closed >= after.firstT;
    if (!isTooEarly && !isTooLate) return;
    throw new RetroError(
      "bad-batch",
      isTooEarly
        ? `${node}: seq ${firstSeq} is not later than what was closed before it`
        : `${node}: seq ${lastSeq} is not earlier than seq ${after?.first}, which is stored`,
      { hint: "Within an epoch time rises with seq: open a new epoch after a restart." },
    );
  }

  #checkLogs(node: string, more: number): void {
    this.#baseLogCount ??= Object.keys(this.base.logs).length;
    if (this.#baseLogCount + this.#touches.length + more <= MAX_LOGS_PER_EPOCH) return;
    if (Object.keys(this.#logs()).length + more <= MAX_LOGS_PER_EPOCH) return;
    throw new RetroError("too-large", `${node}: more than ${MAX_LOGS_PER_EPOCH} logs in an epoch`, {
      hint: "A log is a named group of variables: put what varies into the variables' names.",
      details: { reason: "too-many-logs" },
    });
  }

  #logs(): Readonly<Record<string, LogRecord>> {
    if (this.#touches.length === 0) return this.base.logs;
    const logs = Object.create(null) as Record<string, LogRecord>;
    for (const name of Object.keys(this.base.logs)) logs[name] = this.base.logs[name] as LogRecord;
    for (const { log, changeCount, firstT, lastT } of this.#touches) {
      const known = logs[log];
      logs[log] = {
        firstT: Math.min(known?.firstT ?? firstT, firstT) as Hlc,
        lastT: Math.max(known?.lastT ?? lastT, lastT) as Hlc,
        changeCount: (known?.changeCount ?? 0) + changeCount,
      };
    }
    return logs;
  }
}

/** A record with nothing in it yet. */
export function emptyEpoch(id: number, { header }: PreparedBatch, arrivalMs: number): EpochRecord {
  return {
    id,
    node: header.node,
    epoch: header.epoch,
    service: header.service,
    tags: {},
    instance: "",
    imported: header.imported,
    joined: header.firstT,
    stored: [],
    lost: [],
    contiguousSeq: 0,
    watermark: MIN_HLC,
    closed: MIN_HLC,
    lastT: MIN_HLC,
    end: null,
    firstArrivalMs: arrivalMs,
    lastArrivalMs: arrivalMs,
    eventCount: 0,
    logs: {},
    status: null,
  };
}

function highestSeq({ stored, lost }: State): number {
  return Math.max(stored[stored.length - 1]?.last ?? 0, lost[lost.length - 1]?.lastSeq ?? 0);
}

/** A batch promised that all after `lastSeq` is later than it is. */
export function brokenPromise(node: string, lastSeq: number, seq: number): RetroError {
  return new RetroError(
    "bad-batch",
    `${node}: closed after seq ${lastSeq} is not earlier than seq ${seq}, which is stored`,
    { hint: "A promise was broken: open a new epoch.", details: { reason: BROKEN_PROMISE } },
  );
}

export function isBrokenPromise(error: unknown): boolean {
  return error instanceof RetroError && error.details?.["reason"] === BROKEN_PROMISE;
}

function tooFragmented(node: string): RetroError {
  return new RetroError(
    "too-large",
    `${node}: more than ${MAX_RANGES_PER_EPOCH} gaps in an epoch`,
    {
      hint: "Send the missing seqs, or open a new epoch.",
      details: { reason: "too-many-gaps" },
    },
  );
}
