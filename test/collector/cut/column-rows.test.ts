/** Rows of columns out of sealed blocks and batches as they came, against the changes that were told. */
import "../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  type Hlc,
  type Json,
  KindCode,
  type Value,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { SliceColumns } from "../../../collector/cut/column-rows.ts";
import type { ColumnPart, ColumnSlice } from "../../../collector/cut/column-shapes.ts";
import type { ColumnStream } from "../../../collector/cut/column-stream.ts";
import type { FeedColumn } from "../../../collector/cut/feed-shapes.ts";
import { decodeSegmentHeader } from "../../../collector/store/segment-header.ts";
import { sealed, stored } from "../../support/segments.ts";

const NODES = 2;
const ALL: readonly FeedColumn[] = [
  { log: "l", key: "v" },
  { log: "l", key: "w" },
  { log: "m", key: "v" },
];

type What = "number" | "text" | "delete" | "add" | "remove" | "set" | "keyframe";

interface Happening {
  readonly t: number;
  readonly node: number;
  readonly log: string;
  readonly key: string;
  readonly what: What;
  readonly draw: number;
}

interface Told {
  readonly happenings: readonly Happening[];
  /** Events in a batch; batches in a segment; how much of a node's history is sealed. */
  readonly batchEvents: number;
  readonly segmentBatches: number;
  readonly sealedShare: number;
  readonly columns: readonly (FeedColumn | undefined)[];
  /** Where slices end, in parts of the whole. */
  readonly edges: readonly number[];
}

const WHATS: readonly (readonly What[])[] = [
  ["number"],
  ["number"],
  ["number", "number", "number", "text", "delete"],
  ["add", "remove", "set", "number", "keyframe", "delete", "text"],
];

const told: fc.Arbitrary<Told> = fc.record({
  happenings: fc
    .record({
      count: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 400, max: 1_800 })),
      whats: fc.constantFrom(...WHATS),
      keys: fc.constantFrom(["v"], ["v", "w"], ["v", "w", "x", "y"]),
      logs: fc.constantFrom(["l"], ["l", "m"]),
      factor: fc.integer({ min: 1, max: 2 ** 20 }),
      step: fc.constantFrom(1, 3, 5_000),
    })
    .map(({ count, whats, keys, logs, factor, step }) =>
      Array.from({ length: count }, (_, i): Happening => {
        const draw = ((i + 1) * factor) % 65_521;
        const at = <A>(list: readonly A[], by: number): A =>
          list[Math.floor(draw / by) % list.length] as A;
        // Pairs and triples of one tick.
        const t = 9_000 + Math.floor((i * 5) / 8) * step;
        const node = Math.floor(draw / 3) % NODES;
        return { t, node, log: at(logs, 7), key: at(keys, 11), what: at(whats, 1), draw };
      }),
    ),
  batchEvents: fc.constantFrom(1, 20, 300, 2_000),
  segmentBatches: fc.constantFrom(1, 3, 100),
  sealedShare: fc.constantFrom(0, 0.5, 1),
  columns: fc
    .subarray([0, 1, 2], { minLength: 1 })
    .map((some) => ALL.map((column, i) => (some.includes(i) ? column : undefined))),
  edges: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
});

const memberOf = (draw: number): Json => `m${draw % 4}`;
const stateOf = (draw: number): Map<string, Value> =>
  new Map<string, Value>(draw % 2 === 0 ? [["v", draw % 5]] : [["w", ValueSet.of(["m1"])]]);

// ---- what is stored

function partsOf({ happenings, ...how }: Told, node: number): ColumnPart[] {
  const batches = batchesOf(
    happenings.filter((one) => one.node === node),
    how.batchEvents,
  ).map((batch) => stored(batch));
  const sealedCount = Math.floor(batches.length * how.sealedShare);
  const parts: ColumnPart[] = [];
  for (let first = 0; first < sealedCount; first += how.segmentBatches) {
    const some = batches.slice(first, Math.min(first + how.segmentBatches, sealedCount));
    const { segment, blocks } = sealed(some);
    const { firstT, blocks: headers } = decodeSegmentHeader(segment.bytes);
    for (const [index, { kind, log, count, lastT }] of headers.entries()) {
      if (kind !== 0) continue;
      const bytes = blocks[index] as Uint8Array;
      parts.push({ node, log, bytes, segmentT: firstT, count, lastT });
    }
  }
  for (const { bytes, firstT, lastT, firstSeq, lastSeq } of batches.slice(sealedCount)) {
    const count = lastSeq - firstSeq + 1;
    parts.push({ node, log: undefined, bytes, segmentT: firstT, count, lastT });
  }
  return parts;
}

function batchesOf(
  mine: readonly Happening[],
  batchEvents: number,
): ReturnType<BatchBuilder["build"]>[] {
  const batches: ReturnType<BatchBuilder["build"]>[] = [];
  let builder = new BatchBuilder();
  let firstSeq = 1;
  let count = 0;
  for (const [i, one] of mine.entries()) {
    record(builder, one);
    count += 1;
    const next = mine[i + 1];
    if (next !== undefined && (count < batchEvents || next.t === one.t)) continue;
    const closed = one.t as Hlc;
    batches.push(builder.build({ node: "n", service: "s", epoch: 1, firstSeq, closed }));
    firstSeq += count;
    count = 0;
    builder = new BatchBuilder();
  }
  return batches;
}

function record(builder: BatchBuilder, { t, log, key, what, draw }: Happening): void {
  const at = t as Hlc;
  if (what === "number") builder.change(at, KindCode.set, log, key, (draw % 50) / 4);
  else if (what === "text") builder.change(at, KindCode.set, log, key, `text ${draw % 9}`);
  else if (what === "set")
    builder.change(at, KindCode.set, log, key, ValueSet.of([memberOf(draw)]));
  else if (what === "delete") builder.change(at, KindCode.delete, log, key);
  else if (what === "add") builder.change(at, KindCode.add, log, key, memberOf(draw));
  else if (what === "remove") builder.change(at, KindCode.remove, log, key, memberOf(draw));
  else builder.body(at, { kind: "keyframe", log, state: stateOf(draw) });
}

// ---- what is expected

interface Row {
  readonly t: number;
  readonly column: number;
  readonly value: Value | undefined;
}

/** Every change of a followed column of a node's log, with the value that it leaves. */
function changesOf({ happenings, columns }: Told, ofNode: number, ofLog: string): Row[] {
  const values = new Map<string, Value | undefined>();
  const rows: Row[] = [];
  const give = (t: number, key: string, value: Value | undefined): void => {
    values.set(key, value);
    const column = columns.findIndex((one) => one?.log === ofLog && one.key === key);
    if (column >= 0) rows.push({ t, column, value });
  };
  for (const { t, node, log, key, what, draw } of happenings) {
    if (node !== ofNode || log !== ofLog) continue;
    const before = values.get(key);
    const members = before instanceof ValueSet ? before.members : [];
    const others = members.filter((one) => one !== memberOf(draw));
    if (what === "number") give(t, key, (draw % 50) / 4);
    else if (what === "text") give(t, key, `text ${draw % 9}`);
    else if (what === "set") give(t, key, ValueSet.of([memberOf(draw)]));
    else if (what === "delete") give(t, key, undefined);
    else if (what === "add") give(t, key, ValueSet.of([...others, memberOf(draw)]));
    else if (what === "remove") give(t, key, ValueSet.of(others));
    else {
      const state = stateOf(draw);
      for (const one of new Set([...values.keys(), "v", "w"])) give(t, one, state.get(one));
    }
  }
  return rows;
}

function logsOf(columns: Told["columns"]): string[] {
  return [...new Set(columns.flatMap((one) => (one === undefined ? [] : [one.log])))];
}

function leftBy(rows: readonly Row[], end: number): Map<number, Value | undefined> {
  return new Map(rows.filter(({ t }) => t <= end).map(({ column, value }) => [column, value]));
}

/** Reads a stream to its end; what was at hand is taken now and then, as windows take it. */
function drain(stream: ColumnStream, takesEvery: number): Row[] {
  const { rows } = stream;
  const taken: Row[] = [];
  let reads = 0;
  do {
    reads += 1;
    const stop = reads % takesEvery === 0 ? rows.count : rows.at + ((rows.count - rows.at) >> 1);
    for (; rows.at < stop; rows.at += 1) taken.push(rowAt(stream, rows.at));
  } while (stream.read());
  for (; rows.at < rows.count; rows.at += 1) taken.push(rowAt(stream, rows.at));
  return taken;
}

function rowAt({ rows }: ColumnStream, row: number): Row {
  return {
    t: rows.t[row] as number,
    column: rows.columnAt(row),
    value: rows.valueAt(row),
  };
}

/** Of one tick, rows of different columns may come in any order: of each column they do not. */
function byTick(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => a.t - b.t || a.column - b.column);
}

describe("the rows of a slice", () => {
  it("are the changes of what is followed, from the first behind its beginning to its end", () => {
    fc.assert(
      fc.property(told, fc.integer({ min: 1, max: 3 }), (history, takesEvery) => {
        const { happenings, columns, edges } = history;
        const parts = Array.from({ length: NODES }, (_, node) => partsOf(history, node)).flat();
        const first = (happenings[0] as Happening).t - 10;
        const length = (happenings.at(-1) as Happening).t + 10 - first;
        const ends = [...edges, 1].map((share) => first + Math.floor(share * length));
        const slices = new SliceColumns(columns);
        let after = first;
        for (const to of ends.sort((a, b) => a - b)) {
          if (to === after) continue;
          const range = { after: after as Hlc, to: to as Hlc };
          const counts = { eventCount: 1, partEventCount: 1 };
          const slice: ColumnSlice = { ...range, ...counts, standings: [], held: [], parts };
          const streams = slices.open(slice);
          for (let node = 0; node < NODES; node += 1) {
            const mine = streams.filter((stream) => stream.node === node);
            const begun = new Map(mine.flatMap((stream) => [...stream.begin()]));
            const found = mine.flatMap((stream) => drain(stream, takesEvery));
            const wanted = logsOf(columns).flatMap((log) => changesOf(history, node, log));
            const inside = wanted.filter(({ t }) => t > range.after && t <= range.to);
            expect(byTick(found)).toEqual(byTick(inside));
            expect(begun).toEqual(leftBy(wanted, range.after));
          }
          after = to;
        }
      }),
      { numRuns: 80 },
    );
  });
});
