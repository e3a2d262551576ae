/** A question about a long past is answered piece by piece: as if all of it had been looked at at once. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Batch, eventsOf } from "../../../agent/kernel/index.ts";
import { diagnose } from "../../../collector/bottleneck/diagnose.ts";
import type { Episode } from "../../../collector/bottleneck/episode-shape.ts";
import { diagnosePast } from "../../../collector/bottleneck/past.ts";
import { RecordingBook } from "../../../collector/bottleneck/recording-book.ts";
import { hlcOfUs } from "../../../collector/bottleneck/unix-us.ts";
import type { History, NodeEvent } from "../../../collector/cut/history.ts";
import { finish, type Work } from "../../../collector/cut/turns.ts";
import { CHAIN, type SimulatedFault, START_US, simulate } from "../../support/queue-simulator.ts";
import { batchesOf } from "../../support/simulated-batches.ts";
import "../../support/seed.ts";

const SECONDS = 14;
const PIECE_MS = 3_000;
const END_US: number = START_US + SECONDS * 1e6;

/** Stalls anywhere once something is usual, one of them over the end of a piece. */
const stalls = fc
  .tuple(
    fc.integer({ min: -250, max: -1 }),
    fc.array(
      fc.record({
        kind: fc.constantFrom("run", "gc", "freeze", "sleep", "network" as const),
        node: fc.constantFrom(...CHAIN),
        atMs: fc.integer({ min: 6_500, max: 12_500 }),
        ms: fc.integer({ min: 50, max: 300 }),
      }),
      { maxLength: 2 },
    ),
  )
  .map(([beforeEndMs, others]): SimulatedFault[] => {
    const straddling = { kind: "run", node: "store", atMs: 9_000 + beforeEndMs, ms: 280 } as const;
    return [straddling, ...others].map(({ kind, node, atMs, ms }) => {
      return { kind, node, startUs: START_US + atMs * 1e3, endUs: START_US + (atMs + ms) * 1e3 };
    });
  });

/** As much of history as is read, and what was read of it. */
function historyOf(batches: readonly Batch[]) {
  const asked: number[] = [];
  const all = batches
    .flatMap(({ header, events }) => {
      const { node, service, epoch } = header;
      return [...eventsOf({ header, events })].map((event) => ({ node, service, epoch, event }));
    })
    .filter(({ event }) => event.kind === "request" || event.kind === "receive")
    .sort((a, b) => a.event.t - b.event.t || (a.node < b.node ? -1 : 1));
  const history = {
    side: async ({ fromSecond, untilSecond }: { fromSecond: number; untilSecond: number }) =>
      batches.map(({ header, sideBlocks = [] }) => ({
        ...{ node: header.node, service: header.service, epoch: header.epoch },
        blocks: sideBlocks.filter(({ second }) => second >= fromSecond && second < untilSecond),
      })),
    events: async ({ from, to, after, limit }: Parameters<History["events"]>[0]) => {
      const rest = all.filter(
        ({ node, event }) =>
          event.t >= from &&
          event.t <= to &&
          (after === undefined ||
            event.t > after.t ||
            (event.t === after.t &&
              (node > after.node || (node === after.node && event.seq > after.seq)))),
      );
      asked.push(Math.min(limit, rest.length));
      return { events: rest.slice(0, limit), more: rest.length > limit };
    },
    inTurns: async <Answer>(work: Work<Answer>) => finish(work),
  };
  const asHistory = history as unknown as Pick<History, "side" | "events" | "inTurns">;
  return { asked, all, history: asHistory };
}

/** One look at all of it. */
function atOnce(batches: readonly Batch[], events: readonly NodeEvent[]): readonly Episode[] {
  const book = new RecordingBook();
  for (const { header, sideBlocks = [] } of batches) {
    const { node, service, epoch } = header;
    for (const block of sideBlocks) book.addBlock(node, service, epoch, block);
  }
  for (const one of events) book.addEvent(one);
  return diagnose(book.recordings(), { fromUs: START_US, untilUs: END_US }).episodes;
}

const RANGE = { from: hlcOfUs(START_US), to: hlcOfUs(END_US), pieceMs: PIECE_MS };

it("says of a range in pieces what one look at all of it says, also over their ends, and reads each request once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), stalls, async (seed, faults) => {
      const batches = batchesOf(simulate({ seed, seconds: SECONDS, perSecond: 60, faults }));
      const { asked, all, history } = historyOf(batches);
      const past = await diagnosePast(history, RANGE);
      const once = atOnce(batches, all);
      expect(once.some(({ tier }) => tier.node === "store-1")).toBe(true);
      expect(past.episodes).toEqual(once);
      expect(past.isCutShort).toBe(false);
      expect(asked.reduce((sum, count) => sum + count, 0)).toBe(all.length);
    }),
    { numRuns: 4 },
  );
}, 60_000);

it("says so where more requests lie in the range than may be read", async () => {
  const { asked, history } = historyOf(
    batchesOf(simulate({ seed: 1, seconds: 3, perSecond: 60, faults: [] })),
  );
  const { isCutShort } = await diagnosePast(history, { ...RANGE, maxEvents: 100 });
  expect(isCutShort).toBe(true);
  expect(asked).toHaveLength(1);
});

it("leaves open what ended a moment ago, until every node has told of the time after it", async () => {
  const seconds = 10;
  const faults: SimulatedFault[] = [
    { kind: "sleep", node: "service", startUs: START_US + 7e6, endUs: START_US + 7.2e6 },
  ];
  const all = batchesOf(simulate({ seed: 3, seconds, perSecond: 60, faults }));
  const late = all.map((batch) =>
    batch.header.node === "store-1"
      ? {
          ...batch,
          sideBlocks: (batch.sideBlocks ?? []).filter(({ second }) => second < START_US / 1e6 + 8),
        }
      : batch,
  );
  const endUs = START_US + seconds * 1e6;
  const asked = async (batches: readonly Batch[], nowUs: number): Promise<string[]> => {
    const { history } = historyOf(batches);
    const range = { from: hlcOfUs(START_US), to: hlcOfUs(endUs), now: hlcOfUs(nowUs) };
    return (await diagnosePast(history, range)).episodes.map(({ status }) => status);
  };
  expect(await asked(late, endUs)).toEqual(["open"]);
  expect(await asked(all, endUs)).toEqual(["closed"]);
  // The store is gone by then: nothing more comes of it.
  expect(await asked(late, endUs + 60e6)).toEqual(["closed"]);
});
