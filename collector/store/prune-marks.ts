/**
 * What is pruned and what is gone, in memory: the part that both adapters share.
 *
 * A mark only ever rises. The mark of a forgotten epoch outlives its record, until the last of its
 * records has been swept: it is what says that they are nobody's.
 */
import { type Hlc, MAX_HLC } from "../../agent/kernel/index.ts";
import type { GoneStretch, MessagesGone, PrunedEpoch, PruneWrite } from "./history-store.ts";

export class PruneMarks {
  readonly #byEpoch = new Map<number, PrunedEpoch>();
  readonly #unswept = new Set<number>();
  #gone: readonly GoneStretch[] = [];
  #messagesGone: MessagesGone | undefined;
  #count = 0;

  get gone(): readonly GoneStretch[] {
    return this.#gone;
  }

  get messagesGone(): MessagesGone | undefined {
    return this.#messagesGone;
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

  setMessagesGone(gone: MessagesGone | undefined): void {
    this.#messagesGone = gone;
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
    (mark) => !forgotten.has(mark.epochId) && isFurther(mark, known(mark.epochId)),
  );
  return [...pruned, ...write.forget.map(wholeOf)];
}

/** What was gone, and these stretches [start, end]. */
export function withMessagesGone(
  known: MessagesGone | undefined,
  more: readonly (readonly [start: number, end: number])[],
): MessagesGone | undefined {
  let from: number = known?.from ?? Number.POSITIVE_INFINITY;
  let until: number = known?.until ?? Number.NEGATIVE_INFINITY;
  for (const [start, end] of more) {
    from = Math.min(from, start);
    until = Math.max(until, end);
  }
  return from > until ? undefined : { from: from as Hlc, until: until as Hlc };
}

/** It rises, or stays where it is and keeps less. */
function isFurther({ seq, keep }: PrunedEpoch, known: PrunedEpoch | undefined): boolean {
  if (known === undefined || seq !== known.seq) return seq > (known?.seq ?? 0);
  return keep.length < known.keep.length;
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
