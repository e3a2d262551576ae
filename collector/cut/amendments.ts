/**
 * What of the past has changed by what came late: holes and losses that were filled, losses declared
 * below what had been promised, nodes that were given up or came back, runs that nobody knew of.
 * Told from two looks at an epoch's record, before a write and after it; what was merely added at
 * the end is no amendment.
 */
import type { Hlc, LostRange } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import { earliestBefore } from "./beginnings.ts";
import { letGoOfForgotten } from "./forgotten-epochs.ts";

/** Answers about (from, to] that depend on the node may differ from what they were. */
export interface AmendedRange {
  readonly node: string;
  readonly from: Hlc;
  readonly to: Hlc;
}

export class Amendments {
  readonly #store: HistoryStore;
  readonly #known = new Map<number, EpochRecord>();
  /** The latest time that was promised for all. A run that joins before it had been overlooked. */
  #reached: number = Number.NEGATIVE_INFINITY;

  constructor(store: HistoryStore) {
    this.#store = store;
    for (const record of store.epochs()) this.#note(record);
  }

  /** Of how many epochs a record is remembered. */
  get knownCount(): number {
    return this.#known.size;
  }

  /** After a durable write that changed these epochs. None named: all are looked at. */
  stored(epochIds?: Iterable<number>): AmendedRange[] {
    letGoOfForgotten(this.#known, this.#store);
    const found: AmendedRange[] = [];
    const records =
      epochIds === undefined
        ? this.#store.epochs()
        : [...epochIds].flatMap((id) => this.#store.epoch(id) ?? []);
    for (const record of records) {
      const before = this.#known.get(record.id);
      if (before === record) continue;
      const range = before === undefined ? this.#beginning(record) : amended(before, record);
      this.#note(record);
      if (range !== undefined) found.push({ node: record.node, ...range });
    }
    return found;
  }

  #note(record: EpochRecord): void {
    this.#known.set(record.id, record);
    if (record.named !== true) this.#reached = Math.max(this.#reached, record.watermark);
  }

  #beginning(record: EpochRecord): Stretch | undefined {
    const from = earliestBefore(record);
    if (record.named === true || from >= this.#reached) return undefined;
    return { from, to: Math.max(record.closed, record.lastT) as Hlc };
  }
}

interface Stretch {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** The stretch that is told otherwise now; undefined: nothing but more. */
export function amended(before: EpochRecord, after: EpochRecord): Stretch | undefined {
  const stretches = [
    ...filled(before, after),
    ...lossesChanged(before, after),
    ...endChanged(before, after),
  ];
  if (stretches.length === 0) return undefined;
  return {
    from: Math.min(...stretches.map(({ from }) => from)) as Hlc,
    to: Math.max(...stretches.map(({ to }) => to)) as Hlc,
  };
}

/** Gaps between what was stored in which something is stored now. */
function filled({ stored, joined }: EpochRecord, after: EpochRecord): Stretch[] {
  return stored.flatMap((range, i): Stretch[] => {
    const last = stored[i - 1];
    const gap = { first: (last?.last ?? 0) + 1, last: range.first - 1 };
    const isFilled = after.stored.some(({ first, last: end }) => {
      // What was stored before lies in one range still, so an overlap with the gap is new.
      return Math.max(first, gap.first) <= Math.min(end, gap.last);
    });
    const from = last?.lastT ?? ((Math.min(joined, after.joined) - 1) as Hlc);
    return isFilled ? [{ from, to: range.firstT }] : [];
  });
}

/** Losses declared, or taken back, below what was promised before. */
function lossesChanged(before: EpochRecord, after: EpochRecord): Stretch[] {
  const old = new Map(before.lost.map((range) => [range.firstSeq, range]));
  const now = new Map(after.lost.map((range) => [range.firstSeq, range]));
  const { closed } = before;
  const declared = after.lost.flatMap((range): Stretch[] => {
    const was = old.get(range.firstSeq);
    if (was !== undefined && isSameLoss(was, range)) return [];
    const from = Math.max((range.firstT - 1) as Hlc, was?.lastT ?? Number.NEGATIVE_INFINITY) as Hlc;
    return from < closed ? [{ from, to: Math.min(range.lastT, closed) as Hlc }] : [];
  });
  const repaired = before.lost.flatMap((range): Stretch[] => {
    const is = now.get(range.firstSeq);
    if (is !== undefined && is.lastSeq >= range.lastSeq) return [];
    return [{ from: (range.firstT - 1) as Hlc, to: range.lastT }];
  });
  return [...declared, ...repaired];
}

function isSameLoss(a: LostRange, b: LostRange): boolean {
  return a.lastSeq === b.lastSeq && a.lastT === b.lastT && a.firstT === b.firstT;
}

/** It was given up, or came back after that. */
function endChanged(before: EpochRecord, after: EpochRecord): Stretch[] {
  const expired = [before.end, after.end].find((end) => end?.kind === "expired");
  if (!expired || before.end?.t === after.end?.t) return [];
  return [{ from: before.closed, to: Math.max(expired.t, before.closed) as Hlc }];
}
