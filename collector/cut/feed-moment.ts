/** What happens at one tick of a feed (state-feed.ts): gathered from the nodes' replays before it is told. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { Edge } from "./feed-gaps.ts";
import { type ColumnIndex, noteTouched } from "./feed-state.ts";
import type { NextFirst } from "./next-first.ts";
import type { NodeReplay } from "./node-replay.ts";
import type { WalkChange } from "./walk-shapes.ts";

export class Moment {
  readonly t: Hlc;
  readonly touched: Map<number, Set<number>> = new Map();
  /** Nodes that joined, left, or began anew. */
  readonly moved: Set<number> = new Set();
  /** Nodes of which other things may be missing from here on. */
  readonly judged: Set<Edge["node"]> = new Set();
  readonly messaging: Set<number> = new Set();

  constructor(t: Hlc) {
    this.t = t;
  }

  advance(
    order: NextFirst<NodeReplay>,
    places: ReadonlyMap<string, number>,
    index: ColumnIndex,
  ): void {
    const replay = order.first as NodeReplay;
    const node = places.get(replay.spans.node) as number;
    const { span, isBeforeHistory, shownMessages } = replay;
    const changed: WalkChange[] = [];
    replay.advance(changed);
    order.settle();
    for (const one of changed) noteTouched(this.touched, node, index.touched(one));
    if (replay.span !== span || replay.isBeforeHistory !== isBeforeHistory) {
      this.moved.add(node);
      noteTouched(this.touched, node, index.all);
    }
    if (replay.shownMessages > shownMessages) this.messaging.add(node);
  }
}
