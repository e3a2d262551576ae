/** A collector's core with retention, over a store in memory, at a time moved by hand. */
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import type { CutLimits } from "../../../collector/cut/limits.ts";
import type { Ingest } from "../../../collector/ingest/ingest.ts";
import { createKeeping, type Keeping } from "../../../collector/retention/keeping.ts";
import type { RetentionSettings } from "../../../collector/retention/retention.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, anIngest, atTick, ManualTimers } from "../ingest/support.ts";

/** Both clocks, and a jump of the wall clock alone. */
export class JumpingTimers extends ManualTimers {
  jumpMs = 0;

  override wallMs(): number {
    return super.wallMs() + this.jumpMs;
  }
}

export interface Scene {
  readonly timers: JumpingTimers;
  readonly store: HistoryStore;
  readonly ingest: Ingest;
  readonly history: LiveHistory;
  readonly keeping: Keeping;
  /** Ten events of `n1`, or of `node`: seqs 10 i + 1 to 10 i + 10, at ticks ten times as large. */
  ship(i: number, node?: string): Promise<void>;
  close(): Promise<void>;
}

const scenes: Scene[] = [];

/** For `afterEach`: closes what was opened. */
export async function closeScenes(): Promise<void> {
  for (const scene of scenes.splice(0)) await scene.close();
}

/** By the plan of `aBatch`: event `seq` at tick 10 seq sets `v<seq % 3>` to `seq`; the first is the join. */
export function stateAt(tick: number): Record<string, number> {
  const state: Record<string, number> = {};
  for (let seq = 2; seq * 10 <= tick; seq += 1) state[`v${seq % 3}`] = seq;
  return state;
}

/** A scene that `closeScenes` ends. */
export function opened(...given: Parameters<typeof aScene>): Scene {
  const scene = aScene(...given);
  scenes.push(scene);
  return scene;
}

/** What a cut shows of `stock` on one node. */
export function shown(cut: Cut, node = "n1"): Record<string, unknown> {
  return Object.fromEntries(cut.nodes.get(node)?.logs.get("stock") ?? []);
}

/** The cut, or why there is none. */
export function asked(scene: Scene, tick: number, nodes?: string[]): Cut | string {
  try {
    return scene.history.cutAt(atTick(tick), nodes === undefined ? {} : { nodes });
  } catch (error) {
    return (error as { code: string }).code;
  }
}

export function aScene(
  settings: RetentionSettings,
  store: HistoryStore = new MemoryStore(),
  timers: JumpingTimers = new JumpingTimers(),
  limits: Partial<CutLimits> = {},
): Scene {
  const { ingest } = anIngest({ store, timers, expireAfterMs: 1e12 });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const history = createHistory({
    store,
    timers: { nowMs: () => timers.wallMs(), after: (ms, wake) => timers.after(ms, wake), turn },
    limits: { roundChanges: 15, sliceMs: 1e-9, ...limits },
  });
  ingest.onStored((ids) => history.notifyStored(ids));
  const keeping = createKeeping({
    ...settings,
    store,
    history,
    between: (task) => ingest.between(task),
    timers: {
      wallMs: () => timers.wallMs(),
      monotonicMs: () => timers.monotonicMs(),
      after: (ms, wake) => timers.after(ms, wake),
      turn,
    },
  });
  return {
    timers,
    store,
    ingest,
    history,
    keeping,
    async ship(i, node = "n1") {
      await ingest.submit(aBatch({ node, seqs: [10 * i + 1, 10 * i + 10] }));
      await history.idle();
    },
    async close() {
      await keeping.close();
      await ingest.close();
      await history.close();
    },
  };
}
