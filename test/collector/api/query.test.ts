/**
 * `POST /api/query` of a real collector, its evaluating threads included: the examples of the language over
 * their history, what is refused and where, and what a text that means harm comes to.
 */

import { readFileSync } from "node:fs";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  BatchBuilder,
  encodeBatch,
  formatHlc,
  type Hlc,
  KindCode,
} from "../../../agent/kernel/index.ts";
import type { EndLine, ResultLine } from "../../../collector/api/query-shapes.ts";
import { EXAMPLE_SERVICES } from "../rql/example-history.ts";
import { importExample } from "../rql/example-lines.ts";
import { answer, examplesOf, told } from "../rql/readme-examples.ts";
import { at } from "../rql/told-cuts.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

/** A bound for hangs, not a measure: machines are slow, and busy with other things too. */
const HANG_MS = 60_000;
vi.setConfig({ testTimeout: 4 * HANG_MS, hookTimeout: 4 * HANG_MS });
const README = readFileSync(
  resolve(import.meta.dirname, "../../../collector/rql/README.md"),
  "utf8",
);

interface Refusal {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly line?: number;
    readonly column?: number;
    readonly excerpt?: string;
  };
}

function ask(collector: TestCollector, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(`${collector.url}/api/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function linesOf(response: Response): Promise<ResultLine[]> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("application/x-ndjson");
  const text = await response.text();
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ResultLine);
}

async function refused(response: Response): Promise<Refusal["error"] & { status: number }> {
  return { status: response.status, ...((await response.json()) as Refusal).error };
}

describe("the examples of the language over a real collector", () => {
  let collector: TestCollector;
  beforeAll(async () => {
    collector = await startCollector();
    await importExample(collector.url);
  });
  afterAll(() => collector.close());
  const range = { from: formatHlc(at(0)), to: formatHlc(at(10_000)) };

  it.each(examplesOf(README))("$text", async ({ text, expected }) => {
    const asked = text.includes("ON TIME") ? { rql: text } : { rql: text, ...range };
    const lines = await linesOf(await ask(collector, asked));
    expect(told(lines)).toBe(expected);
    // The same rows as the interpreter's over the history as it is told.
    const rows = (all: readonly ResultLine[]) => all.filter(({ type }) => type === "row");
    expect(rows(lines)).toEqual(JSON.parse(JSON.stringify(rows(answer(text)))));
    expect(lines.at(-1)).toMatchObject({ type: "end", status: "done", complete: true });
    const nodes = text.includes("AT NODES") ? ["n1", "n2"] : Object.keys(EXAMPLE_SERVICES).sort();
    expect(lines[0]).toMatchObject({ type: "start", nodes });
  });

  it("tells a plan and no rows with EXPLAIN", async () => {
    const rql = "SELECT vr1 FROM setd WHEN Max(vr1) - Min(vr1) > 3";
    const lines = await linesOf(await ask(collector, { rql, explain: true }));
    expect(lines.map(({ type }) => type)).toEqual(["start", "plan", "end"]);
    const plan = await linesOf(await ask(collector, { rql: `EXPLAIN ${rql}` }));
    expect(plan[1]).toEqual(lines[1]);
  });

  it("refuses a text with its place, and what is no question", async () => {
    const rql = "SELECT leader FROM raft WHEN Cardnality(leader) > 1";
    const error = await refused(await ask(collector, { rql }));
    expect(error).toEqual({
      status: 400,
      code: "unknown-function",
      message: 'there is no function "Cardnality"',
      hint: "did you mean Cardinality?",
      query: 0,
      line: 1,
      column: 30,
      length: 10,
      excerpt: `${rql}\n${" ".repeat(29)}${"^".repeat(10)}`,
    });
    const statuses = [
      [{}, 400],
      [{ rql: 7 }, 400],
      [{ rql: "SELECT leader FROM raft", explain: "yes" }, 400],
      [{ rql: "SELECT leader FROM raft", limit: 3 }, 400],
      [{ rql: "SELECT leader FROM raft", from: "yesterday" }, 400],
      ["[]", 400],
      ["{", 400],
      [{ rql: " ".repeat(2 * 1024 * 1024) }, 413],
    ] as const;
    for (const [body, status] of statuses) {
      expect([body, (await ask(collector, body)).status]).toEqual([body, status]);
    }
    const typed = await fetch(`${collector.url}/api/query`, { method: "POST", body: "{}" });
    expect(typed.status).toBe(415);
    const got = await collector.get<Refusal>("/api/query");
    expect([got.status, got.body.error.hint]).toEqual([404, expect.stringContaining("POST")]);
    const search = await fetch(`${collector.url}/api/query?rql=x`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ rql }),
    });
    expect(search.status).toBe(400);
  });

  const filled = (start: string, part: string): string =>
    start + part.repeat(Math.floor((16_000 - start.length) / part.length));
  const HEAD = "SELECT leader FROM raft WHEN ";
  it.each([
    ["parentheses", filled(HEAD, "("), "nesting-too-deep"],
    ["negations", filled(HEAD, "!"), "nesting-too-deep"],
    ["minus signs", filled(HEAD, "-"), "nesting-too-deep"],
    ["digits", filled(HEAD, "9"), "number-too-large"],
    ["quotes", filled(HEAD, "'"), undefined],
    ["set members", `${filled(`${HEAD}1 IN {`, "1,")}1}`, "set-too-large"],
    ["a long text", " ".repeat(20_000), "text-too-long"],
    ["no text", "", "syntax"],
    ["a log of Object's", "SELECT x FROM `__proto__`", "unknown-log"],
    ["a function of Object's", "SELECT constructor(leader) FROM raft", "unknown-function"],
  ])("refuses %s with a place, within 100 ms", async (_what, rql, code) => {
    let error = await refused(await ask(collector, { rql }));
    // Time of the processor, the asker's included; the best of a few, as others collect and compile.
    let leastMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5 && leastMs > 100; i += 1) {
      const before = process.cpuUsage();
      error = await refused(await ask(collector, { rql }));
      const { user, system } = process.cpuUsage(before);
      leastMs = Math.min(leastMs, (user + system) / 1_000);
    }
    expect(leastMs).toBeLessThanOrEqual(100);
    expect(error.status).toBe(400);
    if (code !== undefined) expect(error.code).toBe(code);
    expect([error.line, error.column]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(error.excerpt).toContain("^");
  });

  it("takes names of Object's for names", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const rql = `SELECT ${names.join(", ")} FROM raft COUNT`;
    const lines = await linesOf(await ask(collector, { rql }));
    expect(lines.filter(({ type }) => type === "warning")).toHaveLength(3);
    expect(lines[0]).toMatchObject({ columns: names });
    expect(lines.at(-1)).toMatchObject({ status: "done" });
  });
});

describe("a query that would run for hours", () => {
  const BATCHES = 16;
  const EVENTS = 5_000;
  const START = (NOW - 600_000 * 4_096) as Hlc;
  /** One cut of it is evaluated for 20 minutes, far longer than any bound here: 250^4 bodies of 350 ns. */
  const SET = `{${Array.from({ length: 250 }, (_, i) => i).join(",")}}`;
  const ENDLESS = `SELECT k0 FROM log WHEN EXISTS a, b, c, d IN ${SET} : (a + b + c + d < 0)`;

  function bodyOf(index: number): Uint8Array {
    const builder = new BatchBuilder();
    const firstSeq = 1 + index * EVENTS;
    for (let seq = firstSeq; seq < firstSeq + EVENTS; seq += 1) {
      const t = (START + seq * 1_000) as Hlc;
      if (seq === 1) builder.body(t, { kind: "join", service: "s", tags: {}, instance: "i" });
      else builder.change(t, KindCode.set, "log", `k${seq % 3}`, seq);
    }
    const closed = (START + (firstSeq + EVENTS - 1) * 1_000) as Hlc;
    return encodeBatch(builder.build({ node: "n1", service: "s", epoch: 7, firstSeq, closed }));
  }

  async function ship(index: number): Promise<number> {
    const response = await fetch(`${collector.url}/v1/batches`, {
      method: "POST",
      headers: { "content-type": "application/vnd.retroscope.batch" },
      body: bodyOf(index) as Uint8Array<ArrayBuffer>,
    });
    return response.status;
  }

  let collector: TestCollector;
  beforeAll(async () => {
    collector = await startCollector();
    for (let i = 0; i < BATCHES; i += 1) expect(await ship(i)).toBe(200);
  });
  afterAll(() => collector.close());

  const open: ClientRequest[] = [];
  afterEach(() => {
    for (const sent of open.splice(0)) sent.destroy();
  });

  /** A question whose answer nobody reads yet. */
  function begin(rql: string): Promise<IncomingMessage> {
    const sent = httpRequest(`${collector.url}/api/query`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json" },
    });
    open.push(sent);
    sent.on("error", () => {});
    sent.end(JSON.stringify({ rql }));
    return new Promise((done) => sent.once("response", done));
  }

  /** Resolves once the collector takes another query. */
  async function freeMs(): Promise<number> {
    const started = performance.now();
    await expect
      .poll(async () => (await ask(collector, { rql: "SELECT k0 FROM log FIRST" })).status, {
        timeout: HANG_MS,
        interval: 5,
      })
      .toBe(200);
    return performance.now() - started;
  }

  it("is refused beyond four, gives way within a moment when its askers go, and holds nobody up", async () => {
    for (let i = 0; i < 4; i += 1) {
      const response = await begin(ENDLESS);
      expect(response.statusCode).toBe(200);
    }
    const fifth = await ask(collector, { rql: ENDLESS });
    expect(fifth.status).toBe(429);
    expect(fifth.headers.get("retry-after")).toBe("1");
    expect(await refused(fifth)).toMatchObject({ code: "too-many" });
    // Meanwhile: ingest, other questions.
    const started = performance.now();
    expect(await ship(BATCHES)).toBe(200);
    expect((await collector.get("/api/nodes")).status).toBe(200);
    expect((await collector.get("/healthz")).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(HANG_MS);
    for (const sent of open.splice(0)) sent.destroy();
    expect(await freeMs()).toBeLessThan(HANG_MS);
  });

  it("does not fill memory for somebody who does not read, and goes on for others", async () => {
    const before = process.memoryUsage().rss;
    // 80,000 rows would be some 25 MB of text.
    const stuck = await begin("SELECT k0, k1, k2 FROM log");
    stuck.pause();
    const end = (await linesOf(await ask(collector, { rql: "SELECT k0 FROM log COUNT" }))).at(-1);
    expect(end).toMatchObject({ type: "end", status: "done", matches: expect.any(Number) });
    expect((end as EndLine).matches).toBeGreaterThan(25_000);
    expect(stuck.readableLength).toBeLessThan(1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    stuck.destroy();
    expect(await freeMs()).toBeLessThan(HANG_MS);
  });

  it("leaves nothing to wait for when the collector closes", async () => {
    const other = await startCollector();
    await other.close();
    const response = await begin(ENDLESS);
    response.resume();
    const started = performance.now();
    await collector.end();
    expect(performance.now() - started).toBeLessThan(HANG_MS);
  });
});
