/** The composition root: starting, refusing to start, ending, and what is served beside the API. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  addMs,
  BATCH_MEDIA_TYPE,
  encodeBatch,
  formatHlc,
  INGEST_PATH,
} from "../../agent/kernel/index.ts";
import { createApp } from "../../collector/api/app.ts";
import type { CutJson, NodesJson } from "../../collector/api/shapes.ts";
import { createCollector, DRAIN_MS } from "../../collector/collector.ts";
import { readCollectorConfig } from "../../collector/config.ts";
import type { History } from "../../collector/cut/history.ts";
import { aBatch } from "../support/batches.ts";
import { NOW, startCollector } from "./support.ts";

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "retroscope-collector-"));
  folders.push(made);
  return made;
}
afterEach(() => {
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});

const START = addMs(NOW, -1_000);
const batch = () =>
  aBatch([{ t: START, kind: "join", service: "s", tags: {}, instance: "i" }], { closed: START });

describe("a collector", () => {
  it.each(["0.0.0.0", "192.168.0.1", "::", "example.org", "localhost.example.org", ""])(
    "does not listen on %j, and says what is to come",
    async (host) => {
      const started = createCollector({ data: folder(), port: 0, host });
      await expect(started).rejects.toMatchObject({
        code: "bad-config",
        hint: expect.stringContaining("later version"),
      });
    },
  );

  it("listens on IPv6 loopback, where there is one", async () => {
    const collector = await createCollector({ data: folder(), port: 0, host: "::1" }).catch(
      (error: Error) => error,
    );
    if (collector instanceof Error) {
      expect(collector.message).toContain("cannot listen on ::1");
      return;
    }
    expect((await fetch(`${collector.url}/healthz`)).status).toBe(200);
    await collector.close();
  });

  it("answers at [::1] as at 127.0.0.1, since localhost may mean either", async (context) => {
    const collector = await startCollector();
    const twin = collector.url.replace("127.0.0.1", "[::1]");
    const notListening = collector.log.some((line) => line.includes("not listening on [::1]"));
    if (notListening) {
      await collector.close();
      context.skip("this machine has no IPv6 loopback");
    }
    const origin = { headers: { origin: twin } };
    expect((await fetch(`${twin}/api/nodes`, origin)).status).toBe(200);
    await collector.close();
    await expect(fetch(`${twin}/healthz`)).rejects.toThrow();
  });

  it("logs who joined and what it refused, and no value; nothing of it when quiet", async () => {
    for (const quiet of [false, true]) {
      const collector = await startCollector({ quiet });
      await collector.post(batch());
      expect((await collector.post()).status).toBe(400);
      await collector.close();
      const lines = collector.log.map((line) => JSON.parse(line) as { msg: string });
      const told = lines.map(({ msg }) => msg).filter((msg) => !msg.startsWith("not listening"));
      expect(told).toEqual(quiet ? [] : ["a node joined", "a request was refused"]);
    }
  });

  it("lets go of its data when the port is in use, so that the next can start", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const data = folder();
    await expect(createCollector({ data, port })).rejects.toMatchObject({ code: "port-in-use" });
    server.close();
    await (await createCollector({ data, port: 0 })).close();
  });

  it("is the only one on its data", async () => {
    const data = folder();
    const first = await createCollector({ data, port: 0 });
    const second = createCollector({ data, port: 0 });
    await expect(second).rejects.toMatchObject({ code: "data-in-use" });
    await first.close();
    await (await createCollector({ data, port: 0 })).close();
  });

  it("tells what it took in and what it refused", async () => {
    const collector = await startCollector({ data: folder() });
    await collector.post(batch());
    await collector.post(batch());
    expect((await collector.post()).status).toBe(400);
    const { ingest } = (await collector.get<NodesJson>("/api/nodes")).body;
    expect(ingest).toEqual({
      stored: 1,
      repeated: 1,
      limits: {},
      conflicts: 0,
      uncompared: 0,
      expired: 0,
      refused: { "bad-batch": 1 },
    });
    await collector.close();
  });

  it("lets a program walk every cut of what it holds", async () => {
    const collector = await createCollector({
      data: folder(),
      port: 0,
      quiet: true,
      clock: { now: () => NOW },
    });
    const at = (ms: number) => addMs(START, ms);
    const rows = [1, 2, 3].map((value) => {
      return { t: at(value), kind: "set" as const, log: "stock", key: "apples", value };
    });
    const join = { t: START, kind: "join" as const, service: "s", tags: {}, instance: "i" };
    const headers = { "content-type": BATCH_MEDIA_TYPE };
    const body = Buffer.from(encodeBatch(aBatch([join, ...rows], { closed: at(900) })));
    const reply = await fetch(collector.url + INGEST_PATH, { method: "POST", headers, body });
    expect(reply.status).toBe(200);
    const seen: unknown[] = [];
    for await (const view of collector.history.walk({ from: "-5m", to: "now" })) {
      seen.push([view.time, view.get("n1", "stock", "apples"), view.complete]);
    }
    expect(seen).toEqual([
      [START, undefined, true],
      ...[1, 2, 3].map((value) => [at(value), value, true]),
    ]);
    const walk = collector.history.walk({ from: "-5m", to: "now" }, (view) => view.time >= at(2));
    const found = [];
    for await (const { from, open, complete } of walk) found.push({ from, open, complete });
    expect(found).toEqual([{ from: at(2), open: true, complete: false }]);
    await collector.close();
  });

  it("knows after a restart what it acknowledged before", async () => {
    const data = folder();
    const path = `/api/cut?at=${formatHlc(START)}`;
    const before = await startCollector({ data });
    expect((await before.post(batch())).status).toBe(200);
    const cut = (await before.get<CutJson>(path)).body;
    await before.close();
    const after = await startCollector({ data });
    expect((await after.get<CutJson>(path)).body).toEqual(cut);
    expect(cut.members).toEqual(["n1"]);
    await after.close();
  });

  it("ends in bounded time, whoever hangs on; twice is once", async () => {
    const collector = await startCollector();
    await collector.post(batch());
    const waiting = fetch(`${collector.url}/api/cut?at=%2B1h&wait=60s`).then(
      () => "answered",
      () => "cut off",
    );
    // By the time that questions sent later are answered, this one is being waited for.
    for (let i = 0; i < 5; i += 1) await fetch(`${collector.url}/healthz`);
    const startMs = performance.now();
    await Promise.all([collector.close(), collector.close()]);
    expect(performance.now() - startMs).toBeLessThan(DRAIN_MS + 3_000);
    expect(await waiting).toBe("cut off");
    await expect(fetch(`${collector.url}/healthz`)).rejects.toThrow();
  });
});

describe("the timeline's files", () => {
  it("are served with the strict policy, the hashed ones for good", async () => {
    const uiDirectory = folder();
    mkdirSync(join(uiDirectory, "assets"));
    writeFileSync(join(uiDirectory, "index.html"), "<!doctype html><title>t</title>");
    writeFileSync(join(uiDirectory, "assets", "main-abc123.js"), "export {};");
    const collector = await startCollector({ uiDirectory });
    const beyond = await fetch(collector.url, { headers: { range: "bytes=9999-" } });
    expect([beyond.status, beyond.headers.get("content-type")]).toEqual([
      416,
      "application/json; charset=utf-8",
    ]);
    expect(await beyond.json()).toMatchObject({ error: { code: "bad-parameter" } });
    const page = await fetch(`${collector.url}/`);
    expect([page.status, page.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const script = await fetch(`${collector.url}/assets/main-abc123.js`);
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect(script.headers.get("content-type")).toContain("javascript");
    for (const path of ["/assets/gone.js", "/..%2f..%2fetc%2fpasswd", "/assets/..%2f..%2fx"]) {
      expect((await fetch(collector.url + path)).status).toBeGreaterThanOrEqual(400);
    }
    await collector.close();
  });

  it("that are not built are asked for in plain words", async () => {
    const collector = await startCollector({ uiDirectory: join(folder(), "none") });
    const page = await fetch(`${collector.url}/`);
    expect(page.status).toBe(503);
    expect(page.headers.get("content-type")).toContain("text/plain");
    expect(await page.text()).toContain("npm run build");
    await collector.close();
  });
});

describe("a failure of ours", () => {
  it("is told by an id, which the log has with the stack", async () => {
    const reports: { id: string; error: unknown }[] = [];
    const history = {
      extent: () => {
        throw new TypeError("secret detail");
      },
    } as unknown as History;
    const app = createApp({
      history,
      now: () => NOW,
      isReady: () => false,
      uiDirectory: folder(),
      report: (id, error) => reports.push({ id, error }),
    });
    const server = app.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const response = await fetch(`http://127.0.0.1:${port}/api/nodes`);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain("secret");
    expect(JSON.parse(text).error).toMatchObject({ code: "internal", id: reports[0]?.id });
    expect(reports).toEqual([{ id: expect.any(String), error: expect.any(TypeError) }]);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
    server.close();
  });
});

describe("settings", () => {
  it("come from flags, then the environment, then the defaults", () => {
    const environment = { RETROSCOPE_COLLECTOR_PORT: "8000", RETROSCOPE_COLLECTOR_DATA: "/var/x" };
    expect(readCollectorConfig({ port: "0" }, environment)).toEqual({
      port: 0,
      host: "127.0.0.1",
      data: "/var/x",
      webhookHosts: [],
    });
    const hosts = { RETROSCOPE_COLLECTOR_WEBHOOK_HOSTS: "alerts.example:8080, [::1]" };
    expect(readCollectorConfig({}, hosts).webhookHosts).toEqual(["alerts.example:8080", "[::1]"]);
    expect(readCollectorConfig({}, environment).port).toBe(8_000);
    expect(readCollectorConfig({}, {}).port).toBe(7_700);
  });

  it.each([
    [{ port: "http" }, {}, "--port"],
    [{}, { RETROSCOPE_COLLECTOR_PORT: "-1" }, "RETROSCOPE_COLLECTOR_PORT"],
    [{ data: " " }, {}, "--data"],
    [{ webhookHosts: "http://alerts.example" }, {}, "--webhook-hosts"],
    [{}, { RETROSCOPE_COLLECTOR_HOST: "0.0.0.0" }, "RETROSCOPE_COLLECTOR_HOST"],
  ])("that are wrong are named: %j %j", (given, environment, name) => {
    expect(() => readCollectorConfig(given, environment)).toThrow(
      expect.objectContaining({ code: "bad-config", message: expect.stringContaining(name) }),
    );
  });
});
