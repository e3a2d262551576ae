/**
 * All that the memory store keeps of one epoch: events, full states and timeline tiles, in plain arrays
 * and maps that are searched from end to end.
 *
 *     batches       |1 .. 40| |41 ...... 97|    blocks by the firstSeq of their segment
 *     checkpoints   t: directory, states        ascending by t
 *     tiles         level/index
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type {
  CheckpointThinning,
  CheckpointWrite,
  DirectoryRecord,
  PrunedEpoch,
  SegmentWrite,
  StoredBatch,
  StoredPiece,
  TilesWrite,
} from "./history-store.ts";
import { SideShelf } from "./memory-side.ts";
import { needsDirectory, needsState, staleFrom } from "./prune-marks.ts";
import { isSegment } from "./segment-header.ts";
import { tileSpan } from "./tile-levels.ts";

/** The directory of a checkpoint of which only states are left, that later directories refer to. */
const NO_BYTES = new Uint8Array(0);

export class EpochShelf {
  readonly side: SideShelf = new SideShelf();
  /** Ascending by firstSeq. */
  #batches: StoredBatch[] = [];
  readonly #blocks = new Map<number, readonly Uint8Array[]>();
  #checkpoints: CheckpointWrite[] = [];
  readonly #tiles = new Map<string, { readonly end: number; readonly bytes: Uint8Array }>();
  #repairCount = 0;

  get repairCount(): number {
    return this.#repairCount;
  }

  /** What its records take, without tiles. */
  get byteCount(): number {
    const states = this.#checkpoints.flatMap(({ directory, logs }) => [
      directory,
      ...logs.map(({ bytes }) => bytes),
    ]);
    const events = [
      ...this.#batches.map(({ bytes }) => bytes),
      ...[...this.#blocks.values()].flat(),
    ];
    return sizeOf([...events, ...states]) + this.side.byteCount;
  }

  put(batch: StoredBatch): void {
    this.#batches.push({ ...batch, bytes: batch.bytes.slice() });
    this.#batches.sort(bySeq);
  }

  within(from: Hlc, to: Hlc): StoredBatch[] {
    return this.#batches.filter((batch) => batch.lastT >= from && batch.firstT <= to);
  }

  withSeq(seq: number): StoredBatch | undefined {
    return this.#batches.find((batch) => batch.firstSeq <= seq && seq <= batch.lastSeq);
  }

  block(firstSeq: number, index: number): Uint8Array | undefined {
    return this.#blocks.get(firstSeq)?.[index];
  }

  *pieces(seq: number): Iterable<StoredPiece> {
    for (const batch of this.#batches) {
      const { firstSeq: first, lastSeq: last, firstT, lastT, arrivalMs, bytes } = batch;
      if (last <= seq) continue;
      const byteCount = bytes.length + sizeOf(this.#blocks.get(first) ?? []);
      yield { first, last, firstT, lastT, arrivalMs, byteCount };
    }
  }

  /** Whether all that it replaces was there, and is replaced. */
  seal(write: SegmentWrite, mark: PrunedEpoch | undefined): boolean {
    const { replaced, segment, blocks, isRewritten = false } = write;
    const isReplaced = (one: StoredBatch): boolean =>
      isSegment(one.bytes) === isRewritten &&
      replaced.some(({ first, last }) => first === one.firstSeq && last === one.lastSeq);
    const rest = this.#batches.filter((one) => !isReplaced(one));
    if ((mark?.seq ?? 0) >= segment.firstSeq) return false;
    if (rest.length + replaced.length !== this.#batches.length) return false;
    this.#batches = [...rest, { ...segment, bytes: segment.bytes.slice() }].sort(bySeq);
    const copies = blocks.map((bytes) => bytes.slice());
    this.#blocks.set(segment.firstSeq, copies);
    return true;
  }

  /** What was worked out of times from `fromT` on is wrong now. */
  repaired(fromT: Hlc, mark: PrunedEpoch | undefined): void {
    const stale = staleFrom(fromT, mark);
    this.#repairCount += 1;
    for (const [key, { end }] of this.#tiles) if (end > fromT) this.#tiles.delete(key);
    this.#checkpoints = this.#checkpoints.filter(({ t }) => t < stale);
  }

  putCheckpoint(checkpoint: CheckpointWrite, mark: PrunedEpoch | undefined): void {
    if (checkpoint.repairCount !== this.#repairCount) return;
    if (mark !== undefined && checkpoint.t < mark.t) return;
    this.#checkpoints = this.#checkpoints.filter(({ t }) => t !== checkpoint.t);
    this.#checkpoints.push(checkpoint);
    this.#checkpoints.sort((a, b) => a.t - b.t);
  }

  thin(thinning: CheckpointThinning, mark: PrunedEpoch | undefined): void {
    const { repairCount, directories, states } = thinning;
    if (this.#repairCount !== repairCount) return;
    const isThinned = (t: Hlc): boolean => directories.includes(t) && !needsDirectory(mark, t);
    const isGone = (log: string, seq: number): boolean =>
      states.some((one) => one.log === log && one.seq === seq) && !needsState(mark, log, seq);
    this.#checkpoints = this.#checkpoints.map((one) => ({
      ...one,
      logs: one.logs.filter(({ log }) => !isGone(log, one.seq)),
      directory: isThinned(one.t) ? NO_BYTES : one.directory,
    }));
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    const found = this.#checkpoints.findLast((one) => one.t <= t && one.directory !== NO_BYTES);
    return found && { epochId, seq: found.seq, t: found.t, bytes: found.directory };
  }

  checkpoint(log: string, seq: number): Uint8Array | undefined {
    return this.#checkpoints.find((one) => one.seq === seq)?.logs.find((one) => one.log === log)
      ?.bytes;
  }

  putTiles({ repairCount, tiles }: TilesWrite): void {
    if (repairCount !== this.#repairCount) return;
    for (const { level, index, bytes } of tiles) {
      this.#tiles.set(`${level}/${index}`, { end: (index + 1) * tileSpan(level), bytes });
    }
  }

  tile(level: number, index: number): Uint8Array | undefined {
    return this.#tiles.get(`${level}/${index}`)?.bytes;
  }

  /** Removes what the mark covers, `limit` records at most; how many. */
  sweep(mark: PrunedEpoch, limit: number): number {
    let left = limit;
    const takes = (isPruned: boolean): boolean => {
      if (!isPruned || left <= 0) return false;
      left -= 1;
      return true;
    };
    const isKept = (log: string, seq: number): boolean =>
      seq >= mark.seq || mark.keep.some((one) => one.log === log && one.seq === seq);
    this.#batches = this.#batches.filter((one) => !takes(one.lastSeq <= mark.seq));
    const kept = new Set(this.#batches.map(({ firstSeq }) => firstSeq));
    for (const firstSeq of this.#blocks.keys()) {
      if (!kept.has(firstSeq)) this.#blocks.delete(firstSeq);
    }
    this.#checkpoints = this.#checkpoints.flatMap((one) => {
      if (one.seq >= mark.seq) return [one];
      const logs = one.logs.filter(({ log }) => !takes(!isKept(log, one.seq)));
      return logs.length === 0 ? [] : [{ ...one, logs, directory: NO_BYTES }];
    });
    for (const [key, { end }] of this.#tiles) {
      if (takes(end <= mark.t + 1)) this.#tiles.delete(key);
    }
    return limit - left;
  }
}

function bySeq(a: StoredBatch, b: StoredBatch): number {
  return a.firstSeq - b.firstSeq;
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, bytes) => sum + bytes.length, 0);
}
