import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, MAX_HLC, MIN_HLC } from "../../agent/kernel/index.ts";
import type { TimelineJson } from "../../collector/api/shapes.ts";
import type { TimelineFacts } from "../../ui/src/model/timeline-facts.ts";
import { panned, type Viewport, zoomed } from "../../ui/src/scale/time-scale.ts";
import { decodeTile } from "../../ui/src/tiles/decode-tile.ts";
import type { Knowledge } from "../../ui/src/tiles/knowledge.ts";
import { factsOf } from "../../ui/src/tiles/merge-tiles.ts";
import {
  childrenOf,
  levelOf,
  parentOf,
  TILE_CELLS,
  type TileAddress,
  tileKey,
  tileRange,
  tileTicks,
  wantedTiles,
} from "../../ui/src/tiles/tile-address.ts";
import { coverOf } from "../../ui/src/tiles/tile-cover.ts";
import { TileStore } from "../../ui/src/tiles/tile-store.ts";
import { timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const WIDTH = 700;
const views: fc.Arbitrary<Viewport> = fc
  .tuple(fc.integer({ min: 0, max: 2e14 }), fc.double({ min: 7, max: 46, noNaN: true }))
  .map(([from, logSpan]) => ({ from: from as Hlc, to: (from + Math.floor(2 ** logSpan)) as Hlc }));

describe("the tiles of a view", () => {
  it("cover it without a hole, are few, and have one or two cells a pixel", () => {
    fc.assert(
      fc.property(views, fc.integer({ min: 100, max: 4_000 }), (view, width) => {
        const { level, seen, near } = wantedTiles(view, width);
        expect(tileRange(seen[0] as TileAddress).from).toBeLessThanOrEqual(view.from);
        expect(tileRange(seen.at(-1) as TileAddress).to).toBeGreaterThanOrEqual(view.to);
        for (const [i, tile] of seen.entries()) {
          const next = seen[i + 1];
          if (next !== undefined) expect(tileRange(tile).to + 1).toBe(tileRange(next).from);
        }
        expect(seen.length).toBeLessThanOrEqual((2 * width) / TILE_CELLS + 2);
        expect(near.length).toBeLessThanOrEqual(width / TILE_CELLS + 4);
        const ticksPerPixel = (view.to - view.from) / width;
        if (ticksPerPixel >= 1) expect(2 ** level).toBeLessThanOrEqual(ticksPerPixel);
        expect(2 ** level).toBeGreaterThan(Math.min(ticksPerPixel / 2, 0.5));
      }),
    );
  });

  it("are the same after a small move, and others after a far one or another zoom", () => {
    const view = { from: 1_000_000 as Hlc, to: 9_000_000 as Hlc };
    const keys = (of: Viewport) => {
      const { seen, near } = wantedTiles(of, 1_000);
      return new Set([...seen, ...near].map(tileKey));
    };
    const here = keys(view);
    expect(wantedTiles(panned(view, 0.05), 1_000).seen.every((one) => here.has(tileKey(one)))).toBe(
      true,
    );
    expect([...keys(panned(view, 3))].some((key) => here.has(key))).toBe(false);
    expect(levelOf(zoomed(view, 0.25, 5_000_000), 1_000)).toBe(levelOf(view, 1_000) - 2);
  });

  it("lie two in one of the next level, and never outside of time", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: -1_000, max: 1_000_000 }), (level, index) => {
        const address = { level: level + 1, index };
        const [left, right] = childrenOf(address);
        expect([parentOf(left), parentOf(right)]).toEqual([address, address]);
        const whole = tileRange(address);
        expect(whole.from).toBeGreaterThanOrEqual(MIN_HLC);
        expect(whole.to).toBeLessThanOrEqual(MAX_HLC);
        if (whole.from === index * tileTicks(level + 1)) {
          expect([tileRange(left).from, tileRange(right).to]).toEqual([whole.from, whole.to]);
        }
      }),
    );
  });
});

/** A collector that knows one history, and a page that holds some of its tiles. */
function page(
  damage: Parameters<typeof makeScenario>[0] = "none",
  writes = 60,
  exactEvents?: number,
) {
  const scenario = makeScenario(damage, writes);
  const known: Knowledge = {
    members: "all",
    watermarks: Float64Array.from(scenario.nodes, ({ closed }) => closed),
    last: scenario.events.at(-1)?.t ?? 0,
  };
  const ask = (address: TileAddress): TimelineJson => {
    const { from, to } = tileRange(address);
    const json = timelineOf(scenario, from, to, TILE_CELLS);
    const count = json.lanes.reduce((sum, { events }) => sum + (events?.length ?? 0), 0);
    if (exactEvents === undefined || (json.exact && count <= exactEvents)) return json;
    return { ...json, exact: false, lanes: json.lanes.map((lane) => ({ ...lane, events: null })) };
  };
  const store = new TileStore();
  const hold = (address: TileAddress) =>
    store.put({ address, tile: decodeTile([ask(address)]), known });
  return { scenario, known, ask, store, hold };
}

const viewAt = (fromMs: number, spanMs: number): Viewport => ({
  from: Math.round(SCENARIO_START + fromMs * 4_096) as Hlc,
  to: Math.round(SCENARIO_START + (fromMs + spanMs) * 4_096) as Hlc,
});
const someViews = fc
  .tuple(fc.integer({ min: -2_000, max: SCENARIO_MS }), fc.integer({ min: 20, max: 14_000 }))
  .map(([fromMs, spanMs]) => viewAt(fromMs, spanMs));

/** What is drawn inside a view: per lane, cell by cell, without the empty ones. */
function cellsOf(facts: TimelineFacts, cellTicks: number, { from, to }: Viewport) {
  return Object.fromEntries(
    [...facts.lanes].map(([node, { buckets }]) => {
      const cells: Record<string, number[]> = {};
      for (const [i, start] of buckets.starts.entries()) {
        if (start < from || start > to) continue;
        const cell = Math.floor(start / cellTicks);
        cells[cell] ??= [0, 0, 0, 0, 0, 0];
        const row = cells[cell];
        for (const [place, column] of [
          buckets.changes,
          buckets.messages,
          buckets.requests,
          buckets.marks,
        ].entries()) {
          row[place] = (row[place] as number) + (column[i] as number);
        }
        row[4] = Math.max(row[4] as number, buckets.worstUs[i] as number);
        row[5] = Math.max(row[5] as number, buckets.flagged[i] as number);
      }
      return [node, cells];
    }),
  );
}

const messagesIn = (facts: TimelineFacts, { from, to }: Viewport) =>
  facts.messages
    .filter(({ sentAt, receivedAt }) => (receivedAt ?? sentAt) >= from && sentAt <= to)
    .map((one) => JSON.stringify(one))
    .sort();

describe("merged tiles", () => {
  it("say what one answer over all of them says: events, cells, gaps and every message once", () => {
    fc.assert(
      fc.property(someViews, fc.constantFrom("none", "lagging", "violation"), (view, damage) => {
        const { scenario, known, store, hold } = page(damage);
        const { seen, near, level } = wantedTiles(view, WIDTH);
        for (const address of [...seen, ...near]) hold(address);
        const cover = coverOf(store, view, WIDTH, known);
        expect(cover.asks).toEqual([]);
        expect(cover.missing).toEqual([]);
        const facts = factsOf(cover) as TimelineFacts;
        const whole = readTimeline(
          timelineOf(scenario, facts.from, facts.to, (facts.to - facts.from + 1) / 2 ** level),
        );
        const all = { from: facts.from, to: facts.to };
        expect(facts.exact).toBe(true);
        expect(cellsOf(facts, 2 ** level, all)).toEqual(cellsOf(whole, 2 ** level, all));
        expect(messagesIn(facts, all)).toEqual(messagesIn(whole, all));
        for (const [node, lane] of whole.lanes) {
          const merged = facts.lanes.get(node);
          expect(merged?.exact).toEqual(lane.exact);
          expect(merged?.gaps).toEqual(lane.gaps);
          expect(merged?.watermark).toBe(lane.watermark);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("of any finer level add up to the coarser: counts, the worst, and flags that stay", () => {
    fc.assert(
      fc.property(someViews, fc.nat(3), fc.infiniteStream(fc.boolean()), (view, depth, coins) => {
        const { known, store, hold, ask } = page("none", 60, 0);
        const { seen, near, level } = wantedTiles(view, WIDTH);
        const holdSome = (address: TileAddress, left: number): void => {
          const isWhole = left === 0 || coins.next().value === true;
          if (isWhole || address.level === 0) hold(address);
          else for (const child of childrenOf(address)) holdSome(child, left - 1);
        };
        for (const address of [...seen, ...near]) holdSome(address, depth);
        const cover = coverOf(store, view, WIDTH, known);
        expect(cover.asks).toEqual([]);
        const facts = factsOf(cover) as TimelineFacts;
        for (const address of seen) {
          const range = tileRange(address);
          const oneTile = readTimeline(ask(address));
          expect(cellsOf(facts, 2 ** level, range)).toEqual(cellsOf(oneTile, 2 ** level, range));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("show a coarser tile, and say so, until the right ones come; nothing known is missing", () => {
    const view = viewAt(4_000, 1_000);
    const { known, store, hold } = page("none", 60, 0);
    const { seen } = wantedTiles(view, WIDTH);
    const empty = coverOf(store, view, WIDTH, known);
    expect(factsOf(empty)).toBeNull();
    expect(empty.missing.length).toBeGreaterThanOrEqual(seen.length);
    const above = parentOf(parentOf(seen[0] as TileAddress));
    hold(above);
    const coarse = coverOf(store, view, WIDTH, known);
    expect(coarse.segments.every(({ isCoarse }) => isCoarse)).toBe(true);
    expect(coarse.asks.slice(0, coarse.seenAsks).map(tileKey).sort()).toEqual(
      seen.map(tileKey).sort(),
    );
    for (const address of seen) hold(address);
    expect(coverOf(store, view, WIDTH, known).seenAsks).toBe(0);
  });

  it("need no finer tiles where a coarser one gives its events one by one", () => {
    const { known, store, hold } = page();
    const wide = wantedTiles(viewAt(0, SCENARIO_MS), WIDTH);
    for (const address of [...wide.seen, ...wide.near]) hold(address);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: SCENARIO_MS - 600 }),
        fc.integer({ min: 20, max: 500 }),
        (fromMs, spanMs) => {
          const cover = coverOf(store, viewAt(fromMs, spanMs), WIDTH, known);
          expect(cover.asks).toEqual([]);
          expect(factsOf(cover)?.exact).toBe(true);
        },
      ),
    );
  });

  it("ask again for what may have changed, and only for that", () => {
    const { known, store, hold } = page();
    const view = viewAt(0, SCENARIO_MS);
    const { seen, near } = wantedTiles(view, WIDTH);
    for (const address of [...seen, ...near]) hold(address);
    const asks = (now: Partial<Knowledge>) =>
      coverOf(store, view, WIDTH, { ...known, ...now }).asks.map(tileKey);
    expect(asks({})).toEqual([]);
    const later = known.watermarks.map((t) => t + 4_096_000);
    const changed = asks({ watermarks: later, last: (known.last as number) + 4_096_000 });
    const open = [...seen, ...near].filter((one) => tileRange(one).to > known.last);
    expect(changed.sort()).toEqual(open.map(tileKey).sort());
    expect(asks({ members: "one more" })).toHaveLength(seen.length + near.length);
  });
});

describe("the store of tiles", () => {
  it("stays within its bytes, drops the farthest, and keeps what is looked at", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(6), fc.nat(40)), { minLength: 1, maxLength: 60 }),
        fc.nat(30),
        (addresses, at) => {
          const { ask, known } = page("none", 5, 0);
          const base = Math.floor(SCENARIO_START / tileTicks(12));
          const sample = decodeTile([ask({ level: 12, index: base })]);
          const store = new TileStore(sample.bytes * 10);
          const from = ((base + at) * tileTicks(12)) as Hlc;
          const view = { from, to: (from + tileTicks(12) - 1) as Hlc };
          const looks = [{ view, width: TILE_CELLS }];
          store.put({
            address: { level: 12, index: base + at },
            tile: tileAt(12, base + at),
            known,
          });
          for (const [level, index] of addresses) {
            const place = Math.floor((base + index) / 2 ** level);
            const address = { level: 12 + level, index: place };
            store.put({ address, tile: tileAt(address.level, place), known });
            store.trim(looks);
            expect(store.bytes).toBeLessThanOrEqual(sample.bytes * 10);
          }
          expect(store.get({ level: 12, index: base + at })).toBeDefined();

          function tileAt(level: number, index: number) {
            const range = tileRange({ level, index });
            return { ...sample, ...range, cellTicks: 2 ** level };
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
