/**
 * The HTTP contract (collector/api/README.md) over a real collector: LMDB, ingest, batches as agents encode
 * them. Two nodes exchange a message; the second never says more than its first batch.
 *
 *     n1   join  set   send(m1)  set          leave-less, closed at +50 ms
 *     n2                            receive(m1)  set {a,b}   closed at +30 ms
 */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs, formatHlc, type Hlc, ValueSet } from "../../../agent/kernel/index.ts";
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
import { NOW, startCollector, type TestCollector } from "../support.ts";

const START = addMs(NOW, -1_000);
const at = (ms: number): Hlc => addMs(START, ms);
const hex = (ms: number): string => formatHlc(at(ms));
const join = (t: Hlc, service: string) =>
  ({ t, kind: "join", service, tags: { zone: "a" }, instance: "i1" }) as const;
const message = { channel: "http", to: null, peer: null, id: null };

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector();
  const n1 = aBatch(
    [
      join(at(0), "cart"),
      { t: at(10), kind: "set", log: "stock", key: "apples", value: 12 },
      { t: at(10), kind: "set", log: "stock", key: "pears", value: 5 },
      {
        ...message,
        t: at(15),
        kind: "send",
        to: "n2",
        replaces: null,
        failed: false,
        streamed: false,
      },
      { t: at(20), kind: "set", log: "stock", key: "apples", value: 11 },
      { t: at(40), kind: "delete", log: "stock", key: "pears" },
    ],
    { node: "n1", service: "cart", epoch: 7, closed: at(50) },
  );
  const n2 = aBatch(
    [
      join(at(5), "ring"),
      {
        t: at(25),
        kind: "receive",
        channel: "http",
        from: { node: "n1", epoch: 7, seq: 4 },
        sentT: at(15),
        peer: null,
        id: null,
        unverified: false,
        relayed: false,
      },
      { t: at(28), kind: "set", log: "ring", key: "members", value: ValueSet.of(["b", "a"]) },
      { t: at(28), kind: "set", log: "ring", key: "__proto__", value: { $odd: 1 } },
    ],
    { node: "n2", service: "ring", epoch: 9, closed: at(30) },
  );
  expect((await collector.post(n1, n2)).status).toBe(200);
});
afterAll(() => collector.close());

async function good<Answer>(path: string): Promise<Answer> {
  const { status, body } = await collector.get<Answer>(path);
  expect([status, path, status === 200 ? "" : JSON.stringify(body)]).toEqual([200, path, ""]);
  return body;
}

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
      offsets: null,
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

describe("a bad question is told what is wrong and what is accepted:", () => {
  const cases: ReadonlyArray<readonly [path: string, status: number, code: string, says: RegExp]> =
    [
      ["/api/cut", 400, "bad-parameter", /at is missing/],
      ["/api/cut?at=noon", 400, "bad-time", /at.*noon/],
      ["/api/cut?at=now&nodes=n1", 400, "bad-parameter", /nodes/],
      ["/api/cut?at=now&wait=2h", 400, "bad-parameter", /60s/],
      ["/api/cut?at=now&node=n3", 404, "unknown-node", /n3.*n1.*n2/s],
      ["/api/cut?at=now&log=stok", 404, "unknown-log", /stok.*stock/s],
      ["/api/diff?from=now", 400, "bad-parameter", /to is missing/],
      ["/api/diff?from=now&to=-1s", 400, "bad-parameter", /from is later/],
      [`/api/diff?from=${hex(-1)}&to=now`, 410, "outside-retention", /begins/],
      ["/api/step?from=now&direction=up", 400, "bad-parameter", /next.*prev/s],
      ["/api/step?from=now&count=0", 400, "bad-parameter", /count/],
      ["/api/history?node=n1&log=stock", 400, "bad-parameter", /key is missing/],
      ["/api/history?node=n9&log=stock&key=apples", 404, "unknown-node", /n9/],
      ["/api/events?kind=sett", 400, "bad-parameter", /sett.*set/s],
      ["/api/events?cursor=x", 400, "bad-parameter", /cursor/],
      ["/api/events?limit=10001", 400, "bad-parameter", /10000/],
      ["/api/timeline?pixels=many", 400, "bad-parameter", /pixels/],
      ["/api/nodes?x=1", 400, "bad-parameter", /x/],
      ["/api/cuts?at=now", 404, "not-found", /\/api\/cut\b/],
      ["/api", 404, "not-found", /\/api\/nodes/],
      ["/nowhere", 404, "not-found", /nowhere/],
      ["/api/%zz", 400, "bad-parameter", /decode/i],
    ];
  it.each(cases)("%s", async (path, status, code, says) => {
    const { status: given, body } = await collector.get<{
      error: { code: string; message: string; hint?: string };
    }>(path);
    expect([given, body.error.code]).toEqual([status, code]);
    expect(`${body.error.message}\n${body.error.hint}`).toMatch(says);
    expect(JSON.stringify(body)).not.toContain(".ts:");
  });

  it("a POST where a GET is served", async () => {
    const response = await fetch(`${collector.url}/api/nodes`, { method: "POST" });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { hint: "Ask it with GET." } });
  });
});

describe("what Express would answer by itself", () => {
  it("is JSON like every refusal: OPTIONS", async () => {
    for (const path of ["/api/cut", "/api/captures", "/healthz", "/"]) {
      const response = await fetch(collector.url + path, { method: "OPTIONS" });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: "not-found" } });
    }
  });
});

describe("a batch that is none", () => {
  const send = (body: BodyInit, headers: Record<string, string> = {}) =>
    fetch(`${collector.url}/v1/batches`, {
      method: "POST",
      headers: { "content-type": "application/vnd.retroscope.batch", ...headers },
      body,
    });

  it("is refused whole, with a code and a hint, and stores nothing", async () => {
    const before = await good<NodesJson>("/api/nodes");
    const answers = [
      [await send(Buffer.from("no batch at all")), 400],
      [await send(Buffer.alloc(0)), 400],
      [await send(Buffer.alloc(5 * 1024 * 1024)), 413],
      [await send("{}", { "content-type": "application/json" }), 415],
      [await send("x", { "content-type": "text/plain" }), 415],
    ] as const;
    for (const [response, status] of answers) {
      expect(response.status).toBe(status);
      const { error } = (await response.json()) as { error: { code: string; hint: string } };
      expect(error.code).toBeTruthy();
      expect(error.hint).toBeTruthy();
    }
    expect((await good<NodesJson>("/api/nodes")).nodes).toEqual(before.nodes);
  });
});

describe("the server", () => {
  /** fetch does not let a Host be set. */
  function statusAs(
    headers: Record<string, string>,
    path: string,
    method = "GET",
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(collector.url);
      const sent = request({ hostname, port, path, method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on("error", reject).end();
    });
  }

  it("answers no foreign page: neither questions, nor files, nor batches", async () => {
    for (const path of ["/api/nodes", "/", "/healthz"]) {
      expect(await statusAs({ host: "evil.example" }, path)).toBe(403);
      expect(await statusAs({ origin: "http://evil.example" }, path)).toBe(403);
    }
    expect(await statusAs({ host: "evil.example" }, "/v1/batches", "POST")).toBe(403);
    expect(await statusAs({ origin: "null" }, "/v1/batches", "POST")).toBe(403);
    expect(await statusAs({}, "/api/nodes")).toBe(200);
  });

  it("sends a strict policy, and no permission for other origins", async () => {
    const { headers } = await fetch(`${collector.url}/api/nodes`);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("says that it lives and that it is ready", async () => {
    expect(await good("/healthz")).toEqual({ status: "ok" });
    expect(await good("/readyz")).toEqual({ status: "ok" });
  });

  it("survives a path that is no path", async () => {
    expect(await statusAs({}, "//")).toBeLessThan(504);
    expect(await good("/healthz")).toEqual({ status: "ok" });
  });
});
