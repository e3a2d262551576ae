/** `DELETE /api/data?log=` over a real collector: gone from every answer, at once and after a start. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { addMs, formatHlc, type Hlc } from "../../../agent/kernel/index.ts";
import type { CutJson, ErasedJson } from "../../../collector/api/shapes.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { cli } from "../cli/support.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const at = (ms: number): Hlc => addMs(NOW, ms);
const data = mkdtempSync(join(tmpdir(), "retroscope-erase-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));

const COUNT = 3_000;

/** Some of it is sealed by then, some not. */
async function fill(collector: TestCollector): Promise<void> {
  const join: Row = { t: at(-9_001), kind: "join", service: "kv", tags: {}, instance: "i" };
  expect((await collector.post(aBatch([join], { node: "n1", closed: at(-9_001) }))).status).toBe(
    200,
  );
  for (let n = 0; n < 6; n += 1) {
    const rows: Row[] = Array.from({ length: COUNT }, (_, i) => {
      const seq = n * COUNT + i;
      const log = seq % 2 === 0 ? "secret" : "open";
      const t = (at(-9_000) + seq * 1_000) as Hlc;
      return { t, kind: "set", log, key: `k${seq % 7}`, value: `${log} ${seq}` };
    });
    const firstSeq = 2 + n * COUNT;
    const closed = n === 5 ? at(-1_000) : (rows.at(-1) as Row).t;
    const response = await collector.post(aBatch(rows, { node: "n1", firstSeq, closed }));
    expect(response.status).toBe(200);
  }
}

async function judge(collector: TestCollector, open: unknown): Promise<void> {
  const { body: cut } = await collector.get<CutJson>(`/api/cut?at=${formatHlc(at(-1_000))}`);
  expect(cut.nodes["n1"]?.logs).toEqual({ open });
  expect(cut.complete).toBe(false);
  expect(new Set(cut.incomplete.map(({ reason }) => reason))).toEqual(new Set(["lost"]));
  const { body: narrow } = await collector.get<CutJson>(
    `/api/cut?at=${formatHlc(at(-1_000))}&log=open`,
  );
  expect(narrow).toMatchObject({ complete: true, nodes: { n1: { logs: { open } } } });
  for (const path of [
    "/api/events?limit=10000&from=-1h&kind=set",
    "/api/diff?from=-8s&to=-1s&all=true",
    "/api/step?from=-8s&count=1000",
  ]) {
    const { status, body } = await collector.get(path);
    expect([path, status]).toEqual([path, 200]);
    expect(JSON.stringify(body)).not.toContain("secret 1");
  }
}

it("takes one log out of all answers, leaves the others, and verify finds nothing amiss", async () => {
  const collector = await startCollector({ data });
  await fill(collector);
  const { body: before } = await collector.get<CutJson>(`/api/cut?at=${formatHlc(at(-1_000))}`);
  const { open, secret } = before.nodes["n1"]?.logs ?? {};
  expect([Object.keys(open ?? {}).length, Object.keys(secret ?? {}).length]).toEqual([7, 7]);
  const response = await fetch(`${collector.url}/api/data?node=n1&log=secret`, {
    method: "DELETE",
  });
  const erased = (await response.json()) as ErasedJson;
  expect([response.status, erased.epochs, erased.nodes.map(({ node }) => node)]).toEqual([
    200,
    0,
    ["n1"],
  ]);
  expect(erased.pieces).toBeGreaterThan(0);
  await judge(collector, open);
  await collector.end();
  const verified = await cli("", `verify --data ${data}`);
  expect([verified.code, verified.out + verified.err]).toEqual([0, expect.any(String)]);
  const again = await startCollector({ data });
  await judge(again, open);
  // What comes is known again, variable by variable.
  const later: Row = { t: at(0), kind: "set", log: "secret", key: "k1", value: "new" };
  const fields = { node: "n1", firstSeq: 2 + 6 * COUNT, closed: at(0) };
  expect((await again.post(aBatch([later], fields))).status).toBe(200);
  const { body: cut } = await again.get<CutJson>(`/api/cut?at=${formatHlc(at(0))}`);
  expect(cut.nodes["n1"]?.logs["secret"]).toEqual({ k1: "new" });
  await again.end();
});
