/**
 * On-demand mode end to end: services in processes of their own that change state a thousand times a
 * second and ship nothing, a real collector, and captures of what they held.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnchoredClock, addMs, formatHlc, type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type {
  CaptureJson,
  CapturesJson,
  CutJson,
  DiffJson,
  EventsJson,
  NodesJson,
} from "../../collector/api/shapes.ts";
import { startCollector, type TestCollector } from "../collector/support.ts";
import { bundleForNode } from "../support/bundle-for-node.ts";
import { type OnDemandProcess, startOnDemand } from "../support/on-demand-process.ts";
import { until } from "../support/processes.ts";

const clock = new AnchoredClock();
let folder = "";
let collector: TestCollector;
const services: OnDemandProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-captures-"));
  const sdk = await bundleForNode(new URL("../../agent/index.ts", import.meta.url), folder, "sdk");
  collector = await startCollector({ clock, quiet: true });
  const options = { folder, sdk, collector: collector.url };
  for (const node of ["c1", "c2", "c3"]) services.push(await startOnDemand({ ...options, node }));
  services.push(await startOnDemand({ ...options, node: "streams", stream: "all" }));
  // Until there are some seconds to look back on.
  await until(async () => {
    const { body } = await collector.get<NodesJson>("/api/nodes");
    const seconds = body.nodes.map(({ joined, watermark }) => ms(watermark) - ms(joined));
    return seconds.length === 4 && Math.min(...seconds) > 6_500;
  });
}, 60_000);

afterAll(async () => {
  await Promise.all(services.map((one) => one.close()));
  await collector.close();
  rmSync(folder, { recursive: true, force: true });
});

function ms({ hlc }: { readonly hlc: string }): number {
  return (parseHlc(hlc) as Hlc) / 4096;
}

async function capture(from: string, to: string): Promise<CaptureJson> {
  const response = await fetch(`${collector.url}/api/captures`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ from, to }),
  });
  const asked = (await response.json()) as CaptureJson;
  expect(asked).toMatchObject({ state: "asked" });
  return (await collector.get<CaptureJson>(`/api/captures/${asked.id}?wait=10s`)).body;
}

function isNotCaptured({ reason }: { readonly reason: string }): boolean {
  return reason === "not-captured";
}

/** The cut as soon as it is complete. */
async function cutAt(t: Hlc): Promise<CutJson> {
  return (await collector.get<CutJson>(`/api/cut?at=${formatHlc(t)}&wait=5s`)).body;
}

/** The cut as soon as nothing else is missing than what nobody asked for: to wait for more is in vain. */
async function cutOfWhatIsKnown(t: Hlc): Promise<CutJson> {
  let cut: CutJson | undefined;
  await until(async () => {
    cut = (await collector.get<CutJson>(`/api/cut?at=${formatHlc(t)}`)).body;
    return cut.incomplete.every(isNotCaptured);
  });
  return cut as CutJson;
}

describe("a capture of three services", () => {
  it("is exact at every time inside, and says what lies outside", async () => {
    const done = await capture("-3s", "now");
    expect(done.nodes.map(({ node, state, why }) => [node, state, why])).toEqual([
      ["c1", "shipped", undefined],
      ["c2", "shipped", undefined],
      ["c3", "shipped", undefined],
      ["streams", "streaming", undefined],
    ]);
    expect(done.state).toBe("done");
    const [from, to] = [parseHlc(done.from.hlc) as Hlc, parseHlc(done.to.hlc) as Hlc];
    for (const part of [0, 0.001, 0.25, 0.5, 0.75, 0.999, 1]) {
      const t = Math.round(from + part * (to - from)) as Hlc;
      const cut = await cutAt(t);
      expect([part, cut.incomplete, cut.complete]).toEqual([part, [], true]);
      for (const service of services) {
        const own = await service.snapshot(formatHlc(t));
        expect(Object.keys(own["stock"] ?? {}).length).toBeGreaterThan(40);
        expect(cut.nodes[service.node]?.logs).toEqual(own);
      }
    }
    const cut = await cutOfWhatIsKnown(addMs(to, 1_500));
    const reasons = cut.incomplete.map(({ node, reason }) => `${node} ${reason}`);
    expect(reasons).toEqual(["c1 not-captured", "c2 not-captured", "c3 not-captured"]);
    // What came begins with keyframes before `from`, however long before: nothing else is known there.
    const before = await cutOfWhatIsKnown(addMs(from, -1_000));
    for (const service of services) {
      const gaps = before.incomplete.filter(({ node }) => node === service.node);
      const own = await service.snapshot(formatHlc(addMs(from, -1_000)));
      if (gaps.length === 0) expect(before.nodes[service.node]?.logs).toEqual(own);
      for (const { reason } of gaps) expect(reason).toBe("not-captured");
    }
  }, 60_000);

  it("makes known what was unknown, and neither deleted nor absent", async () => {
    const done = await capture("-1500ms", "-1s");
    const inside = done.to.hlc;
    const later = addMs(parseHlc(inside) as Hlc, 800);
    await until(async () => {
      const { body } = await collector.get<CutJson>(`/api/cut?at=${formatHlc(later)}&node=c1`);
      return body.incomplete.length > 0 && body.incomplete.every(isNotCaptured);
    });
    const question = `from=${inside}&to=${formatHlc(later)}&node=c1`;
    const ask = async () => ({
      diff: (await collector.get<DiffJson>(`/api/diff?${question}&log=sparse`)).body,
      events: (await collector.get<EventsJson>(`/api/events?${question}`)).body,
    });
    const before = await ask();
    expect(before.diff.changes).toMatchObject([{ key: "last", afterUnknown: "not-captured" }]);
    expect([before.diff.complete, before.events.complete]).toEqual([false, false]);
    expect(before.events.incomplete.every(isNotCaptured)).toBe(true);
    // What the command line prints for it.
    await capture(inside, formatHlc(later));
    const after = await ask();
    expect([after.diff.complete, after.events.complete]).toEqual([true, true]);
    const [service] = services;
    const own = await service?.snapshot(formatHlc(later));
    expect(after.diff.changes).toMatchObject([{ key: "last", after: own?.["sparse"]?.["last"] }]);
    expect(after.events.events.length).toBeGreaterThan(500);
  }, 60_000);

  it("may lie ahead, and comes when its time has come", async () => {
    const done = await capture("now", "+1s");
    expect(done.state).toBe("done");
    const cut = await cutAt(parseHlc(done.to.hlc) as Hlc);
    expect([cut.complete, cut.incomplete]).toEqual([true, []]);
  }, 60_000);

  it("is made by a trigger on one of them", async () => {
    const [first] = services;
    const at = parseHlc((await first?.trigger("queue is long")) ?? "") as Hlc;
    let made: CaptureJson | undefined;
    await until(async () => {
      const { body } = await collector.get<CapturesJson>("/api/captures");
      made = body.captures.find(({ reason }) => reason === "queue is long");
      return made !== undefined && made.state !== "asked";
    });
    expect(made?.trigger).toMatchObject({ node: "c1", at: { hlc: formatHlc(at) }, count: 1 });
    expect(made?.to.hlc).toBe(formatHlc(addMs(at, 2_000)));
    // Their windows may have begun less than 10 s before: what there is of it came.
    const came = made?.nodes.filter(({ state }) => state === "shipped" || state === "partial");
    expect(came?.map(({ node }) => node)).toEqual(["c1", "c2", "c3"]);
    const cut = await cutAt(at);
    expect([cut.complete, cut.incomplete]).toEqual([true, []]);
    for (const service of services) {
      expect(cut.nodes[service.node]?.logs).toEqual(await service.snapshot(formatHlc(at)));
    }
  }, 60_000);

  it("leaves the record of each node small", async () => {
    const { body } = await collector.get<NodesJson>("/api/nodes");
    for (const { node, stream, lost, notCaptured } of body.nodes) {
      if (stream === "all") {
        expect([node, lost, notCaptured]).toEqual([node, [], null]);
        continue;
      }
      expect([node, lost]).toEqual([node, []]);
      expect(notCaptured?.rangeCount).toBeGreaterThan(0);
      expect(notCaptured?.rangeCount).toBeLessThan(12);
    }
  });
});
