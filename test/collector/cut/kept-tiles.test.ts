/** Timeline tiles kept in the store: what they hold is what counting the events again would give. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import { decodeTile, encodeTile } from "../../../collector/cut/tile-codec.ts";
import { addTile, emptyTile, MEASURES, type Tile } from "../../../collector/cut/timeline-tile.ts";
import type { EpochRecord, HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { tileSpan } from "../../../collector/store/tile-levels.ts";
import { type HistoryCase, openCase, SHAPES } from "../../support/history-case.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const LIMITS = { tileEvents: 4, exactEvents: 1 };

/** Counts the tiles found; `isBlind`: there is none. */
function counting(inner: HistoryStore, found: { tiles: number }, isBlind = false): HistoryStore {
  return over(inner, {
    tile(...place) {
      const bytes = isBlind ? undefined : inner.tile(...place);
      if (bytes !== undefined) found.tiles += 1;
      return bytes;
    },
  });
}

/** Two histories over one store, as after a start: one that reads what is kept, one that counts. */
function readers(store: HistoryStore, nowMs: number, found: { tiles: number }) {
  const open = (over: HistoryStore): LiveHistory =>
    createHistory({ store: over, timers: new ManualTimers(nowMs), limits: LIMITS });
  return { kept: open(counting(store, found)), counted: open(counting(store, found, true)) };
}

async function expectSame(
  { kept, counted }: ReturnType<typeof readers>,
  draw: Draw,
  times: readonly number[],
): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    const [from, to] = [draw.one(times), draw.one(times)].sort((a, b) => a - b);
    const range = { from: from as Hlc, to: to as Hlc };
    const pixels = 1 + draw.below(600);
    expect(await kept.timeline(range, pixels)).toEqual(await counted.timeline(range, pixels));
  }
}

describe("timeline tiles in the store", () => {
  it("hold what counting again gives, whatever was lost, late or repaired", async () => {
    const found = { tiles: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 30 }),
        fc.constantFrom(...SHAPES.filter(({ checkpoints }) => checkpoints)),
        async (seed, shape) => {
          let store: HistoryStore = new MemoryStore();
          const one: HistoryCase = await openCase({
            ...shape,
            seed,
            wrap: (inner) => {
              store = inner;
              return inner;
            },
          });
          await expectSame(readers(store, one.model.nowMs, found), one.draw, one.model.times);
        },
      ),
      { numRuns: 60 },
    );
    expect(found.tiles).toBeGreaterThan(80);
  });

  it("follow a history as it grows, bursts and pauses alike, and a start goes on where it was", async () => {
    const found = { tiles: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        let { history, store, tell } = tellHistory({ limits: LIMITS });
        const times = [atMs(0) as number];
        await tell("a", 1, [join(atMs(0))]);
        await tell("b", 1, [join(atMs(0))]);
        let seq = 2;
        let ms = 1;
        for (let i = 0; i < 25; i += 1) {
          const isBurst = draw.chance(0.5);
          const rows = Array.from({ length: 2 + draw.below(12) }, () => {
            ms += isBurst ? 1 : 1 + draw.below(5_000);
            times.push(atMs(ms));
            return draw.chance(0.3) ? send(atMs(ms), "b") : set(atMs(ms), "l", "k", ms);
          });
          await tell("a", seq, rows);
          const [first] = rows as [(typeof rows)[number]];
          const from = { node: "a", epoch: 1, seq };
          await tell("b", i + 2, [receive(atMs(ms + 3), from.node, 1, from.seq, first.t)]);
          seq += rows.length;
          ms += 5;
          if (draw.chance(0.3)) await history.idle();
          if (draw.chance(0.1)) {
            await history.close();
            const timers = new ManualTimers(0);
            history = createHistory({ store, timers, limits: LIMITS });
            history.notifyStored();
          }
        }
        history.notifyStored();
        await history.idle();
        expect(history.tileWriter.failure).toBeUndefined();
        await expectSame(readers(store, 0, found), draw, times);
      }),
      { numRuns: 40 },
    );
    expect(found.tiles).toBeGreaterThan(200);
  });

  it("are written once each, and not again by the next start", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    const rows = Array.from({ length: 400 }, (_, i) => set(atMs(1 + i), "l", "k", i));
    for (let i = 0; i < rows.length; i += 10) await tell("a", 1 + i, rows.slice(i, i + 10));
    await history.idle();
    const { tileCount } = history.tileWriter;
    expect(tileCount).toBeGreaterThan(15);
    const next = createHistory({ store, timers: new ManualTimers(0), limits: LIMITS });
    next.notifyStored();
    await next.idle();
    expect(next.tileWriter.tileCount).toBe(0);
  });

  it("no longer count what was pruned before it is swept and after", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    const rows = Array.from({ length: 400 }, (_, i) => set(atMs(1 + i), "l", "k", i));
    for (let i = 0; i < rows.length; i += 10) await tell("a", 1 + i, rows.slice(i, i + 10));
    await history.idle();
    const range = { from: atMs(0), to: atMs(500) };
    const changes = async (): Promise<number> => {
      const { lanes } = await history.timeline(range, 4);
      return lanes[0]?.buckets.reduce((sum, bucket) => sum + bucket.changes, 0) ?? 0;
    };
    expect(await changes()).toBe(400);
    const [{ id }] = store.epochs() as [EpochRecord];
    const mark = { epochId: id, seq: 150, t: atMs(150), isBlank: true as const, keep: [] };
    await store.prune({ epochs: [mark], forget: [], gone: undefined });
    expect(await changes()).toBe(250);
    while ((await store.sweep({ limit: 50, messagesBefore: atMs(0) })) === 50);
    history.dropCaches();
    expect(await changes()).toBe(250);
  });

  it("are counted again where the bytes in the store mean nothing", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    const rows = Array.from({ length: 100 }, (_, i) => set(atMs(1 + i), "l", "k", i));
    for (let i = 0; i < rows.length; i += 10) await tell("a", 1 + i, rows.slice(i, i + 10));
    await history.idle();
    const wrong = over(store, { tile: () => Uint8Array.of(1, 2, 3) });
    const one = createHistory({ store: wrong, timers: new ManualTimers(0), limits: LIMITS });
    const range = { from: atMs(0), to: atMs(200) };
    const { lanes } = await one.timeline(range, 10);
    const changes = lanes[0]?.buckets.reduce((sum, bucket) => sum + bucket.changes, 0);
    expect(changes).toBe(100);
  });
});

describe("the bytes of a tile", () => {
  const aTile = (draw: Draw): Tile => {
    const level = draw.below(30);
    const tile = emptyTile(level, draw.below(1_000) * 256 - 200_000);
    for (let measure = 0; measure < MEASURES; measure += 1) {
      if (draw.chance(0.4)) continue;
      const isWhole = draw.chance(0.7);
      const column = new Float64Array(tile.cellCount);
      tile.columns[measure] = column.map(() =>
        draw.chance(0.5) ? 0 : draw.below(1e6) + (isWhole ? 0 : 0.25),
      );
    }
    for (let i = 0; i < draw.below(50); i += 1) {
      const from = draw.one(["a", "b", "ü/\n1"]);
      const sentCell = tile.first - draw.below(300);
      const sentAt = (sentCell * 2 ** level + draw.below(2 ** Math.min(level, 20))) as Hlc;
      const receivedAt = (sentAt + draw.below(1e6) - 1e5) as Hlc;
      const count = 1 + draw.below(9);
      tile.bundles.set(`${sentCell}/${from}`, { from, sentCell, sentAt, receivedAt, count });
    }
    return tile;
  };
  /** Without the columns that hold nothing. */
  const meaning = (tile: Tile) => ({
    bundles: tile.bundles,
    columns: tile.columns.map((column) => (column?.some((n) => n !== 0) ? [...column] : [])),
  });

  it("give the tile back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
        const tile = aTile(new Draw(seededRandom(seed)));
        const bytes = encodeTile(tile) as Uint8Array;
        const again = decodeTile(bytes, tile.level, tile.first);
        const both = [meaning(again), meaning(tile)].map(({ bundles, columns }) => {
          return { bundles, columns: Array.from({ length: MEASURES }, (_, i) => columns[i] ?? []) };
        });
        expect(both[0]).toEqual(both[1]);
        const sum = emptyTile(tile.level + 2, tile.first / 4);
        addTile(sum, again);
        expect(sum.level).toBe(tile.level + 2);
      }),
    );
  });

  it("are refused or mean some tile, whatever they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(), fc.nat(255), (seed, at, byte) => {
        const tile = aTile(new Draw(seededRandom(seed)));
        const bytes = (encodeTile(tile) as Uint8Array).slice();
        bytes[at % bytes.length] = byte;
        const cut = at % 3 === 0 ? bytes.subarray(0, at % bytes.length) : bytes;
        try {
          expect(decodeTile(cut, tile.level, tile.first).cellCount).toBe(256);
        } catch (error) {
          expect(error).toBeInstanceOf(RetroError);
        }
      }),
    );
  });

  it("are not made of a tile with messages too far apart for them", () => {
    const tile = emptyTile(0, 0);
    const sentAt = 0 as Hlc;
    const receivedAt = (2 ** 52) as Hlc;
    tile.bundles.set("0/a", { from: "a", sentCell: 0, sentAt, receivedAt, count: 1 });
    expect(encodeTile(tile)).toBeUndefined();
    expect(tileSpan(0)).toBe(256);
  });
});
