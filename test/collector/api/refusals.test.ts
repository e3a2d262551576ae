/** What the API refuses: bad questions, batches that are none, foreign pages; in one form, with a hint. */
import { request } from "node:http";
import { describe, expect, it } from "vitest";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { hex, twoNodes } from "./two-nodes.ts";

const { collector, good } = await twoNodes();

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
