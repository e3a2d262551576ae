/** Joins the parts of this folder: what is kept, what goes, and what is kept all the same. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { HistoryStore } from "../store/history-store.ts";
import type { ClockJump } from "./clock-guard.ts";
import { Eraser } from "./eraser.ts";
import { type BeginningWithout, LogEraser } from "./log-eraser.ts";
import { type PrunePoints, Pruner } from "./pruner.ts";
import { Retention, type RetentionSettings } from "./retention.ts";
import { SavedCuts } from "./saved-cuts.ts";
import type { RetentionTimers } from "./timers.ts";

export interface KeepingOptions extends RetentionSettings {
  readonly store: HistoryStore;
  /** `createHistory`'s. */
  readonly history: {
    readonly pruning: PrunePoints & BeginningWithout;
    dropCaches(): void;
    notifyStored(): void;
  };
  /** `Ingest.between`. */
  readonly between: (task: () => Promise<void>) => Promise<void>;
  readonly timers: RetentionTimers;
  readonly onEarliest?: (earliest: Hlc | undefined) => void;
  readonly onJump?: (jump: ClockJump) => void;
  readonly onFailure?: (error: unknown) => void;
}

export interface Keeping {
  readonly retention: Retention;
  readonly saved: SavedCuts;
  readonly eraser: Eraser;
  /** Ends the work behind ingest; before ingest and the store are closed. */
  close(): Promise<void>;
}

export function createKeeping(options: KeepingOptions): Keeping {
  const { store, history, between, timers, onEarliest } = options;
  const pruner = new Pruner({
    store,
    points: history.pruning,
    between,
    turn: () => timers.turn(),
    ...(onEarliest === undefined ? {} : { onEarliest }),
  });
  const saved = new SavedCuts(store);
  const retention = new Retention({
    ...options,
    pruner,
    giveUpSaved: () => saved.giveUpOldest(),
  });
  const turn = (): Promise<void> => timers.turn();
  const logEraser = new LogEraser({ store, points: history.pruning, between, turn });
  const eraser = new Eraser(store, pruner, logEraser, () => {
    history.dropCaches();
    // Checkpoints of what is left are made anew.
    history.notifyStored();
  });
  return { retention, saved, eraser, close: () => retention.close() };
}
