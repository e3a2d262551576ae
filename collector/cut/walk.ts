/**
 * Walks every cut of a range: merges the nodes' moments in order of time and moves one view along.
 *
 *     n1   |--m--------m-----|          m: something of the selection changed
 *     n2   |------m----m---m-|
 *     cuts ^  ^   ^    ^   ^            the first at `from`
 *
 * With a predicate, cuts are folded into rows (walk-rows.ts). The walk works for `sliceMs`, then gives the
 * event loop a turn; what it reads from the store is ended with each turn of the loop, whatever the
 * caller does in the meantime (a read left open pins one of LMDB's few readers).
 */
import { type Hlc, parseTime, RetroError } from "../../agent/kernel/index.ts";
import { type CutContext, membersNow } from "./context.ts";
import { NextFirst } from "./next-first.ts";
import { NodeReplay } from "./node-replay.ts";
import { beginningOf, Marks } from "./pruned.ts";
import { type Chosen, choose } from "./selection.ts";
import type { WalkChange, WalkOptions, WalkView } from "./walk-shapes.ts";
import { MovingView, type WalkScene } from "./walk-view.ts";

/** A walk's view, and what a fold over its cuts must know. */
export interface WalkStep {
  readonly view: MovingView;
  /** Whether something shows here that did not show before; else the view is that of the cut before. */
  readonly isCut: boolean;
  /** Up to here, not included, nothing happens at all. Past the range's end: nothing in it. */
  readonly next: number;
  readonly to: Hlc;
}

/** @throws as `Walk` in walk-shapes.ts */
export async function* walkSteps(
  context: CutContext,
  options: WalkOptions,
  now: Hlc,
): AsyncGenerator<WalkStep, void> {
  const { signal } = options;
  const range = rangeOf(context, options, now);
  const pace = new Pace(context, range.from);
  await pace.turn(signal);
  const membership = membersNow(context);
  const chosen = choose(options, membership);
  const replays: NodeReplay[] = [];
  try {
    for (const node of chosen.nodes) {
      await pace.turnIfDue(signal);
      pace.begin();
      replays.push(new NodeReplay(context, node, range.from, range.to, chosen));
    }
    const scene = { context, membership, chosen, violations: violationsIn(context, range, chosen) };
    yield* cuts(scene, replays, range, pace, signal);
  } finally {
    for (const replay of replays) replay.close();
  }
}

/** The view at each cut. */
export async function* viewsOf(steps: AsyncIterable<WalkStep>): AsyncGenerator<WalkView, void> {
  for await (const { view, isCut } of steps) if (isCut) yield view;
}

async function* cuts(
  scene: WalkScene,
  replays: readonly NodeReplay[],
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  pace: Pace,
  signal: AbortSignal | undefined,
): AsyncGenerator<WalkStep, void> {
  const byNode = new Map(replays.map((replay) => [replay.spans.node, replay]));
  const view = new MovingView(scene, byNode, from);
  const order = new NextFirst(replays);
  let isCut = true;
  for (;;) {
    yield { view, isCut, next: order.time, to };
    await pace.turnIfDue(signal);
    const moment = order.time;
    if (moment > to) return;
    const changed: WalkChange[] = [];
    pace.begin();
    while (order.time === moment) {
      (order.first as NodeReplay).advance(changed);
      order.settle();
    }
    isCut = changed.length > 0;
    if (!isCut) continue;
    view.time = moment as Hlc;
    pace.reached = view.time;
    view.changed = changed;
  }
}

/** Turns of the event loop, and the end of reads that would outlive one. */
class Pace {
  readonly #context: CutContext;
  readonly #marks: Marks;
  /** Everything before it has been read. */
  reached: Hlc;
  /** When the present turn was first used; NaN: not yet. */
  #startMs = Number.NaN;
  #willEnd = false;

  constructor(context: CutContext, from: Hlc) {
    this.#context = context;
    this.#marks = new Marks(context.store);
    this.reached = from;
  }

  /** Waits for another turn if this one is used up. */
  async turnIfDue(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw cancelled();
    const { timers, limits } = this.#context;
    const spentMs = timers.nowMs() - this.#startMs;
    if (spentMs < 0 || spentMs >= limits.sliceMs) await this.turn(signal);
  }

  async turn(signal: AbortSignal | undefined): Promise<void> {
    this.#endReads();
    await this.#context.timers.turn();
    if (signal?.aborted === true) throw cancelled();
    this.#refusePruned();
  }

  /** To be called before reading, in the same turn: what is read is let go when the turn ends. */
  begin(): void {
    const { timers } = this.#context;
    if (Number.isNaN(this.#startMs)) this.#startMs = timers.nowMs();
    // Each time: the store's callbacks, and what the caller awaits, may set marks within this turn too.
    this.#refusePruned();
    if (this.#willEnd) return;
    this.#willEnd = true;
    void timers.turn().then(() => {
      this.#willEnd = false;
      this.#endReads();
    });
  }

  #refusePruned(): void {
    if (!this.#marks.haveRisenPast(this.reached)) return;
    throw new RetroError("outside-retention", "retention has removed what was being walked", {
      retriable: true,
      hint: "Walk a later range.",
    });
  }

  #endReads(): void {
    this.#startMs = Number.NaN;
    this.#context.source.pauseReads();
  }
}

function cancelled(): RetroError {
  return new RetroError("cancelled", "the walk was ended");
}

/** As stamps; no earlier than anything is known. @throws RetroError `bad-time`, `bad-parameter` */
export function rangeOf(
  { store }: CutContext,
  options: WalkOptions,
  now: Hlc,
): { readonly from: Hlc; readonly to: Hlc } {
  const from = typeof options.from === "string" ? parseTime(options.from, now) : options.from;
  const to = typeof options.to === "string" ? parseTime(options.to, now) : options.to;
  if (!(from <= to)) {
    throw new RetroError("bad-parameter", "a walk ends before it begins", {
      hint: "Give the earlier time as `from`.",
    });
  }
  let earliest = Number.POSITIVE_INFINITY;
  for (const record of store.epochs()) {
    if (record.named === true) continue;
    earliest = Math.min(earliest, beginningOf(store, record));
  }
  const isKnown = earliest <= to;
  return { from: isKnown ? (Math.max(from, earliest) as Hlc) : from, to };
}

function violationsIn(
  { store, limits }: CutContext,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  { namesNodes, nodes }: Chosen,
): WalkScene["violations"] {
  const found = store.violationsBetween(from, to, limits.cutListed);
  if (found.length >= limits.cutListed) return undefined;
  const names = new Set(nodes.map(({ node }) => node));
  return namesNodes
    ? found.filter(({ send, receive }) => names.has(send.node) || names.has(receive.node))
    : found;
}
