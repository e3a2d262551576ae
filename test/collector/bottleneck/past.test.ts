/** A question about a long past is answered piece by piece: as if all of it had been looked at at once. */
import { expect, it } from "vitest";
import { eventsOf, type SideBlock, type SideStream } from "../../../agent/kernel/index.ts";
import { diagnose } from "../../../collector/bottleneck/diagnose.ts";
import { diagnosePast, hlcOfUs } from "../../../collector/bottleneck/past.ts";
import { RecordingBook } from "../../../collector/bottleneck/recording-book.ts";
import type { History } from "../../../collector/cut/history.ts";
import { finish, type Work } from "../../../collector/cut/turns.ts";
import { START_US, simulate } from "../../support/queue-simulator.ts";
import { batchesOf } from "../../support/simulated-batches.ts";

const SECONDS = 70;
const END_US: number = START_US + SECONDS * 1e6;
/** Before, over and after the ends of pieces, which come every 30 s. */
const FAULTS_AT_MS = [9_000, 27_700, 29_900, 32_500, 59_500, 66_000];

const faults = FAULTS_AT_MS.map((atMs, i) => ({
  kind: (["run", "freeze", "gc"] as const)[i % 3] ?? ("run" as const),
  node: (["store", "service"] as const)[i % 2] ?? ("store" as const),
  startUs: START_US + atMs * 1_000,
  endUs: START_US + (atMs + 200) * 1_000,
}));
const recordings = simulate({ seed: 4, seconds: SECONDS, perSecond: 60, faults });
const batches = batchesOf(recordings);

/** As much of history as is read, and what was read of it. */
function historyOf() {
  const asked: number[] = [];
  const all = batches
    .flatMap(({ header, events, ...side }) => {
      const { node, service, epoch } = header;
      void side;
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

it("says of a range of several pieces what one look at all of it says, and reads each request once", async () => {
  const { asked, all, history } = historyOf();
  const past = await diagnosePast(history, { from: hlcOfUs(START_US), to: hlcOfUs(END_US) });
  const book = new RecordingBook();
  for (const { header, sideBlocks = [] } of batches) {
    for (const block of sideBlocks as readonly (SideBlock & { stream: SideStream })[]) {
      book.addBlock(header.node, header.service, header.epoch, block);
    }
  }
  for (const one of all) book.addEvent(one);
  const once = diagnose(book.recordings(), { fromUs: START_US, untilUs: END_US });
  expect(past.episodes.map(({ tier }) => tier.node)).toEqual(
    FAULTS_AT_MS.map((_, i) => `${i % 2 === 0 ? "store" : "service"}-1`),
  );
  expect(past.episodes).toEqual(once.episodes);
  expect(past.isCutShort).toBe(false);
  expect(asked.reduce((sum, count) => sum + count, 0)).toBe(all.length);
});

it("says so where more requests lie in the range than may be read", async () => {
  const { asked, history } = historyOf();
  const range = { from: hlcOfUs(START_US), to: hlcOfUs(END_US) };
  const { isCutShort } = await diagnosePast(history, { ...range, maxEvents: 100 });
  expect(isCutShort).toBe(true);
  expect(asked).toHaveLength(1);
});
