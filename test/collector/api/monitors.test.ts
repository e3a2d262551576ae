/** `/api/monitors` of a real collector: made, told on `/api/live`, kept over a restart, deleted. */
import { afterAll, describe, expect, it } from "vitest";
import { addMs } from "../../../agent/kernel/index.ts";
import type { MonitorJson } from "../../../collector/monitor/shapes.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const SOON = { timeout: 10_000 };
const START = addMs(NOW, -1_000);
const at = (ms: number) => addMs(START, ms);

let collector: TestCollector;
afterAll(async () => {
  await collector?.end();
  collector?.remove();
});

function send(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${collector.url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function set(seq: number, ms: number, value: number): Promise<void> {
  const row = { t: at(ms), kind: "set", log: "stock", key: "apples", value } as const;
  const batch = aBatch([row], { firstSeq: seq, closed: at(ms + 5) });
  expect((await collector.post(batch)).status).toBe(200);
}

async function list(): Promise<readonly MonitorJson[]> {
  return (await collector.get<{ monitors: MonitorJson[] }>("/api/monitors")).body.monitors;
}

describe("/api/monitors", () => {
  it("tells what a standing query finds, and keeps it over a restart", async () => {
    collector = await startCollector();
    const join = { t: START, kind: "join", service: "shop", tags: {}, instance: "i" } as const;
    const full = { t: at(1), kind: "set", log: "stock", key: "apples", value: 9 } as const;
    expect((await collector.post(aBatch([join, full], { closed: at(10) }))).status).toBe(200);
    const rql = "SELECT apples FROM stock WHEN Min(apples) < 3";
    const wrong = await send("POST", "/api/monitors", { rql: `${rql} FIRST` });
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      { error: expect.objectContaining({ code: "not-for-monitors", line: 1, column: 47 }) },
    ]);
    expect((await send("POST", "/api/monitors", { rql, every: "1s" })).status).toBe(400);
    const made = await send("POST", "/api/monitors", { rql, name: "low" });
    expect(made.status).toBe(201);
    const { id } = (await made.json()) as MonitorJson;

    const listening = new AbortController();
    const live = await fetch(`${collector.url}/api/live`, { signal: listening.signal });
    let heard = "";
    const reading = (async () => {
      for await (const bytes of live.body ?? []) heard += Buffer.from(bytes).toString();
    })().catch(() => undefined);
    await set(3, 20, 2);
    await expect.poll(() => heard, SOON).toContain(`"id":"${id}/1"`);
    const [data = ""] = /(?<=event: alert\ndata: ).*/.exec(heard) ?? [];
    expect(JSON.parse(data)).toMatchObject({
      ...{ type: "alert", monitor: id, event: "open", n: 1 },
      row: { from: { hlc: expect.any(String) }, to: null, values: { apples: { n1: 2 } } },
    });
    listening.abort();
    await reading;

    await collector.end();
    collector = await startCollector({ data: collector.data });
    await set(4, 40, 8);
    await expect.poll(async () => (await list())[0]?.alerts.length, SOON).toBe(2);
    const [monitor] = await list();
    expect(monitor).toMatchObject({ id, name: "low", rql, open: [], trouble: null });
    expect(monitor?.alerts.map((alert) => [alert.id, alert.event])).toEqual([
      [`${id}/1`, "open"],
      [`${id}/2`, "close"],
    ]);
    expect((await send("DELETE", `/api/monitors/${id}`)).status).toBe(200);
    expect((await send("DELETE", `/api/monitors/${id}`)).status).toBe(404);
    expect(await list()).toEqual([]);
  }, 60_000);
});
