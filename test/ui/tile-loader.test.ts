import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { TimelineJson } from "../../collector/api/shapes.ts";
import { ApiFailure, type Query } from "../../ui/src/api/client.ts";
import type { Viewport } from "../../ui/src/scale/time-scale.ts";
import type { Knowledge } from "../../ui/src/tiles/knowledge.ts";
import { readPage } from "../../ui/src/tiles/read-pages.ts";
import { TILE_CELLS, tileRange, wantedTiles } from "../../ui/src/tiles/tile-address.ts";
import { MAX_RUNNING, PATIENCE_MS, TileLoader } from "../../ui/src/tiles/tile-loader.ts";
import { timelineOf } from "../support/naive-history.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const WIDTH = 2_000;
const scenario = makeScenario();
const known: Knowledge = {
  members: "all",
  watermarks: Float64Array.from(scenario.nodes, ({ closed }) => closed),
  last: scenario.events.at(-1)?.t ?? 0,
};
const viewAt = (fromMs: number, spanMs: number): Viewport => ({
  from: (SCENARIO_START + fromMs * 4_096) as Hlc,
  to: (SCENARIO_START + (fromMs + spanMs) * 4_096) as Hlc,
});
const whole = { view: viewAt(0, SCENARIO_MS), width: WIDTH };

interface Request {
  readonly query: Query;
  readonly signal: AbortSignal;
  /** Gives the answer of the scenario, or of another. */
  answer(change?: (json: TimelineJson) => unknown): Promise<void>;
  fail(): Promise<void>;
}

function deferred<Value>() {
  let resolve: (value: Value) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<Value>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

/** A loader whose collector and clock are moved by hand. */
function handMade() {
  const requests: Request[] = [];
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  const settle = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));
  const loader = new TileLoader(
    {
      nowMs: () => now,
      after(ms, run) {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((one) => one !== timer);
        };
      },
    },
    {
      getBytes(_path, query, signal) {
        const { promise, resolve, reject } = deferred<ArrayBuffer>();
        signal.addEventListener("abort", () => reject(signal.reason));
        requests.push({
          query,
          signal,
          answer(change = (json) => json) {
            const time = (name: string) => parseHlc(String(query[name])) as number;
            const json = timelineOf(scenario, time("from"), time("to"), Number(query["pixels"]));
            resolve(new TextEncoder().encode(JSON.stringify(change(json))).buffer as ArrayBuffer);
            return settle();
          },
          fail() {
            reject(new ApiFailure("store-failed", 500, "The store could not be read."));
            return settle();
          },
        });
        return promise;
      },
    },
    {
      begin() {
        const pages: TimelineJson[] = [];
        return { page: async (bytes) => readPage(pages, bytes), end: () => {} };
      },
    },
  );
  return {
    loader,
    requests,
    async pass(ms: number) {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers = timers.filter((one) => one !== timer);
        timer.run();
      }
      await settle();
    },
    async answerAll() {
      for (let i = 0; i < requests.length; i += 1) await requests[i]?.answer();
    },
  };
}

describe("the loader of tiles", () => {
  it("asks for few at a time, the middle first, and for what is near when all that is seen is there", async () => {
    const { loader, requests, answerAll } = handMade();
    const window = loader.window();
    window.show(whole, known);
    const { seen, near } = wantedTiles(whole.view, WIDTH);
    expect(seen.length).toBeGreaterThan(MAX_RUNNING);
    expect(requests).toHaveLength(MAX_RUNNING);
    const middle = (whole.view.from + whole.view.to) / 2;
    const first = parseHlc(String(requests[0]?.query["from"])) as number;
    expect(Math.abs(first - middle)).toBeLessThan(
      tileRange(seen[0] as (typeof seen)[0]).to - tileRange(seen[0] as (typeof seen)[0]).from + 2,
    );
    expect([window.pending.value, window.answered.value]).toEqual([true, null]);
    await requests[0]?.answer();
    expect(window.answered.value?.answer.missing.length).toBeGreaterThan(0);
    expect(window.progress.value).toEqual({ done: 1, of: seen.length });
    await answerAll();
    expect(window.pending.value).toBe(false);
    expect(requests).toHaveLength(seen.length + near.length);
    expect(new Set(requests.map(({ query }) => query["from"])).size).toBe(requests.length);
    expect(requests.every(({ query }) => query["pixels"] === TILE_CELLS)).toBe(true);
    expect(window.answered.value?.answer.missing).toEqual([]);
  });

  it("asks nothing, and draws the same, after a small move", async () => {
    const { loader, requests, answerAll } = handMade();
    const window = loader.window();
    window.show(whole, known);
    await answerAll();
    const count = requests.length;
    const before = window.answered.value;
    window.show({ view: viewAt(60, SCENARIO_MS), width: WIDTH }, known);
    expect(requests).toHaveLength(count);
    expect(window.answered.value).toBe(before);
  });

  it("gives up tiles that nobody looks at when others wait for their place, after some patience", async () => {
    const { loader, requests, pass } = handMade();
    const window = loader.window();
    window.show(whole, known);
    window.show({ view: viewAt(900_000, 5), width: WIDTH }, known);
    expect(requests.some(({ signal }) => signal.aborted)).toBe(false);
    expect(requests).toHaveLength(MAX_RUNNING);
    await pass(PATIENCE_MS);
    expect(requests.slice(0, MAX_RUNNING).every(({ signal }) => signal.aborted)).toBe(true);
    expect(requests.length).toBeGreaterThan(MAX_RUNNING);
    const asked = parseHlc(String(requests.at(-1)?.query["from"])) as number;
    expect(asked).toBeGreaterThan(whole.view.to);
    expect(window.failure.value).toBeNull();
  });

  it("says why a tile did not come, keeps what is there, and tries again when it is told to", async () => {
    const { loader, requests } = handMade();
    const window = loader.window();
    window.show(whole, known);
    await requests[0]?.answer();
    const shown = window.answered.value;
    for (const request of [...requests]) await request.fail();
    for (let round = 0; loader.runningCount > 0 && round < 20; round += 1) {
      for (const request of [...requests]) await request.fail();
    }
    expect(window.failure.value?.code).toBe("store-failed");
    expect(window.answered.value?.answer.lanes).toEqual(shown?.answer.lanes);
    const count = requests.length;
    window.retry();
    expect(window.failure.value).toBeNull();
    expect(requests.length).toBeGreaterThan(count);
    for (const request of requests.slice(count)) await request.answer();
    expect(window.failure.value).toBeNull();
  });

  it("stops when it is told to, until it is asked again", async () => {
    const { loader, requests, pass } = handMade();
    const window = loader.window();
    window.show(whole, known);
    window.cancel();
    await pass(1);
    const count = requests.length;
    expect(requests.every(({ signal }) => signal.aborted)).toBe(true);
    expect([window.pending.value, window.failure.value?.code]).toEqual([false, "stopped"]);
    window.show(whole, { ...known });
    await pass(1);
    expect(requests).toHaveLength(count);
    window.retry();
    expect(requests.length).toBeGreaterThan(count);
  });

  it("puts the pages of a tile together: lanes of all, of the same stretch", async () => {
    const { loader, requests } = handMade();
    const window = loader.window();
    window.show(whole, known);
    const half = (json: TimelineJson, part: 0 | 1) => ({
      ...json,
      lanes: json.lanes.filter((_, i) => i % 2 === part),
      ...(part === 0 ? { next: "half" } : {}),
    });
    await requests[0]?.answer((json) => half(json, 0));
    const next = requests.at(-1);
    expect(next?.query["cursor"]).toBe("half");
    expect(next?.query["from"]).toBe(requests[0]?.query["from"]);
    await next?.answer((json) => half(json, 1));
    expect([...(window.answered.value?.answer.lanes.keys() ?? [])].sort()).toEqual(
      scenario.nodes.map(({ node }) => node).sort(),
    );
  });

  it("calls an answer that is no timeline by its name", async () => {
    const { loader, requests } = handMade();
    const window = loader.window();
    window.show({ view: viewAt(0, 40), width: 100 }, known);
    await requests[0]?.answer(() => ({ what: formatHlc(SCENARIO_START) }));
    expect(window.failure.value?.code).toBe("bad-answer");
  });
});
