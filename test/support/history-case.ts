/** One random history in a store, with the engine and the oracle over it. */
import type { Hlc } from "../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../collector/cut/create-history.ts";
import type { HistoryStore } from "../../collector/store/history-store.ts";
import { MemoryStore } from "../../collector/store/memory-store.ts";
import { type Asked, CutOracle } from "./cut-oracle.ts";
import { ManualTimers } from "./manual-timers.ts";
import { Draw, MESSAGE_TIMEOUT_MS, type ModelHistory, makeHistory } from "./random-history.ts";
import { seededRandom } from "./seeded-random.ts";
import { knownAt, storeStage } from "./store-history.ts";

export interface CaseOptions {
  readonly seed: number;
  readonly size: number;
  /** Whether repairs have come, after checkpoints were written. */
  readonly repaired: boolean;
  readonly checkpoints: boolean;
  readonly batchEvents: number;
  /** Whether batches were sealed into segments. */
  readonly segments: boolean;
  /** Puts something between engine and store: planted faults. */
  readonly wrap?: (store: HistoryStore) => HistoryStore;
}

export interface HistoryCase {
  readonly model: ModelHistory;
  readonly history: LiveHistory;
  readonly oracle: CutOracle;
  readonly draw: Draw;
}

/** Rounds this small happen within a history of a hundred events. */
const ROUND_CHANGES = 3;
/** As small: several segments in a history. */
const SEGMENT_EVENTS = 8;
const TILE_EVENTS = 3;
/** By seed: a page of events is found a place at a time, some at a time, or at once. */
const EVENT_PLACES = [1, 7, 1_000_000] as const;

/** Two of the times, in order, from the first join on. */
export function rangeOf(
  { oracle, draw }: HistoryCase,
  times: readonly number[],
): readonly [from: Hlc, to: Hlc] {
  const first = Math.min(...oracle.epochs.map(({ record }) => record.joined));
  const known = times.filter((t) => t >= first);
  const [from, to] = [draw.one(known), draw.one(known)].sort((a, b) => a - b);
  return [from as Hlc, to as Hlc];
}

export async function openCase(options: CaseOptions): Promise<HistoryCase> {
  const model = makeHistory(options.seed, options.size);
  const inner = new MemoryStore();
  const store = options.wrap?.(inner) ?? inner;
  const history = createHistory({
    store,
    timers: new ManualTimers(model.nowMs),
    limits: {
      messageTimeoutMs: MESSAGE_TIMEOUT_MS,
      roundChanges: ROUND_CHANGES,
      keyListUses: 4,
      batchesPerTurn: 2,
      tileEvents: TILE_EVENTS,
      lostListed: 1_000,
      segmentEvents: SEGMENT_EVENTS,
      eventPlaces: EVENT_PLACES[options.seed % EVENT_PLACES.length] as number,
    },
    checkpoints: options.checkpoints,
    segments: options.segments,
  });
  const stages = options.repaired ? (["first", "repaired"] as const) : (["first"] as const);
  for (const stage of stages) {
    await storeStage(inner, model, stage, options.batchEvents);
    history.notifyStored();
    await history.idle();
    for (const { failure } of [history.checkpointer, history.tileWriter, history.sealer]) {
      if (failure !== undefined) throw failure;
    }
  }
  const known = knownAt(model, stages.at(-1) ?? "first");
  return {
    model,
    history,
    oracle: new CutOracle(known, model.nowMs),
    draw: new Draw(seededRandom(options.seed + 1)),
  };
}

/** A selection of what the oracle knows: often all, sometimes some nodes, services, logs or keys. */
export function randomAsked({ oracle, draw }: HistoryCase): Asked {
  if (draw.chance(0.4)) return {};
  const asked: { -readonly [part in keyof Asked]: Asked[part] } = {};
  const names = oracle.nodeNames();
  if (draw.chance(0.4)) asked.nodes = names.filter(() => draw.chance(0.5));
  if (draw.chance(0.2)) {
    asked.services = [draw.one(oracle.epochs.map(({ model }) => model.service))];
  }
  const runs = oracle.nodeNames(asked).flatMap((node) => oracle.runsOf(node));
  const logs = [
    ...new Set(
      runs.flatMap(({ events, lost }) => [
        ...events.flatMap((event) => ("log" in event ? [event.log] : [])),
        ...lost.flatMap((range) => range.logs ?? []),
      ]),
    ),
  ];
  if (logs.length > 0 && draw.chance(0.5)) asked.logs = [draw.one(logs)];
  if (draw.chance(0.4))
    asked.keys = ["a", "__proto__", "no such key"].filter(() => draw.chance(0.6));
  return asked;
}

/** What a test draws: small numbers, so that a failing case can be read. */
export const SHAPES: readonly Omit<CaseOptions, "seed">[] = [
  { size: 30, repaired: false, checkpoints: true, batchEvents: 4, segments: false },
  { size: 120, repaired: false, checkpoints: true, batchEvents: 16, segments: true },
  { size: 120, repaired: true, checkpoints: true, batchEvents: 7, segments: true },
  { size: 120, repaired: true, checkpoints: false, batchEvents: 7, segments: false },
  { size: 250, repaired: false, checkpoints: true, batchEvents: 1, segments: true },
];
