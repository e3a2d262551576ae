/** `DELETE /api/data` and what is kept apart of history: saved cuts, and answers that somebody holds. */
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { addMs, formatHlc, type Hlc } from "../../../agent/kernel/index.ts";
import type {
  CutJson,
  ErasedJson,
  SavedCutJson,
  SavedListJson,
} from "../../../collector/api/shapes.ts";
import { SavedCuts } from "../../../collector/retention/saved-cuts.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const at = (ms: number): Hlc => addMs(NOW, ms);
const hex = (ms: number): string => formatHlc(at(ms));

const open: TestCollector[] = [];
afterEach(async () => {
  for (const collector of open.splice(0)) await collector.close();
});

/** Two nodes, each with a log "secret" and a log "open"; n1 has sent n2 a message that is on its way at -4 s. */
async function filled(): Promise<TestCollector> {
  const collector = await startCollector();
  open.push(collector);
  for (const node of ["n1", "n2"]) {
    const rows: Row[] = [{ t: at(-9_000), kind: "join", service: "kv", tags: {}, instance: node }];
    for (const log of ["secret", "open"]) {
      rows.push({ t: at(-8_000), kind: "set", log, key: "k", value: `${log} of ${node}` });
    }
    const fields = { channel: "http", peer: null, id: null, replaces: null } as const;
    const to = node === "n1" ? "n2" : "n3";
    rows.push({ t: at(-5_000), kind: "send", to, failed: false, streamed: false, ...fields });
    rows.push({ t: at(-3_000), kind: "set", log: "secret", key: "late", value: `late of ${node}` });
    const response = await collector.post(aBatch(rows, { node, closed: at(0) }));
    expect(response.status).toBe(200);
  }
  for (const [name, ms] of [
    ["early", -4_000],
    ["late", -1_000],
  ] as const) {
    const response = await fetch(`${collector.url}/api/saved`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, at: hex(ms) }),
    });
    expect(response.status).toBe(201);
  }
  return collector;
}

async function erase({ url }: TestCollector, search: string): Promise<ErasedJson> {
  const response = await fetch(`${url}/api/data?${search}`, { method: "DELETE" });
  expect(response.status).toBe(200);
  return (await response.json()) as ErasedJson;
}

async function savedCut({ get }: TestCollector, name: string): Promise<SavedCutJson> {
  return (await get<SavedCutJson>(`/api/saved/${name}`)).body;
}

describe("what is erased", () => {
  it("goes from saved cuts: of a log its variables, which then are lost there", async () => {
    const collector = await filled();
    expect(JSON.stringify(await savedCut(collector, "late"))).toContain("secret of n1");
    expect(await erase(collector, "log=secret")).toMatchObject({ saved: 2 });
    for (const name of ["early", "late"]) {
      const saved = await savedCut(collector, name);
      expect(JSON.stringify(saved)).not.toMatch(/secret of|late of/);
      expect(saved).toMatchObject({ complete: false, cut: { complete: false, consistent: true } });
      expect(saved.cut.nodes["n2"]?.logs).toEqual({ open: { k: "open of n2" } });
      expect(saved.cut.incomplete.map(({ node, reason }) => [node, reason])).toEqual([
        ["n1", "lost"],
        ["n2", "lost"],
      ]);
    }
    expect(await erase(collector, "log=secret")).toMatchObject({ saved: 0 });
  });

  it("goes from saved cuts: of a node its state and its messages", async () => {
    const collector = await filled();
    const before = await savedCut(collector, "early");
    expect(before.cut.inFlight.map(({ from }) => from)).toEqual(["n1", "n2"]);
    expect(await erase(collector, "node=n1")).toMatchObject({ epochs: 1, saved: 2 });
    const { cut } = await savedCut(collector, "early");
    expect(JSON.stringify(cut)).not.toContain("of n1");
    expect(cut).toMatchObject({ complete: false, inFlightComplete: false });
    expect(cut.incomplete).toEqual([{ node: "n1", reason: "outside-retention" }]);
    expect(cut.inFlight.map(({ from }) => from)).toEqual(["n2"]);
    expect(cut.nodes["n2"]).toEqual(before.cut.nodes["n2"]);
    const list = (await collector.get<SavedListJson>("/api/saved")).body.saved;
    expect(list.map(({ name, complete }) => [name, complete])).toEqual([
      ["late", false],
      ["early", false],
    ]);
  });

  it("goes from saved cuts: before a time all of them that lie before it, of one node or of all", async () => {
    const collector = await filled();
    const late = await savedCut(collector, "late");
    expect(await erase(collector, `node=n2&before=${hex(-2_000)}`)).toMatchObject({ saved: 1 });
    const { cut } = await savedCut(collector, "early");
    expect([cut.nodes["n1"]?.logs, cut.nodes["n2"]?.logs]).toMatchObject([
      { secret: { k: "secret of n1" } },
      {},
    ]);
    expect(await erase(collector, `before=${hex(-2_000)}`)).toMatchObject({ saved: 1 });
    const list = (await collector.get<SavedListJson>("/api/saved")).body.saved;
    expect(list.map(({ name }) => name)).toEqual(["late"]);
    // What was set before and holds is part of every later cut, saved or not.
    expect(await savedCut(collector, "late")).toEqual(late);
    const live = await collector.get<CutJson>(`/api/cut?at=${hex(-1_000)}`);
    expect(live.body.nodes["n1"]?.logs).toEqual(late.cut.nodes["n1"]?.logs);
  });

  it("is told to whoever listens, as what a repair has changed is", async () => {
    const collector = await filled();
    const abort = new AbortController();
    const response = await fetch(`${collector.url}/api/live`, { signal: abort.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const next = async (): Promise<unknown> => {
      for (;;) {
        const [, data, rest] = /event: amended\ndata: (.*)\n\n([\s\S]*)/.exec(text) ?? [];
        if (data !== undefined) {
          text = rest ?? "";
          return JSON.parse(data);
        }
        const { value, done } = await reader.read();
        if (done) throw new Error("the stream ended");
        text += Buffer.from(value).toString();
      }
    };
    await erase(collector, "node=n2&log=secret");
    expect(await next()).toMatchObject({
      ranges: [{ node: "n2", to: { hlc: hex(0) } }],
    });
    await erase(collector, "node=n1");
    const from = { hlc: formatHlc((at(-9_000) - 1) as Hlc) };
    expect(await next()).toMatchObject({ ranges: [{ node: "n1", from, to: { hlc: hex(0) } }] });
    abort.abort();
  });
});

describe("a cut that was asked for before something was erased", () => {
  const label = { savedMs: 1, complete: true, consistent: true, memberCount: 1 };

  it("is not saved after it, whenever it comes", async () => {
    const saved = new SavedCuts(new MemoryStore());
    const since = saved.erasedCount;
    await saved.erase(async () => undefined);
    await expect(
      saved.save({ ...label, name: "a", at: at(0) }, randomBytes(8), since),
    ).rejects.toMatchObject({ code: "overloaded", retriable: true });
    expect(saved.list()).toEqual([]);
    await saved.save({ ...label, name: "a", at: at(0) }, randomBytes(8), saved.erasedCount);
    expect(saved.list()).toHaveLength(1);
  });

  it("and is on its way to the disk just then, loses what was erased; one deleted meanwhile stays away", async () => {
    const store = new MemoryStore();
    const saved = new SavedCuts(store);
    const saving = saved.save({ ...label, name: "a", at: at(0) }, randomBytes(8));
    const erasing = saved.erase(async (one) => {
      if (one.name === "a") await saved.remove(one);
      return { complete: false, consistent: true, bytes: randomBytes(4) };
    });
    await saving;
    await erasing;
    expect(saved.list()).toEqual([]);
    expect(new SavedCuts(store).list()).toEqual([]);
    await saved.save({ ...label, name: "b", at: at(0) }, randomBytes(8));
    expect(
      await saved.erase(async () => ({
        ...{ complete: false, consistent: true, bytes: randomBytes(4) },
      })),
    ).toBe(1);
    expect(new SavedCuts(store).list()).toMatchObject([
      { name: "b", complete: false, byteCount: 4 },
    ]);
  });
});
