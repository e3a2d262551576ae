/** `/api/saved`, `DELETE /api/data` and what is retained, over HTTP and on the command line. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs, formatHlc, type Hlc } from "../../../agent/kernel/index.ts";
import type {
  CutJson,
  ErasedJson,
  EventsJson,
  NodesJson,
  SavedCutJson,
  SavedJson,
  SavedListJson,
} from "../../../collector/api/shapes.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { cli } from "../cli/support.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const at = (ms: number): Hlc => addMs(NOW, ms);
const hex = (ms: number): string => formatHlc(at(ms));

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector();
  for (const node of ["n1", "n2"]) {
    const join: Row = { t: at(-9_000), kind: "join", service: "kv", tags: {}, instance: node };
    await ship([join, set(-8_000, "a", 1)], { node, closed: at(-8_000) });
    // As one batch they are removed together: then history begins at -5 s.
    const both = [set(-7_000, "a", 1), set(-5_000, "a", 2)];
    await ship(both, { node, firstSeq: 3, closed: at(-5_000) });
    await ship([set(-2_000, "b", [1, 2])], { node, firstSeq: 5, closed: at(0) });
  }
});
afterAll(() => collector.close());

function set(ms: number, key: string, value: number | number[]): Row {
  return { t: at(ms), kind: "set", log: "stock", key, value };
}

async function ship(...given: Parameters<typeof aBatch>): Promise<void> {
  expect((await collector.post(aBatch(...given))).status).toBe(200);
}

async function send<Answer>(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Answer }> {
  const init = { method, headers: { "content-type": "application/json" } };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(collector.url + path, { ...init, ...text });
  return { status: response.status, body: (await response.json()) as Answer };
}

describe("a saved cut", () => {
  it("outlives its history: whole by id, and by exactly its time", async () => {
    const before = await collector.get<CutJson>(`/api/cut?at=${hex(-6_000)}`);
    const saved = await send<SavedJson>("POST", "/api/saved", { name: "start", at: hex(-6_000) });
    expect([saved.status, saved.body]).toMatchObject([
      201,
      { id: "cut-1", name: "start", complete: true, consistent: true, memberCount: 2 },
    ]);
    // While history has it, history answers.
    const live = await collector.get<CutJson>(`/api/cut?at=${hex(-6_000)}`);
    expect(live.body).toEqual(before.body);
    // What is erased goes from saved cuts as well (saved-erased.test.ts): this one is later.
    const erased = await send<ErasedJson>("DELETE", `/api/data?before=${hex(-6_500)}`);
    expect([erased.status, erased.body]).toMatchObject([200, { pieces: 4, epochs: 0, saved: 0 }]);
    expect(erased.body.nodes.map(({ retainedFrom }) => retainedFrom?.hlc)).toEqual([
      hex(-5_000),
      hex(-5_000),
    ]);
    const kept = await collector.get<CutJson>(`/api/cut?at=${hex(-6_000)}`);
    expect(kept.body.saved).toMatchObject({ id: "cut-1", name: "start" });
    expect({ ...kept.body, saved: undefined }).toEqual({ ...before.body, saved: undefined });
    const narrow = await collector.get<CutJson>(`/api/cut?at=${hex(-6_000)}&node=n2&key=a`);
    expect(narrow.body.nodes).toMatchObject({ n2: { logs: { stock: { a: 1 } } } });
    expect(narrow.body.members).toEqual(["n2"]);
    const beside = await collector.get(`/api/cut?at=${hex(-6_001)}`);
    expect([beside.status, beside.body]).toMatchObject([
      410,
      { error: { code: "outside-retention", earliest: { hlc: hex(-5_000) } } },
    ]);
    for (const name of ["cut-1", "start"]) {
      const one = await collector.get<SavedCutJson>(`/api/saved/${name}`);
      expect(one.body.cut.nodes).toEqual(before.body.nodes);
    }
    const now = await collector.get<CutJson>(`/api/cut?at=${hex(-1_000)}`);
    expect(now.body.nodes["n1"]?.logs).toEqual({ stock: { a: 2, b: [1, 2] } });
    expect(now.body.complete).toBe(true);
  });

  it("is listed with the node's beginnings, and deleted, on the command line as over HTTP", async () => {
    const nodes = await collector.get<NodesJson>("/api/nodes");
    expect(nodes.body.nodes.map(({ retainedFrom }) => retainedFrom?.hlc)).toEqual([
      hex(-5_000),
      hex(-5_000),
    ]);
    expect(nodes.body.retention).toMatchObject({ retentionMs: null, paused: false });
    expect((await cli(collector.url, "nodes")).out).toContain("kept from");
    const saved = await cli(collector.url, "save second --at -1s");
    expect([saved.code, saved.out]).toEqual([0, expect.stringContaining("saved cut-2 second")]);
    const list = await cli(collector.url, "save --list");
    expect(list.out).toMatch(/2 saved cuts.*cut-2.*second.*cut-1.*start/s);
    const json = JSON.parse((await cli(collector.url, "save --list --json")).out) as SavedListJson;
    expect(json.saved.map(({ id }) => id)).toEqual(["cut-2", "cut-1"]);
    expect((await cli(collector.url, "save --delete second")).out).toContain("deleted cut-2");
    expect((await send("DELETE", "/api/saved/cut-1")).status).toBe(200);
    expect((await collector.get(`/api/cut?at=${hex(-6_000)}`)).status).toBe(410);
    expect((await collector.get<SavedListJson>("/api/saved")).body.saved).toEqual([]);
  });

  it.each([
    ["a name that is taken", { name: "twice", at: "now" }, 409, "name-taken"],
    ["no name", { at: "now" }, 400, "bad-parameter"],
    ["a long name", { name: "x".repeat(201), at: "now" }, 400, "bad-parameter"],
    ["no time", { name: "x" }, 400, "bad-parameter"],
    ["a strange field", { name: "x", at: "now", node: "n1" }, 400, "bad-parameter"],
    ["a long wait", { name: "x", at: "now", wait: "2m" }, 400, "bad-parameter"],
    ["a time before all history", { name: "x", at: hex(-60_000) }, 410, "outside-retention"],
    ["a list", [], 400, "bad-parameter"],
  ])("is refused with %s", async (_why, body, status, code) => {
    await send("POST", "/api/saved", { name: "twice", at: "now" });
    expect(await send("POST", "/api/saved", body)).toMatchObject({
      status,
      body: { error: { code } },
    });
  });

  it("that is not there is named with those that are", async () => {
    const found = await collector.get("/api/saved/twic");
    expect(found).toMatchObject({ status: 404, body: { error: { code: "not-found" } } });
    expect(found.body).toMatchObject({ error: { hint: expect.stringContaining("twice") } });
    for (const line of ["save", "save x", "save --list --at -1s", "save x --at -1s --list"]) {
      expect([line, (await cli(collector.url, line)).code]).toEqual([line, 2]);
    }
  });
});

describe("erasing over HTTP", () => {
  it("takes a node away, and refuses what is not meant", async () => {
    for (const [search, status] of [
      ["", 400],
      ["?log=none-such", 404],
      ["?node=n1&log=none-such", 404],
      ["?node=n9", 404],
      ["?before=yesterday", 400],
      ["?nodes=n1", 400],
    ] as const) {
      expect([search, (await send("DELETE", `/api/data${search}`)).status]).toEqual([
        search,
        status,
      ]);
    }
    const erased = await send<ErasedJson>("DELETE", "/api/data?node=n2");
    expect(erased.body).toMatchObject({ epochs: 1, nodes: [{ node: "n2", retainedFrom: null }] });
    const cut = await collector.get<CutJson>(`/api/cut?at=${hex(-1_000)}`);
    expect(cut.body.members).toEqual(["n1"]);
    expect(cut.body.incomplete).toMatchObject([{ node: "n2", reason: "outside-retention" }]);
    const { body } = await collector.get<EventsJson>("/api/events");
    expect(JSON.stringify(body.events)).not.toContain('"n2"');
    expect(body.incomplete).toEqual(cut.body.incomplete);
  });
});

describe("retention settings", () => {
  it.each(["--retention 5", "--retention soon", "--max-bytes 10", "--max-bytes 10XB"])(
    "refuses %s",
    async (words) => {
      const ended = await cli(collector.url, `collector --port 0 --data /nowhere ${words}`);
      expect([ended.code, ended.err]).toEqual([
        2,
        expect.stringContaining(words.split(" ")[0] ?? ""),
      ]);
    },
  );
});

describe("a saved cut in the place of history that is gone", () => {
  let other: TestCollector;
  const tell = async (...given: Parameters<typeof aBatch>): Promise<void> => {
    expect((await other.post(aBatch(...given))).status).toBe(200);
  };
  beforeAll(async () => {
    other = await startCollector();
    for (const [node, closed] of [
      ["n1", -8_000],
      ["n2", -8_900],
    ] as const) {
      const join: Row = { t: at(-9_000), kind: "join", service: node, tags: {}, instance: node };
      // What is in one batch is removed together.
      const more = node === "n1" ? [set(-8_200, "a", 1)] : [];
      await tell([join, ...more], { node, closed: at(closed) });
    }
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const body = JSON.stringify({ name: "early", at: hex(-8_500) });
    expect((await fetch(`${other.url}/api/saved`, { ...init, body })).status).toBe(201);
    await tell([set(-8_700, "a", 1), set(-5_000, "a", 2)], {
      ...{ node: "n2", firstSeq: 2, closed: at(-5_000) },
    });
    for (const [node, firstSeq] of [
      ["n1", 3],
      ["n2", 4],
    ] as const) {
      await tell([set(-2_000, "b", 3)], { node, firstSeq, closed: at(0) });
    }
    const search = `before=${encodeURIComponent(hex(-8_600))}`;
    const erased = await fetch(`${other.url}/api/data?${search}`, { method: "DELETE" });
    expect(erased.status).toBe(200);
  });
  afterAll(() => other.close());

  it("is refused to who is strict, if it was incomplete when it was saved", async () => {
    const path = `/api/cut?at=${hex(-8_500)}`;
    const plain = await other.get<CutJson>(path);
    expect([plain.status, plain.body]).toMatchObject([
      200,
      { complete: false, incomplete: [{ node: "n2" }], saved: { name: "early" } },
    ]);
    const strict = await other.get<CutJson>(`${path}&strict=true`);
    expect([strict.status, strict.body]).toMatchObject([
      409,
      { complete: false, saved: { name: "early" }, error: { code: "incomplete" } },
    ]);
    expect((await other.get(`${path}&strict=true&node=n1`)).status).toBe(200);
    expect((await other.get(`${path}&strict=true&service=n2`)).status).toBe(409);
  });

  it("tells nothing of a node or service that it does not know", async () => {
    for (const [name, status, code] of [
      ["node=n9", 404, "unknown-node"],
      ["service=n9", 404, "unknown-node"],
      ["node=n1&node=n9", 410, "outside-retention"],
    ] as const) {
      const found = await other.get(`/api/cut?at=${hex(-8_500)}&${name}`);
      expect([name, found.status, found.body]).toMatchObject([name, status, { error: { code } }]);
    }
  });
});
