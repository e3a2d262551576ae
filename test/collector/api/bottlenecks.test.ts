/** `/api/latency`, `/api/bottlenecks` and the live event, of a real collector that was sent a simulation. */
import { afterEach, describe, expect, it } from "vitest";
import type { BottlenecksJson, LatencyJson } from "../../../collector/api/bottleneck-shapes.ts";
import { hlcOfUs } from "../../../collector/bottleneck/unix-us.ts";
import { START_US, simulate } from "../../support/queue-simulator.ts";
import { batchesOf } from "../../support/simulated-batches.ts";
import { startCollector, type TestCollector } from "../support.ts";

const SECONDS = 14;
const FAULT = { startUs: START_US + 9_200_000, endUs: START_US + 9_350_000 };
const END = hlcOfUs(START_US + SECONDS * 1e6);
const FROM_MS = START_US / 1_000;
const RANGE = `from=${FROM_MS}&to=${FROM_MS + SECONDS * 1_000}`;

const open: TestCollector[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function collectorWith(leadUs = 0): Promise<TestCollector> {
  const faults = [{ ...FAULT, kind: "run" as const, node: "store" as const }];
  const recordings = simulate({ seed: 11, seconds: SECONDS, perSecond: 120, faults });
  const collector = await startCollector({ clock: { now: () => END } });
  open.push(collector);
  for (const batch of batchesOf(recordings, leadUs))
    expect((await collector.post(batch)).status).toBe(200);
  return collector;
}

describe("very short bottlenecks over HTTP", () => {
  it("are found in what agents shipped, once, and named with tier, cause, path and snapshot", async () => {
    const collector = await collectorWith();
    const { status, body } = await collector.get<BottlenecksJson>(`/api/bottlenecks?${RANGE}`);
    expect(status).toBe(200);
    expect(body.episodes).toHaveLength(1);
    expect(body.unwatched).toBeUndefined();
    const [episode] = body.episodes;
    expect(episode).toMatchObject({
      status: "closed",
      class: "fault",
      tier: { service: "store", node: "store-1" },
      signals: { unavailable: [] },
      skew: { orderUsed: true },
    });
    expect(episode?.causes[0]).toMatchObject({ cause: "run", node: "store-1" });
    expect(episode?.path.map(({ to }) => to)).toEqual(["service", "store"]);
    const onsetMs = Date.parse(episode?.onset.time ?? "");
    expect(Math.abs(onsetMs - FAULT.startUs / 1_000)).toBeLessThan(20);
    expect(Date.parse(episode?.snapshot.at.time ?? "")).toBeLessThanOrEqual(onsetMs);
    expect(episode?.snapshot.complete).toBe(true);
    expect(episode?.stamped).toEqual({ onset: episode?.onset, end: episode?.end });
    const none = await collector.get<BottlenecksJson>(`/api/bottlenecks?${RANGE}&minMs=1000`);
    expect(none.body.episodes).toEqual([]);
  });

  it("cannot be found where no agent tells of its load, which is said", async () => {
    const collector = await startCollector();
    const { body } = await collector.get<BottlenecksJson>("/api/bottlenecks");
    await collector.close();
    expect(body).toMatchObject({ episodes: [], unwatched: true });
  });

  it("lie among the stamps of their node where those are ahead of its clock", async () => {
    const collector = await collectorWith(300_000);
    const { body } = await collector.get<BottlenecksJson>(`/api/bottlenecks?${RANGE}`);
    const [episode, ...more] = body.episodes;
    expect(more).toEqual([]);
    const ms = (time: string | undefined): number => Date.parse(time ?? "");
    expect(Math.abs(ms(episode?.onset.time) - FAULT.startUs / 1_000)).toBeLessThan(20);
    expect(ms(episode?.stamped.onset.time) - ms(episode?.onset.time)).toBe(300);
    expect(ms(episode?.stamped.end?.time) - ms(episode?.end?.time)).toBe(300);
  });

  it("give percentiles per window from merged cells, and none of fewer than 100 requests", async () => {
    const collector = await collectorWith();
    const fine = await collector.get<LatencyJson>(
      `/api/latency?${RANGE}&window=50ms&service=store`,
    );
    expect(fine.status).toBe(200);
    const { windows, total, windowMs } = fine.body.server;
    expect(windowMs).toBe(50);
    expect(windows.every(({ count, p99Us }) => count < 100 === (p99Us === null))).toBe(true);
    expect(windows.reduce((sum, { count }) => sum + count, 0)).toBe(total.count);
    expect(total.count).toBeGreaterThan(1_000);
    expect(total.p99Us).toBeGreaterThan(1_000);
    const bucketed = total.buckets.reduce((sum, [, count]) => sum + count, 0);
    expect(bucketed).toBe(total.count);
    const refused = await collector.get(`/api/latency?${RANGE}&window=15ms`);
    expect(refused.status).toBe(400);
  });

  it("give counts in cells for a heat map: fewer, and the same requests", async () => {
    const collector = await collectorWith();
    const ask = async (more: string) =>
      (await collector.get<LatencyJson>(`/api/latency?${RANGE}&window=50ms${more}`)).body.server;
    const [exact, coarse] = [await ask(""), await ask("&cells=8")];
    const width = (us: number) => (us < 16 ? 1 : 2 ** Math.floor(Math.log2(us)) / 8);
    expect(coarse.windows).toHaveLength(exact.windows.length);
    for (const [i, { buckets, ...rest }] of coarse.windows.entries()) {
      const { buckets: fine, ...same } = exact.windows[i] as (typeof exact.windows)[number];
      expect(rest).toEqual(same);
      const recounted = buckets.map(([lowest]) => {
        const inside = fine.filter(([us]) => us >= lowest && us < lowest + width(lowest));
        return [lowest, inside.reduce((sum, [, count]) => sum + count, 0)];
      });
      expect(buckets).toEqual(recounted);
      expect(buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(same.count);
    }
    expect(coarse.total.buckets.length).toBeLessThan(exact.total.buckets.length / 8);
    for (const cells of ["0", "3", "2048", "x"]) {
      expect((await collector.get(`/api/latency?${RANGE}&cells=${cells}`)).status).toBe(400);
    }
  });

  it("are kept once, however often their batches come", async () => {
    const collector = await collectorWith();
    const before = await collector.get<LatencyJson>(`/api/latency?${RANGE}&window=10ms`);
    const again = simulate({ seed: 11, seconds: SECONDS, perSecond: 120, faults: [] }).slice(0, 1);
    // The same identities with other contents: what is stored stays.
    await collector.post(...batchesOf(again).map((batch) => ({ ...batch })));
    const after = await collector.get<LatencyJson>(`/api/latency?${RANGE}&window=10ms`);
    expect(after.body.server.total).toEqual(before.body.server.total);
  });

  it("are told live, with the cut at the onset pinned", async () => {
    const faults = [{ ...FAULT, kind: "run" as const, node: "store" as const }];
    const recordings = simulate({ seed: 5, seconds: SECONDS, perSecond: 120, faults });
    const now = START_US + 12e6;
    const collector = await startCollector({ clock: { now: () => hlcOfUs(now) } });
    open.push(collector);
    const abort = new AbortController();
    const live = await fetch(`${collector.url}/api/live`, { signal: abort.signal });
    const reader = (live.body as ReadableStream<Uint8Array>).getReader();
    await collector.post(...batchesOf(recordings));
    let text = "";
    while (!/event: bottleneck\ndata: .*\n\n/.test(text)) {
      const { value, done } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    abort.abort();
    expect(text).toContain('"tier":{"service":"store","node":"store-1"}');
    const pinned = async (): Promise<boolean> => {
      const { body } = await collector.get<{ saved: { name: string }[] }>("/api/saved");
      return body.saved.some(({ name }) => name.startsWith("episode ep-"));
    };
    await expect.poll(pinned, { timeout: 10_000 }).toBe(true);
  });
});
