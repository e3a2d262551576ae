/**
 * What a walk remembers while it goes through the records, and where it writes down what it finds.
 * Batches are remembered as ranges of seqs: memory grows with the holes of the history, not with it.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord, TimedRange } from "../store/history-store.ts";
import type { RawStore } from "../store/raw-store.ts";
import type { Marks } from "./pruned.ts";
import { type Damage, type DamageFault, MAX_LISTED_DAMAGE } from "./report.ts";

/** What the batches of one epoch cover. */
export interface Covered {
  /** Ascending, disjoint, not touching. */
  readonly ranges: TimedRange[];
  /** Seqs in batches that can be read. */
  readableCount: number;
}

/** The place of a damage, as a record or its key names it. */
export interface Place {
  readonly epochId?: number;
  readonly range?: TimedRange;
  /** Where times alone are known. */
  readonly times?: { readonly from: Hlc; readonly to: Hlc };
  readonly key?: Buffer;
}

export class WalkContext {
  readonly store: RawStore;
  /** By id; those that can be read. */
  readonly epochs: ReadonlyMap<number, EpochRecord>;
  readonly covered: Map<number, Covered> = new Map();
  readonly damage: Damage[] = [];
  damageCount = 0;

  readonly marks: Marks;

  constructor(store: RawStore, epochs: ReadonlyMap<number, EpochRecord>, marks: Marks) {
    this.store = store;
    this.epochs = epochs;
    this.marks = marks;
  }

  note(kind: string, fault: DamageFault, detail: string, place: Place = {}): void {
    this.damageCount += 1;
    if (this.damage.length >= MAX_LISTED_DAMAGE) return;
    const { epochId, range, times, key } = place;
    const epoch = epochId === undefined ? undefined : this.epochs.get(epochId);
    this.damage.push({
      kind,
      fault,
      detail,
      ...(key === undefined ? {} : { key: key.toString("hex") }),
      ...(epoch === undefined ? {} : { node: epoch.node, epoch: epoch.epoch }),
      ...times,
      ...(range === undefined ? {} : placeOf(range)),
    });
  }

  /** Takes in what a batch's key names. Batches come in order of time, which is the order of seqs. */
  cover(epochId: number, range: TimedRange, key: Buffer): Covered {
    let covered = this.covered.get(epochId);
    if (covered === undefined) {
      covered = { ranges: [], readableCount: 0 };
      this.covered.set(epochId, covered);
    }
    const before = covered.ranges.at(-1);
    if (before !== undefined && range.first <= before.last) {
      const detail = `seqs ${range.first} to ${Math.min(before.last, range.last)} stand in two batches`;
      this.note("batch", "doubled", detail, { epochId, range, key });
    }
    if (before !== undefined && range.first <= before.last + 1) {
      if (range.last > before.last) {
        covered.ranges[covered.ranges.length - 1] = {
          ...before,
          last: range.last,
          lastT: range.lastT,
        };
      }
    } else covered.ranges.push(range);
    return covered;
  }
}

function placeOf(range: TimedRange): {
  firstSeq: number;
  lastSeq: number;
  from: Hlc;
  to: Hlc;
} {
  return { firstSeq: range.first, lastSeq: range.last, from: range.firstT, to: range.lastT };
}
