/**
 * Which triggers become captures. Agents repeat a trigger until it is acknowledged, several nodes see
 * one incident, and a broken service may trigger all the time: none of it may become a storm.
 *
 *     seen before            nothing                     repeated
 *     time is nonsense       nothing                     refused
 *     overlaps one that is   that one is extended        folded
 *     still being gathered
 *     this node made one     nothing                     limited
 *     less than 5 s ago
 *     else                   a capture of its own        taken
 */
import { addMs, type Hlc } from "../../agent/kernel/index.ts";
import type { TriggerRead } from "./agent-word.ts";
import type { Capture } from "./capture-record.ts";

export interface TriggerLimits {
  /** A capture goes back so far from its trigger, and on after it. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** A node has one capture made in so long. */
  readonly everyMs: number;
  /** A capture that triggers extend becomes no longer than this. */
  readonly maxSpanMs: number;
}

export const DEFAULT_TRIGGER_LIMITS: TriggerLimits = {
  beforeMs: 10_000,
  afterMs: 2_000,
  everyMs: 5_000,
  maxSpanMs: 30_000,
};

/** A trigger older than this comes from a window that is gone; one so far ahead from a broken clock. */
const MAX_AGE_MS = 3_600_000;
const MAX_AHEAD_MS = 60_000;
/** Triggers remembered, and nodes that made a capture. */
const MAX_SEEN = 10_000;
/** Triggers named in one capture. */
export const MAX_TRIGGERS_NAMED = 100;

export interface TriggerCounts {
  taken: number;
  folded: number;
  limited: number;
  refused: number;
  repeated: number;
}

export type TriggerVerdict =
  | { readonly kind: "capture"; readonly from: Hlc; readonly to: Hlc }
  | { readonly kind: "extend"; readonly capture: Capture; readonly from: Hlc; readonly to: Hlc }
  | { readonly kind: "nothing" };

export class TriggerGate {
  readonly counts: TriggerCounts = { taken: 0, folded: 0, limited: 0, refused: 0, repeated: 0 };
  readonly #limits: TriggerLimits;
  readonly #seen = new Set<string>();
  /** When a node last had a capture made, monotonic ms. */
  readonly #lastMs = new Map<string, number>();

  constructor(limits: TriggerLimits) {
    this.#limits = limits;
  }

  /** One that was dealt with before: by the collector that ran before. */
  remember(node: string, id: string): void {
    bounded(this.#seen, MAX_SEEN).add(keyOf(node, id));
  }

  /** `gathering`: captures made by triggers for which nobody was asked yet. */
  judge(
    node: string,
    trigger: TriggerRead,
    now: { readonly t: Hlc; readonly monotonicMs: number },
    gathering: Iterable<Capture>,
    hasRoom: boolean,
  ): TriggerVerdict {
    const { counts } = this;
    if (this.#seen.has(keyOf(node, trigger.id))) return this.#nothing("repeated");
    this.remember(node, trigger.id);
    const { t } = trigger;
    if (t > addMs(now.t, MAX_AHEAD_MS) || t < addMs(now.t, -MAX_AGE_MS)) {
      return this.#nothing("refused");
    }
    const from = addMs(t, -this.#limits.beforeMs);
    const to = addMs(t, this.#limits.afterMs);
    for (const capture of gathering) {
      const first = Math.min(from, capture.from) as Hlc;
      const last = Math.max(to, capture.to) as Hlc;
      const overlaps = from <= capture.to && capture.from <= to;
      if (!overlaps || last > addMs(first, this.#limits.maxSpanMs)) continue;
      counts.folded += 1;
      return { kind: "extend", capture, from: first, to: last };
    }
    const lastMs = this.#lastMs.get(node);
    const isTooSoon = lastMs !== undefined && now.monotonicMs - lastMs < this.#limits.everyMs;
    if (isTooSoon || !hasRoom) return this.#nothing("limited");
    this.#lastMs.delete(node);
    bounded(this.#lastMs, MAX_SEEN).set(node, now.monotonicMs);
    counts.taken += 1;
    return { kind: "capture", from, to };
  }

  #nothing(why: keyof TriggerCounts): TriggerVerdict {
    this.counts[why] += 1;
    return { kind: "nothing" };
  }
}

function keyOf(node: string, id: string): string {
  return `${node} ${id}`;
}

/** The collection with room for one more: the oldest is forgotten. */
function bounded<C extends Set<string> | Map<string, number>>(collection: C, most: number): C {
  if (collection.size < most) return collection;
  for (const key of collection.keys()) {
    collection.delete(key);
    break;
  }
  return collection;
}
