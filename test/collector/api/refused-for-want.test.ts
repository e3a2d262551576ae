/**
 * Every route, where there is too little to serve it with: a status that says so, when to come again, and
 * what to do. The routes are those of the table in collector/api/README.md, which api/readme.test.ts holds
 * to the app's own.
 */
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RetroError } from "../../../agent/kernel/index.ts";
import type { AppOptions } from "../../../collector/api/app.ts";
import { JSON_BODY_LIMITS } from "../../../collector/api/json-bodies.ts";
import { DEFAULT_LIVE_LIMITS, LiveHub } from "../../../collector/api/live-hub.ts";
import { MAX_WAIT_MS } from "../../../collector/api/params.ts";
import { DEFAULT_QUERY_LIMITS, QueryGate } from "../../../collector/api/query-gate.ts";
import { UNTAKEN_MS } from "../../../collector/api/query-routes.ts";
import { SERVER_LIMITS } from "../../../collector/bounded-server.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { nodeTimers } from "../../../collector/cut/node-timers.ts";
import { MONITOR_LIMITS } from "../../../collector/monitor/limits.ts";
import { RUN_LIMITS } from "../../../collector/rql/limits.ts";
import { RUNNER_LIMITS } from "../../../collector/rql/run/run-limits.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";
import { endServedApps, serveApp } from "./served-app.ts";

const readme = readFileSync(new URL("../../../collector/api/README.md", import.meta.url), "utf8");

interface Route {
  readonly method: string;
  readonly path: string;
  readonly takesWait: boolean;
}

const ROUTES: readonly Route[] = [
  ...readme.matchAll(/^\| `(GET|POST|DELETE) (\/(?:api|v1)\/\S+)` \| (.*?) \|/gm),
].map(([, method = "", path = "", cell = ""]) => ({
  method,
  path: path.replace(":id", "x"),
  takesWait: method === "GET" && cell.includes("`wait`"),
}));
/** Those that have bounds of their own: neither takes a place of a question. */
const UNGATED = ["/api/live", "/api/query", "/v1/batches"];
const GATED = ROUTES.filter(({ path }) => !UNGATED.includes(path));
const POSTED = ROUTES.filter(({ method, path }) => method === "POST" && path !== "/v1/batches");

async function expectRefusal(response: Response, status = 503): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(await response.json()).toEqual({
    error: expect.objectContaining({
      code: expect.stringMatching(/^[a-z-]+$/),
      message: expect.stringMatching(/\w/),
      hint: expect.stringMatching(/\w/),
    }),
  });
}

function ask(url: string, { method, path }: Route, search = ""): Promise<Response> {
  return fetch(`${url}${path}${search}`, {
    method,
    ...(method === "POST" ? { headers: { "content-type": "application/json" }, body: "{}" } : {}),
  });
}

describe("where the memory is used up", () => {
  let collector: TestCollector;
  beforeAll(async () => {
    collector = await startCollector({ maxMemoryBytes: 1024 * 1024 });
  });
  afterAll(() => collector.close());

  it("there are routes to ask", () => {
    expect(ROUTES.length).toBeGreaterThan(20);
    expect(POSTED.length).toBeGreaterThan(3);
  });

  it.each(ROUTES.filter(({ path }) => path !== "/api/live"))(
    "$method $path is refused, with a time to come again",
    async (route) => {
      if (route.path === "/v1/batches") {
        const type = { "content-type": "application/vnd.retroscope.batch" };
        const sent = { method: "POST", headers: type, body: new Uint8Array(64) };
        await expectRefusal(await fetch(collector.url + route.path, sent));
        return;
      }
      const body = route.path === "/api/query" ? '{"rql": "SELECT a FROM b"}' : "{}";
      const headers = { "content-type": "application/json" };
      const sent = route.method === "POST" ? { headers, body } : {};
      await expectRefusal(
        await fetch(collector.url + route.path, { method: route.method, ...sent }),
      );
      if (route.takesWait) await expectRefusal(await ask(collector.url, route, "?wait=1s"));
    },
  );
});

describe("where too many ask already", () => {
  afterEach(endServedApps);

  async function served(options: Partial<AppOptions>): Promise<string> {
    return `http://127.0.0.1:${await serveApp(options)}`;
  }

  it("every question is refused: at once, after its wait for a place, or as one held open", async () => {
    const full = await served({ gate: new QueryGate(nodeTimers, { running: 0, waiting: 0 }) });
    const late = await served({ gate: new QueryGate(nodeTimers, { running: 0, waitMs: 5 }) });
    const held = await served({ gate: new QueryGate(nodeTimers, { held: 0 }) });
    for (const route of GATED) {
      await expectRefusal(await ask(full, route));
      await expectRefusal(await ask(late, route));
      if (route.takesWait) await expectRefusal(await ask(held, route, "?wait=1s"));
    }
  });

  it("every body is refused before it is read", async () => {
    const queries = { answer: () => Promise.reject(new Error("never asked")) };
    const url = await served({ queries, bodyLimits: { allBytes: 1 } });
    for (const route of POSTED) await expectRefusal(await ask(url, route));
  });

  it("a query is refused with 429, a listener with 503", async () => {
    const reason = new RetroError("too-many", "4 queries are running", { hint: "Wait." });
    const queries = { answer: () => Promise.reject(reason) };
    const history = createHistory({ store: new MemoryStore(), timers: nodeTimers });
    const limits = { clients: 0 };
    const live = new LiveHub({ history, now: () => NOW, timers: nodeTimers, run: "r", limits });
    const url = await served({ queries, live });
    const headers = { "content-type": "application/json" };
    const asked = await fetch(`${url}/api/query`, { method: "POST", headers, body: '{"rql":""}' });
    await expectRefusal(asked, 429);
    await expectRefusal(await fetch(`${url}/api/live`));
  });

  it("/readyz says when to look again, and nothing else", async () => {
    const response = await fetch(`${await served({ isReady: () => false })}/readyz`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await response.json()).toEqual({ status: "degraded" });
  });
});

describe("the table of limits", () => {
  const seconds = (ms: number) => `${ms / 1_000} s`;
  const mib = (bytes: number) => `${bytes / (1024 * 1024)} MiB`;
  const questions = DEFAULT_QUERY_LIMITS;
  const { steps, rows } = RUN_LIMITS;
  const powers = `${steps / 10 ** 9} x 10^9; ${rows.toLocaleString("en")}`;
  const ROWS: readonly (readonly [what: string, limit: string, beyond: string])[] = [
    ["an answer that its asker does not take", seconds(SERVER_LIMITS.sendMs), "closed"],
    ["lines of a query that its asker does not take", seconds(UNTAKEN_MS), "closed"],
    ["connections", SERVER_LIMITS.connections.toLocaleString("en"), "closed at once"],
    [
      "questions answered at a time; waiting",
      `${questions.running}; ${questions.waiting}, at most ${seconds(questions.waitMs)}`,
      "503",
    ],
    ["time for a question", seconds(questions.budgetMs), "504; ask for less"],
    [
      "questions held open (`wait` above 0)",
      `${questions.held.toLocaleString("en")}, ${seconds(MAX_WAIT_MS)}`,
      "503",
    ],
    ["bytes of answers not taken yet", mib(questions.unsentBytes), "503"],
    ["time for the body of a question", seconds(JSON_BODY_LIMITS.deadlineMs), "408"],
    ["bodies of questions being read", mib(JSON_BODY_LIMITS.allBytes), "503"],
    ["listeners of `/api/live`", String(DEFAULT_LIVE_LIMITS.clients), "503"],
  ];

  it.each(ROWS)("has the limit on %s of the code", (what, limit, beyond) => {
    expect(readme).toContain(`| ${what} | ${limit} | ${beyond} |`);
  });

  it("has the limits of queries and monitors of the code", () => {
    expect(readme).toContain(`| ${RUNNER_LIMITS.running} | 429 |`);
    expect(readme).toContain(`| ${MONITOR_LIMITS.monitors}; ${MONITOR_LIMITS.alerts} | 429;`);
    expect(readme).toContain(`| ${powers};`);
  });
});
