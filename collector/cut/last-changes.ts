/**
 * When variables changed last, at or before a time: what Age and Previous of a query begin with.
 *
 *     known since |................|.........|....|..| from      windows, each eight times as long:
 *                  4th              3rd       2nd  1st           only what did not change yet goes on
 *
 * Within a window a state is taken from the nearest checkpoint and replayed; the last difference in it is
 * the last change, as later windows had none. Going lost is no change, coming back is one.
 */
import { type Hlc, TICKS_PER_MS, valuesEqual } from "../../agent/kernel/index.ts";
import type { CutContext } from "./context.ts";
import type { FeedColumn, FeedHeld, FeedLastChange } from "./feed-shapes.ts";
import { ColumnIndex, NodeColumns } from "./feed-state.ts";
import type { NodeSpans } from "./membership.ts";
import { NodeReplay } from "./node-replay.ts";
import { goneOf, knownSince } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import type { Work } from "./turns.ts";
import type { WalkChange } from "./walk-shapes.ts";

const FIRST_WINDOW_TICKS = 1_000 * TICKS_PER_MS;
const LONGER = 8;
const ABSENT: FeedHeld = { is: "absent" };

export interface WantedColumn extends FeedColumn {
  readonly column: number;
}

interface Found {
  readonly at: Hlc;
  readonly previous: FeedHeld;
}

/** `nodes`: by place; undefined: not asked of. To be done anew if retention takes anything meanwhile. */
export function* lastChangesOf(
  context: CutContext,
  nodes: readonly (NodeSpans | undefined)[],
  wanted: readonly WantedColumn[],
  from: Hlc,
): Work<FeedLastChange[]> {
  const found: FeedLastChange[] = [];
  for (const [node, spans] of nodes.entries()) {
    if (spans === undefined) continue;
    yield* lookBack(context, spans, wanted, from, (column, change) => {
      found.push({ node, column, ...change });
    });
  }
  return found;
}

function* lookBack(
  context: CutContext,
  spans: NodeSpans,
  wanted: readonly WantedColumn[],
  from: Hlc,
  tell: (column: number, change: { readonly at: Hlc | undefined; previous: FeedHeld }) => void,
): Work<void> {
  const { store } = context;
  const [{ record: first }] = spans.spans;
  const since = knownSince(store, spans);
  const isWhole = since === first.joined && goneOf(store, spans.node).length === 0;
  // A tick before it began it was no member; where retention took its beginning, that is as far as it goes.
  const earliest = isWhole ? since - 1 : since;
  let rest = wanted;
  let end = from;
  for (let ticks = FIRST_WINDOW_TICKS; rest.length > 0 && end > earliest; ticks *= LONGER) {
    const start = Math.max(earliest, end - ticks) as Hlc;
    const changes = yield* changesIn(context, spans, rest, start, end);
    rest = rest.filter((one, index) => {
      const change = changes[index];
      if (change !== undefined) tell(one.column, change);
      return change === undefined;
    });
    end = start;
  }
  if (isWhole) return;
  for (const { column } of rest) tell(column, { at: undefined, previous: { is: "lost", by: [] } });
}

/** The last change in (start, end] of each column, by its place in `columns`. */
function* changesIn(
  context: CutContext,
  spans: NodeSpans,
  columns: readonly WantedColumn[],
  start: Hlc,
  end: Hlc,
): Work<(Found | undefined)[]> {
  const index = new ColumnIndex(columns);
  const chosen: Chosen = {
    nodes: [spans],
    logs: new Set(columns.map(({ log }) => log)),
    keys: new Set(columns.map(({ key }) => key)),
    namesNodes: true,
    namesEachNode: true,
  };
  const replay = new NodeReplay(context, spans, start, end, chosen);
  const held = new NodeColumns(index);
  const before: FeedHeld[] = index.all.map(() => ABSENT);
  const found: (Found | undefined)[] = index.all.map(() => undefined);
  for (const [column, now] of held.differing(replay, index.all)) before[column] = now;
  try {
    while (replay.next <= end) {
      const at = replay.next as Hlc;
      const { span } = replay;
      const changed: WalkChange[] = [];
      replay.advance(changed);
      const isMoved = replay.span !== span;
      const touched = isMoved ? index.all : new Set(changed.flatMap((one) => index.touched(one)));
      for (const [column, now] of held.differing(replay, touched)) {
        const was = before[column] as FeedHeld;
        before[column] = now;
        if (now.is === "lost" || isSame(was, now)) continue;
        // Epochs are kept apart.
        found[column] = { at, previous: isMoved ? ABSENT : was };
      }
      yield;
    }
  } finally {
    replay.close();
  }
  return found;
}

function isSame(a: FeedHeld, b: FeedHeld): boolean {
  if (a.is === "known" && b.is === "known") return valuesEqual(a.value, b.value);
  return a.is === b.is;
}
