/**
 * Drops the rounds of checkpoints inside sealed stretches that lie closer together than they need to.
 *
 *     rounds      | . . . . . . . | . . . . . . . | . . .
 *     segments    |---------------|---------------|
 *     kept        ^               ^               ^ . . .      the last of each segment, or nearer ones
 *                                                              where the state is what rounds are as large as
 *
 * A state that a round wrote stays as long as a kept directory refers to it: because its log was quiet
 * since, or because later states refer to its list of keys.
 */
import { type Hlc, MAX_HLC, RetroError } from "../../agent/kernel/index.ts";
import type { DirectoryRecord, HistoryStore, StoredBatch } from "../store/history-store.ts";
import { decodeDirectory, keysSeqOf } from "./checkpoint-codec.ts";
import type { CutLimits } from "./limits.ts";

/** Of `segmentEvents`: directories nearer than this to the one kept before go, unless they are last. */
const SPACING = 1.5;
/** Segments that wait for the checkpointer; of more the oldest keep what they have. */
const MAX_WAITING = 64;

interface Stretch {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastT: Hlc;
}

export class CheckpointThinning {
  readonly #store: HistoryStore;
  readonly #limits: CutLimits;
  /** Segments whose rounds may not all be there yet, by epoch. */
  readonly #waiting = new Map<number, Stretch[]>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** A segment was sealed; thins those of the epoch that the checkpointer has gone past. Errors as `write`. */
  async sealed(epochId: number, repairCount: number, segment: StoredBatch): Promise<void> {
    const waiting = this.#waiting.get(epochId) ?? [];
    const { firstSeq, lastSeq, lastT } = segment;
    waiting.push({ firstSeq, lastSeq, lastT });
    if (waiting.length > MAX_WAITING) waiting.shift();
    const latest = this.#store.directoryAt(epochId, MAX_HLC)?.seq ?? 0;
    const ready = waiting.filter((one) => one.lastSeq <= latest);
    const rest = waiting.filter((one) => one.lastSeq > latest);
    if (rest.length === 0) this.#waiting.delete(epochId);
    else this.#waiting.set(epochId, rest);
    for (const stretch of ready) await this.#thin(epochId, repairCount, stretch);
  }

  async #thin(epochId: number, repairCount: number, stretch: Stretch): Promise<void> {
    const { inside, before } = this.#directoriesOf(epochId, stretch);
    const spacing = this.#limits.segmentEvents * SPACING;
    let kept = before?.seq ?? stretch.firstSeq - 1;
    const gone = inside.filter(({ seq }, index) => {
      const next = inside[index + 1];
      const isNeeded = next === undefined || next.seq - kept > spacing;
      if (isNeeded) kept = seq;
      return !isNeeded;
    });
    if (gone.length === 0) return;
    const staying = inside.filter((one) => !gone.includes(one));
    try {
      const states = this.#statesOf(epochId, gone, staying);
      const directories = gone.map(({ t }) => t);
      await this.#store.thinCheckpoints({ epochId, repairCount, directories, states });
    } catch (error) {
      // One that cannot be read is left to who reads it next, and all around it stay.
      if (!(error instanceof RetroError) || error.code !== "data-damaged") throw error;
    }
  }

  /** Those inside the stretch by seq, and the last one before it. */
  #directoriesOf(
    epochId: number,
    { firstSeq, lastT }: Stretch,
  ): { readonly inside: DirectoryRecord[]; readonly before: DirectoryRecord | undefined } {
    const inside: DirectoryRecord[] = [];
    for (let t = lastT; ; ) {
      const one = this.#store.directoryAt(epochId, t);
      if (one === undefined || one.seq < firstSeq) return { inside, before: one };
      inside.unshift(one);
      t = (one.t - 1) as Hlc;
    }
  }

  /** States that were written with the directories that go, and that none of those staying needs. */
  #statesOf(
    epochId: number,
    gone: readonly DirectoryRecord[],
    staying: readonly DirectoryRecord[],
  ): { readonly log: string; readonly seq: number }[] {
    const needed = new Set<string>();
    const pinned = this.#store.pruned(epochId);
    for (const { log, seq } of pinned?.keep ?? []) needed.add(nameOf(log, seq));
    for (const { bytes } of staying) {
      for (const [log, seq] of decodeDirectory(bytes).logs) {
        needed.add(nameOf(log, seq));
        const state = this.#store.checkpoint(epochId, log, seq);
        const keysSeq = state === undefined ? 0 : keysSeqOf(state);
        if (keysSeq > 0) needed.add(nameOf(log, keysSeq));
      }
    }
    return gone.flatMap(({ seq, bytes }) =>
      [...decodeDirectory(bytes).logs]
        .filter(([log, at]) => at === seq && !needed.has(nameOf(log, seq)))
        .map(([log]) => ({ log, seq })),
    );
  }
}

function nameOf(log: string, seq: number): string {
  return `${seq}/${log}`;
}
