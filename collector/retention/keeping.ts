/** Joins the parts of this folder: what is kept, what goes, and what is kept all the same. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { AmendedRange } from "../cut/amendments.ts";
import type { HistoryStore } from "../store/history-store.ts";
import type { ClockJump } from "./clock-guard.ts";
import { Eraser, type WithoutErased } from "./eraser.ts";
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
    tellAmended(ranges: readonly AmendedRange[]): void;
  };
  /** `Ingest.between`. */
  readonly between: (task: () => Promise<void>) => Promise<void>;
  readonly timers: RetentionTimers;
  /** Who can read saved cuts. Default: one that an order to erase may concern goes whole. */
  readonly withoutErased?: WithoutErased;
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
  const { withoutErased } = options;
  const onErased = (ranges: readonly AmendedRange[]): void => {
    history.dropCaches();
    // Checkpoints of what is left are made anew.
    history.notifyStored();
    history.tellAmended(ranges);
  };
  const eraser = new Eraser({ store, pruner, logEraser, saved, withoutErased, onErased });
  return { retention, saved, eraser, close: () => retention.close() };
}
