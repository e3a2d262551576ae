/**
 * Of how many blocks it is known before they are decoded that the condition cannot turn in them: for EXPLAIN.
 * The engine decides so piece by piece (bounds.ts), with what cells hold by then; here each block is taken with
 * all that may be held while it lasts.
 *
 *     n1   |3..5|  |4..9      |2..6|       a block counts for its values until the node's next one has ended
 *     n2     |1..2      |1..3      |
 *          while n1's second lasts: 1..9   Max(v) > 20 is false throughout
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { FeedChange, PlannedBlock } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { Cells } from "./cells.ts";
import { isConditionDecided } from "./decided-condition.ts";
import { type Bounds, type Coming, finite } from "./number-bounds.ts";
import { programOf } from "./program.ts";

/** Cells times blocks that are worked out. */
const MOST_WORK = 4_000_000;
/** The range in so many parts, of each of which it is known what may be held in it. */
const PARTS = 1_024;

export interface PlannedRange {
  readonly from: Hlc;
  readonly to: Hlc;
  /** Of each node and log in the order of time. */
  readonly blocks: readonly PlannedBlock[];
  /** Nodes of the feed, by place. */
  readonly nodes: readonly string[];
  /** What is held at `from`; columns by their places in the query. */
  readonly held: readonly FeedChange[];
}

/** Undefined: too much to be worked out for a plan; or grouped, as what bounds say is of all nodes. */
export function decidedBlocks(query: CheckedQuery, range: PlannedRange): number | undefined {
  const { blocks, nodes, held } = range;
  if (query.groupByService) return undefined;
  const cells = new Cells(nodes, query.columns.length);
  const program = programOf(query, cells);
  const isEvaluated = query.eachChange || query.when === undefined;
  if (isEvaluated || program === undefined || program.watched.length > 0) return 0;
  if (blocks.length * cells.kinds.length > MOST_WORK) return undefined;
  const values = heldInParts(query, range);
  const holders = new Set(held.map(({ node, column }) => cells.cellOf(column, node)));
  for (const [column, { log }] of query.columns.entries()) {
    for (const block of blocks) {
      if (block.log === log) holders.add(cells.cellOf(column, block.node));
    }
  }
  const tables = { cells, numbers: program.lowering.numbers, readings: program.lowering.readings };
  const coming: Coming = {
    least: new Float64Array(cells.columnCount),
    greatest: new Float64Array(cells.columnCount),
  };
  let count = 0;
  for (const { firstT, lastT } of blocks) {
    const between = values.between(firstT, lastT);
    if (between === undefined) continue;
    coming.least.fill(between.least);
    coming.greatest.fill(between.greatest);
    for (const cell of holders) cells.put(cell, between.least);
    if (isConditionDecided(program, coming, tables)) count += 1;
  }
  return count;
}

function heldInParts({ columns }: CheckedQuery, range: PlannedRange): HeldInParts {
  const { from, to, blocks, held } = range;
  const values = new HeldInParts(from, to);
  const next = new Map<string, PlannedBlock>();
  for (const block of blocks.toReversed()) {
    const name = `${block.node} ${block.log}`;
    values.note(block.firstT, block.log === undefined ? to : (next.get(name)?.lastT ?? to), block);
    next.set(name, block);
  }
  for (const { node, column, held: is } of held) {
    if (is.is === "absent") continue;
    const value = is.is === "known" && typeof is.value === "number" ? is.value : undefined;
    const until = next.get(`${node} ${columns[column]?.log}`)?.lastT ?? to;
    const least = value ?? Number.NEGATIVE_INFINITY;
    values.note(from, until, { least, greatest: value ?? Number.POSITIVE_INFINITY });
  }
  return values;
}

/** What may be held, by parts of a range. */
class HeldInParts {
  readonly #from: number;
  readonly #scale: number;
  readonly #least = new Float64Array(PARTS).fill(Number.POSITIVE_INFINITY);
  readonly #greatest = new Float64Array(PARTS).fill(Number.NEGATIVE_INFINITY);

  constructor(from: Hlc, to: Hlc) {
    this.#from = from;
    this.#scale = PARTS / (to - from + 1);
  }

  note(first: Hlc, last: Hlc, { least, greatest }: Bounds): void {
    const end = this.#partOf(last);
    for (let part = this.#partOf(first); part <= end; part += 1) {
      this.#least[part] = Math.min(this.#least[part] as number, least);
      this.#greatest[part] = Math.max(this.#greatest[part] as number, greatest);
    }
  }

  between(first: Hlc, last: Hlc): Bounds | undefined {
    const parts = [this.#partOf(first), this.#partOf(last) + 1] as const;
    const least = this.#least.subarray(...parts).reduce((a, b) => Math.min(a, b));
    const greatest = this.#greatest.subarray(...parts).reduce((a, b) => Math.max(a, b));
    return finite(least, greatest);
  }

  #partOf(t: Hlc): number {
    const part = Math.floor((t - this.#from) * this.#scale);
    return Math.min(PARTS - 1, Math.max(0, part));
  }
}
