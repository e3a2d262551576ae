/**
 * Erases the history of single logs. Their events stand in batches with others, so each piece is written
 * again without them (store/erased-blocks.ts): seqs and times stay, and what is gone is a loss of those logs,
 * from the first event that went until a variable is set again or a keyframe comes.
 *
 *     1. pieces, one by one: each is there with all its logs, or without those
 *     2. a repair from the first erased event on: checkpoints and tiles made of what is gone go at once
 *     3. where the epoch is pruned: the state with which it begins, without those logs
 *     4. a sweep: states that were kept for it
 *
 * An order that was not answered may be half done; given again it is done whole.
 */
import { type Hlc, MAX_HLC, RetroError } from "../../agent/kernel/index.ts";
import { type ErasedLogs, withoutLogs } from "../store/erased-blocks.ts";
import type {
  CheckpointWrite,
  EpochRecord,
  HistoryStore,
  PrunedEpoch,
  StoredPiece,
} from "../store/history-store.ts";

/** Pieces that were sealed, pruned or repaired just when they were to be written. */
const MAX_TRIES = 1_000;

/** The cut engine's part: `LiveHistory.pruning`. */
export interface BeginningWithout {
  beginningWithout(
    epochId: number,
    logs: ReadonlySet<string>,
  ): { readonly checkpoint: CheckpointWrite; readonly mark: PrunedEpoch } | undefined;
}

/** What went of one epoch. */
export interface LogsGone {
  readonly epochId: number;
  /** Stretches of a log. */
  readonly blockCount: number;
  /** From here on the logs are lost, until they are told again; undefined: nothing went. */
  readonly fromT: Hlc | undefined;
}

export interface LogEraserOptions {
  readonly store: HistoryStore;
  readonly points: BeginningWithout;
  /** `Ingest.between`. */
  readonly between: (task: () => Promise<void>) => Promise<void>;
  readonly turn: () => Promise<void>;
}

export class LogEraser {
  readonly #options: LogEraserOptions;
  #triesLeft = MAX_TRIES;

  constructor(options: LogEraserOptions) {
    this.#options = options;
  }

  /** Of each of these epochs. Resolves to what went of which. Errors as `HistoryStore.write`. */
  async erase(records: readonly EpochRecord[], order: ErasedLogs): Promise<readonly LogsGone[]> {
    this.#triesLeft = MAX_TRIES;
    const gone: LogsGone[] = [];
    for (const { id, logs } of records) {
      if (Object.keys(logs).some((log) => order.logs.has(log)))
        gone.push(await this.#of(id, order));
    }
    return gone;
  }

  async #of(epochId: number, order: ErasedLogs): Promise<LogsGone> {
    const { store, between, points } = this.#options;
    const { blockCount, fromT } = await this.#rewrite(epochId, order);
    let beginsWithout: Hlc | undefined;
    await between(async () => {
      if (fromT !== undefined) {
        const nothing = { epochs: [], batches: [], violations: [], slowMessages: [] };
        await store.write({ ...nothing, staleCheckpoints: [{ epochId, fromT }] });
      }
      const mark = store.pruned(epochId);
      const isMeant = mark !== undefined && (order.before === undefined || mark.t < order.before);
      const beginning = isMeant ? points.beginningWithout(epochId, order.logs) : undefined;
      if (beginning === undefined) return;
      beginsWithout = mark?.t;
      await store.writeCheckpoint(beginning.checkpoint);
      await store.prune({ epochs: [beginning.mark], forget: [], gone: undefined });
    });
    const from = Math.min(fromT ?? MAX_HLC, beginsWithout ?? MAX_HLC) as Hlc;
    return { epochId, blockCount, fromT: from === MAX_HLC ? undefined : from };
  }

  async #rewrite(
    epochId: number,
    order: ErasedLogs,
  ): Promise<{ readonly blockCount: number; readonly fromT: Hlc | undefined }> {
    const { store, turn } = this.#options;
    let blockCount = 0;
    let fromT: Hlc | undefined;
    let after = store.pruned(epochId)?.seq ?? 0;
    for (;;) {
      const piece = first(store.pieces(epochId, after));
      if (piece === undefined || (order.before !== undefined && piece.firstT >= order.before)) {
        return { blockCount, fromT };
      }
      const stored = store.batchWithSeq(epochId, piece.last);
      const without = stored === undefined ? undefined : withoutLogs(stored, store, order);
      if (without === undefined) after = piece.last;
      else if (await store.seal(without.write)) {
        after = piece.last;
        blockCount += without.blockCount;
        fromT = Math.min(fromT ?? without.fromT, without.fromT) as Hlc;
      } else this.#tryAgain();
      await turn();
    }
  }

  /** Sealed with others, or pruned, meanwhile: it is looked at anew. */
  #tryAgain(): void {
    this.#triesLeft -= 1;
    if (this.#triesLeft > 0) return;
    throw new RetroError("overloaded", "what is to be erased changes all the time", {
      retriable: true,
      hint: "Give the order again in a minute: it goes on where it was.",
    });
  }
}

function first(pieces: Iterable<StoredPiece>): StoredPiece | undefined {
  for (const piece of pieces) return piece;
  return undefined;
}
