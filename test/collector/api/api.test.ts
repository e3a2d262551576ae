/** The HTTP contract (collector/api/README.md) over a real collector: what its answers say. */
import { describe, expect, it } from "vitest";
import { formatHlc } from "../../../agent/kernel/index.ts";
import type {
  CutJson,
  DiffJson,
  EventsJson,
  NodesJson,
  SchemaJson,
  StepsJson,
  TimelineJson,
  VariableHistoryJson,
} from "../../../collector/api/shapes.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW, startCollector } from "../support.ts";
import { at, hex, join, twoNodes } from "./two-nodes.ts";

const { collector, good } = await twoNodes();

const H = {
  hlc: expect.stringMatching(/^[0-9a-f]{16}$/),
  time: expect.stringMatching(/^\d{4}-.*Z$/),
};

describe("/api/cut", () => {
  it("has the documented shape", async () => {
    const cut = await good<CutJson>(`/api/cut?at=${hex(26)}`);
    expect(cut).toEqual({
      at: { hlc: hex(26), time: "2026-11-21T15:59:59.026000Z" },
      complete: true,
      incomplete: [],
      members: ["n1", "n2"],
      consistent: true,
      violations: [],
      unchecked: [],
      nodes: {
        n1: {
          service: "cart",
          epoch: 7,
          status: "live",
          watermark: H,
          logs: { stock: { apples: 11, pears: 5 } },
        },
        n2: { service: "ring", epoch: 9, status: "live", watermark: H, logs: {} },
      },
      inFlight: [],
      inFlightComplete: true,
      inFlightIncomplete: [],
    });
  });

  it("gives sets as sets, and foreign names as plain keys", async () => {
    const response = await fetch(`${collector.url}/api/cut?at=${hex(28)}&node=n2`);
    const text = await response.text();
    expect(text).toContain('"__proto__":{"$literal":{"$odd":1}}');
    expect(text).toContain('"members":{"$set":["a","b"]}');
  });

  it("names the messages on their way", async () => {
    const { inFlight } = await good<CutJson>(`/api/cut?at=${hex(20)}`);
    expect(inFlight).toEqual([
      { id: "n1/7/4", from: "n1", to: "n2", peer: null, sentAt: { hlc: hex(15), time: H.time } },
    ]);
  });

  it("says which node is behind, and refuses only when asked to be strict", async () => {
    const cut = await good<CutJson>(`/api/cut?at=${hex(45)}`);
    expect(cut.complete).toBe(false);
    expect(cut.incomplete).toEqual([{ node: "n2", reason: "lagging", after: H }]);
    const strict = await collector.get<CutJson & { error: object }>(
      `/api/cut?at=${hex(45)}&strict=true`,
    );
    expect(strict.status).toBe(409);
    const { error, ...body } = strict.body;
    expect(body).toEqual(cut);
    expect(error).toMatchObject({ code: "incomplete", message: expect.stringContaining("n2") });
    const narrowed = await good<CutJson>(`/api/cut?at=${hex(45)}&strict=true&node=n1`);
    expect(narrowed.complete).toBe(true);
  });

  it("narrows to nodes, services, logs and keys, each of which may repeat", async () => {
    const one = await good<CutJson>(`/api/cut?at=${hex(30)}&node=n1&node=n2&log=stock&key=apples`);
    expect(one.nodes["n1"]?.logs).toEqual({ stock: { apples: 11 } });
    const service = await good<CutJson>(`/api/cut?at=${hex(30)}&service=ring`);
    expect(Object.keys(service.nodes)).toEqual(["n2"]);
  });

  it("answers the future as incomplete, and when asked waits for it", async () => {
    const future = await good<CutJson>("/api/cut?at=%2B1h");
    expect(future.complete).toBe(false);
    const startMs = performance.now();
    const waited = await good<CutJson>("/api/cut?at=+1h&wait=150ms");
    expect(waited.complete).toBe(false);
    expect(performance.now() - startMs).toBeGreaterThan(140);
  });

  it("wakes a waiting question when the missing batch arrives", async () => {
    const own = await startCollector();
    await own.post(aBatch([join(at(0), "s")], { node: "a", epoch: 1, closed: at(0) }));
    const waiting = own.get<CutJson>(`/api/cut?at=${hex(9)}&wait=20s`);
    await own.post(aBatch([], { node: "a", epoch: 1, firstSeq: 2, closed: at(10) }));
    expect((await waiting).body.complete).toBe(true);
    await own.close();
  });

  it("before all history is gone, naming the earliest time", async () => {
    const { status, body } = await collector.get<{ error: { earliest: object } }>(
      `/api/cut?at=${hex(-1)}`,
    );
    expect(status).toBe(410);
    expect(body.error).toMatchObject({ code: "outside-retention", earliest: { hlc: hex(0) } });
    // n2 alone begins later than n1.
    const { body: n2 } = await collector.get<{ error: object }>(`/api/cut?at=${hex(1)}&node=n2`);
    expect(n2.error).toMatchObject({ code: "outside-retention", earliest: { hlc: hex(5) } });
    expect((await good<CutJson>(`/api/cut?at=${hex(1)}`)).members).toEqual(["n1"]);
  });
});

describe("what changed", () => {
  it("between two times, with before and after where there is one", async () => {
    const diff = await good<DiffJson>(`/api/diff?from=${hex(10)}&to=${hex(30)}&node=n1`);
    expect(diff).toEqual({
      from: { hlc: hex(10), time: H.time },
      to: { hlc: hex(30), time: H.time },
      complete: true,
      incomplete: [],
      changes: [{ node: "n1", log: "stock", key: "apples", before: 12, after: 11, count: 1 }],
    });
    const gone = await good<DiffJson>(`/api/diff?from=${hex(30)}&to=${hex(50)}&node=n1`);
    expect(gone.changes).toEqual([{ node: "n1", log: "stock", key: "pears", before: 5, count: 1 }]);
  });

  it("step by step, forwards and backwards", async () => {
    const next = await good<StepsJson>(`/api/step?from=${hex(10)}&node=n1&count=2`);
    expect(next.steps.map((step) => step.at.hlc)).toEqual([hex(20), hex(40)]);
    expect(next.steps[0]?.changes).toEqual([
      { node: "n1", log: "stock", key: "apples", kind: "set", before: 12, after: 11 },
    ]);
    const prev = await good<StepsJson>(`/api/step?from=${hex(40)}&direction=prev&node=n1`);
    expect(prev.steps.map((step) => step.at.hlc)).toEqual([hex(40)]);
  });

  it("of one variable, page by page, each value once", async () => {
    const path = `/api/history?node=n1&log=stock&key=apples&from=${hex(10)}&to=${hex(50)}`;
    const whole = await good<VariableHistoryJson>(path);
    expect(whole.values.map(({ at: h, value }) => [h.hlc, value])).toEqual([
      [hex(10), 12],
      [hex(20), 11],
    ]);
    const first = await good<VariableHistoryJson>(`${path}&limit=1`);
    const second = await good<VariableHistoryJson>(`${path}&limit=1&cursor=${first.next}`);
    expect([...first.values, ...second.values]).toEqual(whole.values);
    expect(second.next).toBeUndefined();
    const pears = await good<VariableHistoryJson>("/api/history?node=n1&log=stock&key=pears");
    expect(pears.values.at(-1)).toMatchObject({ at: { hlc: hex(40) }, deleted: true });
  });
});

describe("/api/events", () => {
  it("gives event lines in time order, the same whatever the size of a page", async () => {
    const whole = await good<EventsJson>("/api/events");
    expect(whole.events.map(({ node, seq }) => `${node}/${seq}`)).toEqual(
      "n1/1 n2/1 n1/2 n1/3 n1/4 n1/5 n2/2 n2/3 n2/4 n1/6".split(" "),
    );
    expect(whole.events[4]).toMatchObject({
      node: "n1",
      service: "cart",
      epoch: 7,
      seq: 4,
      t: { hlc: hex(15) },
      kind: "send",
      id: "n1/7/4",
      to: "n2",
    });
    for (const limit of [1, 3, 10]) {
      const seen: unknown[] = [];
      let cursor = "";
      for (let page = 0; page < 20; page += 1) {
        const answer = await good<EventsJson>(`/api/events?limit=${limit}${cursor}`);
        seen.push(...answer.events);
        if (answer.next === undefined) break;
        cursor = `&cursor=${answer.next}`;
      }
      expect(seen).toEqual(whole.events);
    }
  });

  it("filters by range, node and kind", async () => {
    const path = `/api/events?from=${hex(10)}&to=${hex(20)}&node=n1&kind=set&kind=send`;
    const { events } = await good<EventsJson>(path);
    expect(events.map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
  });
});

describe("what there is", () => {
  it("is told by /api/nodes", async () => {
    const answer = await good<NodesJson>("/api/nodes");
    expect(answer.now.hlc).toBe(formatHlc(NOW));
    expect(answer.extent?.first.hlc).toBe(hex(0));
    expect(answer.watermark?.hlc).toBe(hex(30));
    expect(answer.nodes[0]).toEqual({
      node: "n1",
      service: "cart",
      tags: { zone: "a" },
      epoch: 7,
      epochs: [{ epoch: 7, joined: H, end: null }],
      status: "live",
      joined: H,
      retainedFrom: null,
      watermark: { hlc: hex(50), time: H.time },
      hooks: null,
      counts: { stored: 6 },
      drops: null,
      lost: [],
      notCaptured: null,
      stream: "all",
      lead: null,
      clockSteps: null,
      refused: null,
      malformed: null,
      // By the one message: n2's clock is ahead by 10 ms at most; of how far behind nothing is known.
      offsets: {
        at: { hlc: hex(30), time: H.time },
        pairs: [{ node: "n2", lowerUs: null, upperUs: 10_000, moved: false }],
      },
    });
  });

  it("is told by /api/schema", async () => {
    const schema = await good<SchemaJson>("/api/schema");
    expect(schema.services).toEqual(["cart", "ring"]);
    expect(schema.nodes).toEqual(["n1", "n2"]);
    expect(schema.logs[0]).toMatchObject({ node: "n1", log: "stock", changes: 4 });
    expect(schema.logs[1]?.variables).toContainEqual({ key: "members", type: "set" });
  });

  it("is drawn by /api/timeline", async () => {
    const path = `/api/timeline?from=${hex(0)}&to=${hex(50)}&pixels=100`;
    const timeline = await good<TimelineJson>(path);
    expect(timeline.exact).toBe(true);
    expect(timeline.lanes.map(({ node }) => node)).toEqual(["n1", "n2"]);
    expect(timeline.lanes[0]?.events?.map(({ epoch, seq }) => `${epoch}/${seq}`)).toEqual(
      "7/1 7/2 7/3 7/4 7/5 7/6".split(" "),
    );
    expect(timeline.messages).toEqual([
      { from: "n1", to: "n2", sentAt: H, receivedAt: { hlc: hex(25), time: H.time }, count: 1 },
    ]);
  });
});
