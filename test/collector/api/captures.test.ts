/** `/api/captures` over HTTP, with a real collector and nodes made by hand. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AgentCommand,
  addMs,
  BATCH_MEDIA_TYPE,
  encodeBatch,
  formatHlc,
  type Hlc,
  type IngestReply,
  type LostRange,
  parseHlc,
} from "../../../agent/kernel/index.ts";
import type {
  CaptureJson,
  CapturesJson,
  CutJson,
  NodesJson,
} from "../../../collector/api/shapes.ts";
import { aBatch, type BatchFields, type Row } from "../../support/batches.ts";
import { cli } from "../cli/support.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const at = (ms: number): Hlc => addMs(NOW, ms);
const STATUS = { pid: 1, stream: "on-demand" };
const join: Row = { t: at(-60_000), kind: "join", service: "shop", tags: {}, instance: "i1" };

/** What a node recorded and did not ship. */
function notCaptured(firstSeq: number, lastSeq: number, fromMs: number, toMs: number): LostRange {
  const times = { firstT: at(fromMs), lastT: at(toMs) };
  return {
    firstSeq,
    lastSeq,
    ...times,
    logs: ["stock"],
    messages: true,
    reason: "not-captured",
  };
}

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.close());

async function post(body: unknown, type = "application/json"): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${collector.url}/api/captures`, {
    method: "POST",
    headers: { "content-type": type },
    body: text,
  });
}

async function ask(body: object): Promise<CaptureJson> {
  const response = await post(body);
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as CaptureJson;
}

async function ship(rows: readonly Row[], fields: BatchFields): Promise<IngestReply> {
  const response = await collector.post(aBatch(rows, fields));
  const reply = (await response.json()) as IngestReply;
  expect([response.status, reply]).toEqual([200, expect.anything()]);
  return reply;
}

/** An on-demand node with 100 changes in the last second, none of them shipped. */
async function quietNode(node: string): Promise<void> {
  await ship([join], { node, closed: at(-1_000), status: STATUS });
  await ship([], {
    node,
    firstSeq: 102,
    closed: at(0),
    dropped: [notCaptured(2, 101, -990, -1)],
    status: STATUS,
  });
}

function windowsIn(commands: readonly AgentCommand[]) {
  return commands.flatMap((one) => (one.command === "window" ? [one] : []));
}

/** Ships changes 41 to 60 of `quietNode`, at 10 ms each, with their keyframe. */
async function shipIsland(node: string, id: string, state = "shipped"): Promise<void> {
  const rows: Row[] = [
    { t: at(-600), kind: "keyframe", log: "stock", state: new Map([["apples", 40]]) },
  ];
  for (let seq = 42; seq <= 60; seq += 1) {
    const t = at(-600 + (seq - 41) * 10);
    rows.push({ t, kind: "set", log: "stock", key: "apples", value: seq });
  }
  const range = { from: formatHlc(at(-600)), to: formatHlc(at(-405)) };
  const captures = [{ id, state, ...range, firstSeq: 41, lastSeq: 60 }];
  const fields = { node, firstSeq: 41, closed: at(-405), status: { ...STATUS, captures } };
  await ship(rows, fields);
}

describe("a capture", () => {
  it("is asked for, shipped, durable, and then as readable as if it had been streamed", async () => {
    await quietNode("q1");
    const before = await collector.get<CutJson>(`/api/cut?node=q1&at=${formatHlc(at(-500))}`);
    expect(before.body).toMatchObject({ complete: false, inFlightComplete: false });
    expect(before.body.incomplete).toMatchObject([
      {
        reason: "not-captured",
        from: { hlc: formatHlc(at(-990)) },
        to: { hlc: formatHlc(at(-1)) },
      },
    ]);
    const range = { from: formatHlc(at(-600)), to: formatHlc(at(-405)) };
    const asked = await ask({ ...range, nodes: ["q1"], reason: "slow cart" });
    expect(asked).toMatchObject({ state: "asked", reason: "slow cart", nodes: [{ node: "q1" }] });
    const { commands } = await ship([], { node: "q1", firstSeq: 102, closed: at(1) });
    expect(windowsIn(commands)).toEqual([
      { command: "window", node: "q1", id: asked.id, ...range },
    ]);
    await shipIsland("q1", asked.id);
    const { body } = await collector.get<CaptureJson>(`/api/captures/${asked.id}?wait=5s`);
    expect(body.state).toBe("done");
    expect(body.nodes).toMatchObject([
      { node: "q1", state: "shipped", from: { hlc: range.from }, to: { hlc: range.to } },
    ]);
    for (const [ms, apples] of [
      [-600, 40],
      [-500, 51],
      [-405, 60],
    ] as const) {
      const cut = await collector.get<CutJson>(`/api/cut?node=q1&at=${formatHlc(at(ms))}`);
      expect([ms, cut.body.complete]).toEqual([ms, true]);
      expect(cut.body.nodes["q1"]?.logs["stock"]).toEqual({ apples });
    }
    for (const ms of [-601, -404]) {
      const cut = await collector.get<CutJson>(`/api/cut?node=q1&at=${formatHlc(at(ms))}`);
      expect(cut.body.incomplete).toMatchObject([{ reason: "not-captured" }]);
      expect(cut.body.nodes["q1"]?.logs).toEqual({});
    }
  });

  it("is not done before all that was shipped is here", async () => {
    await quietNode("q2");
    const range = { from: formatHlc(at(-600)), to: formatHlc(at(-405)) };
    const { id } = await ask({ ...range, nodes: ["q2"] });
    const captures = [{ id, state: "shipped", ...range, firstSeq: 41, lastSeq: 60 }];
    await ship([], { node: "q2", firstSeq: 102, closed: at(2), status: { ...STATUS, captures } });
    const early = await collector.get<CaptureJson>(`/api/captures/${id}?wait=50ms`);
    expect(early.body.state).toBe("asked");
    await shipIsland("q2", "another");
    const { body } = await collector.get<CaptureJson>(`/api/captures/${id}?wait=5s`);
    expect(body).toMatchObject({ state: "done", nodes: [{ state: "shipped" }] });
  });

  it("names nodes that stream, and asks nobody where there is nothing to ask", async () => {
    await ship([join], { node: "s1", closed: at(0), status: { pid: 1 } });
    const response = await post({ from: "-5s", to: "now", nodes: ["s1"] });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      state: "done",
      nodes: [{ node: "s1", state: "streaming" }],
    });
  });

  it("keeps an agent's word that its window no longer held it", async () => {
    await quietNode("q4");
    const { id } = await ask({ from: "-50s", to: "-40s", nodes: ["q4"] });
    const captures = [{ id, state: "outside-window", earliest: formatHlc(at(-30_000)) }];
    await ship([], { node: "q4", firstSeq: 102, closed: at(2), status: { ...STATUS, captures } });
    const { body } = await collector.get<CaptureJson>(`/api/captures/${id}?wait=5s`);
    expect(body).toMatchObject({ state: "partial", nodes: [{ state: "outside-window" }] });
    expect(body.nodes[0]?.why).toContain("2026-11-21T15:59:30");
  });

  it("is answered into a reply that is held open", async () => {
    const tookMs: number[] = [];
    // A busy machine may be late once, not each time.
    for (const node of ["q5", "q6", "q7"]) {
      await quietNode(node);
      const held = fetch(`${collector.url}/v1/batches?hold=1s`, {
        method: "POST",
        headers: { "content-type": BATCH_MEDIA_TYPE },
        body: Buffer.from(encodeBatch(aBatch([], { node, firstSeq: 102, closed: at(5) }))),
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      const startMs = performance.now();
      const { id } = await ask({ from: "-1s", to: "now", nodes: [node] });
      const reply = (await (await held).json()) as IngestReply;
      expect(windowsIn(reply.commands).map((one) => one.id)).toEqual([id]);
      tookMs.push(performance.now() - startMs);
      if (Math.min(...tookMs) < 900) break;
    }
    expect(Math.min(...tookMs)).toBeLessThan(900);
  });

  it("survives a restart of the collector, and is asked again", async () => {
    const first = await startCollector();
    const join2 = aBatch([join], { node: "r1", closed: at(-1_000), status: STATUS });
    expect((await first.post(join2)).status).toBe(200);
    const asked = await fetch(`${first.url}/api/captures`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ from: "-5s", to: "-1s" }),
    });
    const { id } = (await asked.json()) as CaptureJson;
    await first.end();
    const second = await startCollector({ data: first.data });
    const list = await second.get<CapturesJson>("/api/captures");
    expect(list.body.captures).toMatchObject([{ id, state: "asked" }]);
    const beat = aBatch([], { node: "r1", firstSeq: 2, closed: at(0), status: STATUS });
    const reply = (await (await second.post(beat)).json()) as IngestReply;
    expect(windowsIn(reply.commands)).toMatchObject([{ id }]);
    await second.close();
    first.remove();
  });
});

describe("POST /api/captures", () => {
  const good = { from: "-5s", to: "now" };
  it.each([
    ["no object", "[]", 400, /no object/],
    ["no JSON", "{", 400, /no JSON/],
    ["an unknown field", { ...good, form: "-5s" }, 400, /unknown field "form"/],
    ["no time", { from: "-5s" }, 400, /to is missing/],
    ["what is no time", { ...good, from: "yesterday" }, 400, /from: not a time/],
    ["a time of a wrong type", { ...good, from: {} }, 400, /from is no time/],
    ["an empty range", { from: "-5s", to: "-5s" }, 400, /not earlier/],
    ["too long a range", { from: "-61m", to: "now" }, 400, /longer than 1 h/],
    ["too far a future", { from: "-5s", to: "+61s" }, 400, /future/],
    ["an unknown node", { ...good, nodes: ["Q1"] }, 404, /unknown node "Q1"/],
    ["an empty list of nodes", { ...good, nodes: [] }, 400, /nodes is no list/],
    ["numbers for nodes", { ...good, nodes: [1] }, 400, /nodes is no list/],
    ["a long reason", { ...good, reason: "x".repeat(1_025) }, 400, /reason/],
    ["too much", { ...good, reason: "x".repeat(1024 * 1024) }, 413, /too large/],
  ])("refuses %s", async (_what, body, status, message) => {
    const response = await post(body);
    const { error } = (await response.json()) as { error: { message: string; hint: string } };
    expect([response.status, error.message]).toEqual([status, expect.stringMatching(message)]);
    expect(error.hint).not.toBe("");
  });

  it("names the nearest of unknown nodes first", async () => {
    await quietNode("near-1");
    const response = await post({ ...good, nodes: ["near-2"] });
    const { error } = (await response.json()) as { error: { known: string[] } };
    expect(error.known[0]).toBe("near-1");
  });

  it("takes no other type: a web page could send that", async () => {
    expect((await post(good, "text/plain")).status).toBe(415);
  });

  it("takes times in milliseconds and as stamps", async () => {
    await quietNode("t1");
    const from = Date.parse("2026-11-21T15:59:58Z");
    const capture = await ask({ from, to: formatHlc(at(-1_000)), nodes: ["t1"] });
    expect(parseHlc(capture.from.hlc)).toBe(at(-2_000));
  });

  it("refuses more than so many at a time, and says when to come again", async () => {
    const own = await startCollector();
    await own.post(aBatch([join], { node: "n1", closed: at(0), status: STATUS }));
    const statuses: number[] = [];
    for (let i = 0; i < 18; i += 1) {
      const response = await fetch(`${own.url}/api/captures`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(good),
      });
      statuses.push(response.status);
      if (response.status === 503) expect(response.headers.get("retry-after")).toBe("1");
    }
    expect(statuses).toEqual([...Array<number>(16).fill(202), 503, 503]);
    await own.close();
  });
});

describe("/api/nodes", () => {
  it("tells what was not captured apart from what is lost, and how a node ships", async () => {
    await quietNode("n9");
    const { body } = await collector.get<NodesJson>("/api/nodes");
    const node = body.nodes.find((one) => one.node === "n9");
    expect(node).toMatchObject({
      stream: "on-demand",
      lost: [],
      notCaptured: { rangeCount: 1, events: 100, from: { hlc: formatHlc(at(-990)) } },
    });
  });
});

describe("retroscope capture", () => {
  it("prints per node what came, and exits by --strict", async () => {
    const own = await startCollector();
    await own.post(aBatch([join], { node: "n1", closed: at(0), status: STATUS }));
    await own.post(aBatch([join], { node: "n2", closed: at(0), status: { pid: 1 } }));
    const streamed = await cli(own.url, "capture --from -5s --node n2 --strict");
    expect([streamed.code, streamed.err]).toEqual([0, ""]);
    expect(streamed.out).toMatch(/all of it is here/);
    const line = "capture --from -5s --to -1s --wait 10ms --reason test";
    const asked = await cli(own.url, line);
    expect([asked.code, asked.out]).toEqual([0, expect.stringMatching(/n1 {2}asked/)]);
    const strict = await cli(own.url, `${line} --strict --json`);
    expect([strict.code, JSON.parse(strict.out)]).toEqual([
      1,
      expect.objectContaining({ state: "asked", reason: "test" }),
    ]);
    const unknown = await cli(own.url, "capture --node n3");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringMatching(/unknown node "n3"/)]);
    const nodes = await cli(own.url, "nodes");
    expect(nodes.out).toMatch(/n1.*on demand/);
    await own.close();
  });
});
