/**
 * What is pruned and what is gone, in memory: the part that both adapters share.
 *
 * A mark only ever rises. The mark of a forgotten epoch outlives its record, until the last of its
 * records has been swept: it is what says that they are nobody's.
 */
import { type Hlc, MAX_HLC } from "../../agent/kernel/index.ts";
import type { GoneStretch, PrunedEpoch, PruneWrite } from "./history-store.ts";

export class PruneMarks {
  readonly #byEpoch = new Map<number, PrunedEpoch>();
  readonly #unswept = new Set<number>();
  #gone: readonly GoneStretch[] = [];
  #count = 0;

  get gone(): readonly GoneStretch[] {
    return this.#gone;
  }

  get(epochId: number): PrunedEpoch | undefined {
    return this.#byEpoch.get(epochId);
  }

  /** Epochs of which pruned records may be left. */
  get unswept(): ReadonlySet<number> {
    return this.#unswept;
  }

  /** How often anything was pruned, as far as this process knows. */
  get count(): number {
    return this.#count;
  }

  set(mark: PrunedEpoch): void {
    this.#byEpoch.set(mark.epochId, mark);
    this.#count += 1;
    this.#unswept.add(mark.epochId);
  }

  setGone(gone: readonly GoneStretch[]): void {
    this.#gone = gone;
  }

  /** Nothing pruned is left of the epoch; `isForgotten`: nothing at all. */
  swept(epochId: number, isForgotten: boolean): void {
    this.#unswept.delete(epochId);
    if (isForgotten) this.#byEpoch.delete(epochId);
  }
}

/** What a write marks: the epochs it prunes, where that is further than before, and those it forgets. */
export function marksOf(
  write: PruneWrite,
  known: (epochId: number) => PrunedEpoch | undefined,
): PrunedEpoch[] {
  const forgotten = new Set(write.forget);
  const pruned = write.epochs.filter(
    ({ epochId, seq }) => !forgotten.has(epochId) && seq > (known(epochId)?.seq ?? 0),
  );
  return [...pruned, ...write.forget.map(wholeOf)];
}

function wholeOf(epochId: number): PrunedEpoch {
  return { epochId, seq: Number.MAX_SAFE_INTEGER, t: MAX_HLC, isBlank: true, keep: [] };
}

/** Whether the history of a pruned epoch begins with this directory. */
export function needsDirectory(mark: PrunedEpoch | undefined, t: Hlc): boolean {
  return mark !== undefined && mark.isBlank !== true && mark.t === t;
}

/** Whether that directory needs this state, or its key list. */
export function needsState(mark: PrunedEpoch | undefined, log: string, seq: number): boolean {
  if (mark === undefined) return false;
  return seq === mark.seq || mark.keep.some((one) => one.log === log && one.seq === seq);
}

/** A repair of a pruned epoch leaves the directory alone that its history begins with. */
export function staleFrom(fromT: Hlc, mark: PrunedEpoch | undefined): Hlc {
  return mark === undefined ? fromT : (Math.max(fromT, mark.t + 1) as Hlc);
}
