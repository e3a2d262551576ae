/**
 * Export, then import into an empty collector: the same cuts. The original collector is the oracle of the
 * imported one, over random histories of agents.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addMs,
  type Batch,
  formatHlc,
  type Hlc,
  type LostRange,
} from "../../../agent/kernel/index.ts";
import type { CutJson, NodesJson } from "../../../collector/api/shapes.ts";
import { CollectorClient } from "../../../collector/cli/client.ts";
import { doorTo } from "../../../collector/cli/door.ts";
import { exportJsonl } from "../../../collector/interop/export-jsonl.ts";
import { importJsonl } from "../../../collector/interop/import-jsonl.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { startCollector, type TestCollector } from "../support.ts";
import { EPOCH, play, START, script } from "./played-scripts.ts";

/** What a cut says of the world: all but who says it (epochs are the file's own, status is imported). */
function essence(cut: CutJson): object {
  const members = cut.members.map((node) => [
    node,
    cut.nodes[node]?.service,
    cut.nodes[node]?.logs,
  ]);
  return {
    at: cut.at.hlc,
    complete: cut.complete,
    consistent: cut.consistent,
    members,
    inFlight: cut.inFlight.map(({ id, from, to, sentAt }) => [id, from, to, sentAt.hlc]).sort(),
    inFlightComplete: cut.inFlightComplete,
  };
}

async function exported(source: TestCollector, from?: Hlc, to?: Hlc): Promise<string> {
  let text = "";
  await exportJsonl({
    door: doorTo(new CollectorClient(source.url)),
    ...(from === undefined ? {} : { from: formatHlc(from) }),
    ...(to === undefined ? {} : { to: formatHlc(to) }),
    write: (line) => {
      text += line;
    },
  });
  return text;
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function imported(target: TestCollector, text: string) {
  const door = doorTo(new CollectorClient(target.url));
  return importJsonl({ door, name: "the export", bytes: bytesOf(text) });
}

async function cutOf(collector: TestCollector, t: Hlc): Promise<CutJson> {
  const { status, body } = await collector.get<CutJson>(`/api/cut?at=${formatHlc(t)}`);
  expect([status, JSON.stringify(body)]).toEqual([200, expect.any(String)]);
  return body;
}

/** Times in [from, to]: evenly spread, and the ends. */
function timesBetween(from: Hlc, to: Hlc, count: number): Hlc[] {
  return Array.from(
    { length: count },
    (_, i) => Math.floor(from + ((to - from) * i) / (count - 1)) as Hlc,
  );
}

async function withTwo(
  use: (one: TestCollector, two: TestCollector) => Promise<void>,
): Promise<void> {
  const [one, two] = await Promise.all([startCollector(), startCollector()]);
  try {
    await use(one, two);
  } finally {
    await one.close();
    await two.close();
  }
}

async function fed(
  collector: TestCollector,
  batches: readonly Batch[],
): Promise<readonly [Hlc, Hlc]> {
  for (const batch of batches) expect((await collector.post(batch)).status).toBe(200);
  const first = Math.min(...batches.map(({ header }) => header.firstT)) as Hlc;
  // Up to here every node is known.
  const latest = new Map(batches.map(({ header }) => [header.node, header.closed]));
  return [first, Math.min(...latest.values()) as Hlc];
}

describe("an export, imported into an empty collector,", () => {
  it("gives equal cuts when it holds everything, and stores nothing new where it came from", async () => {
    await fc.assert(
      fc.asyncProperty(script, async (acts) => {
        await withTwo(async (one, two) => {
          const [first, last] = await fed(one, play(acts));
          const text = await exported(one);
          const report = await imported(two, text);
          expect([report.skippedCount, report.bumped, report.stored]).toEqual([
            0,
            0,
            report.events,
          ]);
          for (const t of timesBetween(first, last, 12)) {
            expect(essence(await cutOf(two, t))).toEqual(essence(await cutOf(one, t)));
          }
          expect(await imported(one, text)).toMatchObject({ stored: 0 });
          expect(await exported(two)).toBe(text);
        });
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  it("gives equal cuts in its range, whatever came before", async () => {
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        async (acts, share) => {
          await withTwo(async (one, two) => {
            const [first, last] = await fed(one, play(acts));
            const from = Math.floor(first + (last - first) * share) as Hlc;
            const text = await exported(one, from, last);
            const report = await imported(two, text);
            expect([report.skippedCount, report.bumped]).toEqual([0, 0]);
            for (const t of timesBetween(from, last, 12)) {
              expect(essence(await cutOf(two, t))).toEqual(essence(await cutOf(one, t)));
            }
            expect(await imported(two, text)).toMatchObject({ stored: 0 });
          });
        },
      ),
      { numRuns: 20 },
    );
  }, 60_000);

  it("calls nothing complete that was not, across a hole", async () => {
    await withTwo(async (one, two) => {
      const set = (ms: number, value: number): Row => ({
        t: addMs(START, ms),
        kind: "set",
        log: "l",
        key: "k",
        value,
      });
      const join: Row = { t: START, kind: "join", service: "s", tags: {}, instance: "i" };
      await one.post(aBatch([join, set(1, 1)], { closed: addMs(START, 1) }));
      await one.post(aBatch([set(9, 2)], { firstSeq: 5, closed: addMs(START, 20) }));
      await imported(two, await exported(one, addMs(START, 1), addMs(START, 20)));
      for (const ms of [2, 8, 9, 15]) {
        const t = addMs(START, ms);
        expect((await cutOf(one, t)).complete).toBe(false);
        // Named, because an imported node does not count past the end of its file.
        const { body } = await two.get<CutJson>(`/api/cut?at=${formatHlc(t)}&node=n1`);
        expect([ms, body.complete]).toEqual([ms, false]);
      }
    });
  });
});

describe("an export of a node on demand", () => {
  const at = (ms: number): Hlc => addMs(START, ms);
  const uncaptured = (first: number, last: number, fromMs: number, toMs: number): LostRange => ({
    ...{ firstSeq: first, lastSeq: last, firstT: at(fromMs), lastT: at(toMs) },
    ...{ logs: null, messages: true, reason: "not-captured" },
  });

  it.each([
    ["whole", undefined, undefined],
    ["up to a time in what was not captured", undefined, 85],
    ["from within a capture to within what follows", 50, 85],
    ["from what was not captured", 20, 100],
  ] as const)(
    "is never more complete than its source, and holds the captures: %s",
    async (_what, from, to) => {
      await withTwo(async (one, two) => {
        const status = { pid: 1, stream: "on-demand" };
        const join: Row = { t: START, kind: "join", service: "s", tags: {}, instance: "i" };
        await one.post(aBatch([join], { epoch: EPOCH, closed: at(5), status }));
        const dropped = [uncaptured(2, 11, 10, 90)];
        await one.post(aBatch([], { epoch: EPOCH, firstSeq: 12, closed: at(100), dropped }));
        const island: Row[] = [
          { t: at(40), kind: "keyframe", log: "l", state: new Map([["k", 1]]) },
          { t: at(50), kind: "set", log: "l", key: "k", value: 2 },
          { t: at(60), kind: "set", log: "l", key: "k", value: 3 },
        ];
        await one.post(aBatch(island, { epoch: EPOCH, firstSeq: 5, closed: at(65) }));
        const text = await exported(
          one,
          from === undefined ? undefined : at(from),
          to === undefined ? undefined : at(to),
        );
        expect(await imported(two, text)).toMatchObject({ skippedCount: 0 });
        for (const ms of [0, 9, 10, 39, 40, 45, 50, 60, 65, 66, 80, 85, 90, 100]) {
          if (ms < (from ?? 0) || ms > (to ?? 100)) continue;
          const path = `/api/cut?at=${formatHlc(at(ms))}&node=n1`;
          const { body } = await two.get<CutJson>(path);
          const source = await cutOf(one, at(ms));
          // A file knows no promises between lines: at the rims of a loss it may say less.
          if (ms > 40 && ms <= 60) expect([ms, body.complete]).toEqual([ms, true]);
          if (!body.complete) continue;
          expect([ms, source.complete]).toEqual([ms, true]);
          expect([ms, body.nodes["n1"]?.logs]).toEqual([ms, source.nodes["n1"]?.logs]);
          if (body.inFlightComplete) expect([ms, source.inFlightComplete]).toEqual([ms, true]);
        }
      });
    },
  );
});

describe("an export of a node that goes on shipping", () => {
  const join: Row = { t: START, kind: "join", service: "s", tags: {}, instance: "i" };
  const set = (ms: number): Row => ({
    t: addMs(START, ms),
    kind: "set",
    log: "l",
    key: "k",
    value: ms,
  });

  it.each([undefined, addMs(START, 1)])(
    "holds only lines that its import takes, from %s",
    async (from) => {
      await withTwo(async (one, two) => {
        await one.post(aBatch([join, set(2)], { closed: addMs(START, 2) }));
        const door = doorTo(new CollectorClient(one.url));
        let text = "";
        await exportJsonl({
          door: {
            ...door,
            // Between the question who is there and the one what happened, more arrives.
            async ask(path, query) {
              if (path === "/api/events") {
                const more = aBatch([set(5), set(6)], { firstSeq: 3, closed: addMs(START, 7) });
                expect((await one.post(more)).status).toBe(200);
              }
              return door.ask(path, query);
            },
          },
          ...(from === undefined ? {} : { from: formatHlc(from) }),
          write: (line) => {
            text += line;
          },
        });
        expect(text).toContain('"value":6');
        expect(await imported(two, text)).toMatchObject({ skippedCount: 0 });
        const cut = await cutOf(two, addMs(START, 6));
        expect([cut.complete, cut.nodes["n1"]?.logs]).toEqual([true, { l: { k: 6 } }]);
      });
    },
  );

  it("says in its report what a file cannot say: channels without stamps", async () => {
    const one = await startCollector();
    const status = { unstamped: [{ peer: "10.0.0.9", direction: "in", count: 3 }] };
    await one.post(aBatch([join, set(2)], { closed: addMs(START, 2), status }));
    const door = doorTo(new CollectorClient(one.url));
    for (const from of [{}, { from: formatHlc(addMs(START, 1)) }]) {
      const report = await exportJsonl({ door, ...from, write: () => {} });
      expect(report.uncheckedCount).toBe(1);
    }
    await one.close();
  });
});

describe("an import", () => {
  it("is refused where the file's node ships its own history", async () => {
    const one = await startCollector();
    await fed(one, play([{ node: 0, gap: 1, act: { do: "commit" } }]));
    const text = await exported(one, addMs(START, 20));
    await expect(imported(one, text)).rejects.toMatchObject({ code: "bad-usage" });
    await one.close();
  });

  it("names the lines that it cannot read, and takes the others", async () => {
    const one = await startCollector();
    const line = (fields: object) => JSON.stringify({ node: "x", ...fields });
    const report = await imported(
      one,
      [
        "\ufeff",
        line({ t: "2026-11-21T15:00:00Z", kind: "set", log: "l", key: "k", value: 1 }),
        "not json",
        line({ t: "soon", kind: "set", log: "l", key: "k", value: 1 }),
        line({ t: 1_795_273_201_000, kind: "set", log: "l", key: "k", value: 2 }),
      ].join("\n"),
    );
    expect(report).toMatchObject({ lines: 4, nodes: 1, skippedCount: 2 });
    expect(report.skipped.map(({ line: number }) => number)).toEqual([3, 4]);
    const { body } = await one.get<NodesJson>("/api/nodes");
    expect(body.nodes.map(({ node, status }) => [node, status])).toEqual([["x", "imported"]]);
    await one.close();
  });

  it("says so when a file holds no event line at all", async () => {
    const one = await startCollector();
    await expect(imported(one, "<html>\n</html>\n")).rejects.toMatchObject({ code: "bad-line" });
    await one.close();
  });
});
