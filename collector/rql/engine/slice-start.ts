/** The beginning of a slice: what its cells hold there, and who is a member. */
import type { Value, VariableRef } from "../../../agent/kernel/index.ts";
import type { ColumnSlice, HeldAtStart } from "../../cut/column-shapes.ts";
import type { ColumnStream } from "../../cut/column-stream.ts";
import type { FeedStanding } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { HELD_ABSENT, type NodeAtCut } from "../interpret/cut-sequence.ts";
import { ABSENT, fromValue } from "../values/datum.ts";
import type { Cells, Given } from "./cells.ts";

/** The columns of a query by their places in it: those that some FROM log has. */
export function followedBy({ columns }: CheckedQuery): (VariableRef | undefined)[] {
  return columns.map(({ log, key }) => (log === undefined ? undefined : { log, key }));
}

/** Gives cells what is held at the beginning of a slice; `streams` are its own, of which nothing was read. */
export function holdStart(
  cells: Cells,
  { standings, held }: ColumnSlice,
  streams: readonly ColumnStream[],
): void {
  const wanted = heldAtStart(cells, held, streams);
  for (let cell = 0; cell < cells.kinds.length; cell += 1) {
    const value = wanted.get(cell);
    // Null is a value.
    const given: Given = value === undefined ? ABSENT : fromValue(value);
    if (!cells.holds(cell, given)) cells.put(cell, given);
  }
  cells.nodes = new Map(
    [...standings]
      .sort((a, b) => a.node - b.node)
      .map((standing) => [cells.nodeIds[standing.node] as string, nodeOf(standing)]),
  );
}

/** By cell: what the slice says, or what rows up to there say since. */
function heldAtStart(
  cells: Cells,
  held: readonly HeldAtStart[],
  streams: readonly ColumnStream[],
): ReadonlyMap<number, Value> {
  const wanted = new Map<number, Value>();
  for (const { node, column, value } of held) wanted.set(cells.cellOf(column, node), value);
  for (const stream of streams) {
    for (const [column, value] of stream.begin()) {
      const cell = cells.cellOf(column, stream.node);
      if (value === undefined) wanted.delete(cell);
      else wanted.set(cell, value);
    }
  }
  return wanted;
}

function nodeOf({ service, epoch, status, isMember }: FeedStanding): NodeAtCut {
  return { service, epoch, status, isMember, held: () => HELD_ABSENT };
}
