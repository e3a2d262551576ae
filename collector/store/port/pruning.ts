/**
 * What goes: how far epochs are pruned, what is gone altogether, and how much room there is. First a
 * mark says from where on history is served, then sweeps remove what lies below it.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";

/**
 * An epoch of which the beginning is gone, by retention or by order. What `prune` writes shows at once;
 * the records themselves are removed later, by `sweep`, so that no answer can be made of half of them.
 *
 *     seq   1 ............. seq | seq + 1 ....
 *           not served, swept   | t: the state here is that of the directory of exactly this t
 */
export interface PrunedEpoch {
  readonly epochId: number;
  /** Nothing up to this seq is served. */
  readonly seq: number;
  /** No time before this can be answered. */
  readonly t: Hlc;
  /** There is no directory of t: the state there is not known either, until keyframes tell it. */
  readonly isBlank?: true;
  /** Earlier checkpoints that this directory, and those after it, refer to: they stay. */
  readonly keep: readonly { readonly log: string; readonly seq: number }[];
}

/** A stretch of time in which a node was a member, of which not even the epoch's record is kept. */
export interface GoneStretch {
  readonly node: string;
  readonly from: Hlc;
  /** It ended here, or another epoch of the node began. */
  readonly until: Hlc;
  /** When the latest of its runs began; absent: at `from`. */
  readonly joined?: Hlc;
  /** The highest of the epochs that are gone. Absent: nobody noted it. */
  readonly epoch?: number;
  /** Runs that others displaced, and that went on, nobody's state, to after `until`. Absent: none. */
  readonly wentOn?: readonly WentOn[];
}

/** How far a run came that had been displaced. */
export interface WentOn {
  readonly epoch: number;
  readonly lastT: Hlc;
}

/** One transaction of retention. */
export interface PruneWrite {
  /**
   * At most one per epoch. Pruned epochs stay pruned: seq and t only rise (at the same seq, what is kept may
   * become less: sweeps take the rest). One that is not blank and whose
   * directory is not there (any more) is left out without a word.
   */
  readonly epochs: readonly PrunedEpoch[];
  /** Ids of epochs whose records go as well, and with them, by and by, all that is theirs. */
  readonly forget: readonly number[];
  /** In place of all that `gone()` says; undefined: as it is. */
  readonly gone: readonly GoneStretch[] | undefined;
}

export interface SweepOptions {
  /** Records removed at most: what keeps a transaction short. */
  readonly limit: number;
  /** Violations and slow messages that were over before this go too. */
  readonly messagesBefore: Hlc;
}

export interface StoreUsage {
  /** What records take. */
  readonly usedBytes: number;
  /** What the file takes: it does not shrink, what was removed is written over. */
  readonly fileBytes: number;
  /** The file system it is on; undefined where there is none. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
}
