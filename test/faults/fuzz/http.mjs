/**
 * Every route of a real collector, over sockets. Each answer is JSON with a code where it refuses, is
 * never a 500, comes in time, and leaves the prototypes and the health of the process as they were.
 */
// First: it watches how the app is put together.

import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ticksFromUnixMs } from "#dist/agent/kernel/index.js";
import { send } from "./raw-http.mjs";
import { makeRequest } from "./requests.mjs";
import { routes } from "./routes.mjs";
import { NOW_MS, sampleBatch } from "./samples.mjs";
import { cpuMsSince, Tally } from "./tally.mjs";

const { createCollector } = await import("#dist/collector/index.js");

const ANSWER_MS = 5_000;
const SLOW_MS = 50;
const SLOW_TRIES = 5;
const FILES = /^\/(?:$|assets\/|index\.html|favicon)/;

export async function fuzzHttp(inputs, chance) {
  const tally = new Tally("http");
  const data = mkdtempSync(join(tmpdir(), "retroscope-fuzz-"));
  const log = [];
  const collector = await createCollector({
    data,
    port: 0,
    clock: { now: () => ticksFromUnixMs(NOW_MS) },
    log: { write: (line) => log.push(line) },
  });
  const { port } = collector;
  try {
    const seeds = [];
    for (const node of ["n1", "n2"]) {
      for (let firstSeq = 1; firstSeq < 400; firstSeq += 40) {
        const frame = sampleBatch({ node, firstSeq, count: 40, chance });
        seeds.push(frame);
        if (firstSeq > 200) continue;
        const { status, text } = await post(port, frame);
        if (status !== 200) throw new Error(`the sample is refused: ${text}`);
      }
    }
    const found = routes();
    const accepted = await acceptedBy(found, port);
    const byRoute = new Map();
    for (let i = 0; i < inputs && !tally.isFull; i += 1) {
      const one = makeRequest({ routes: found, accepted, seeds, port }, chance);
      byRoute.set(one.path, (byRoute.get(one.path) ?? 0) + 1);
      await ask(one, port, tally);
      if (i % 256 === 0) tally.checkPrototype(() => one.head.slice(0, 2_000));
    }
    const { status } = await send(
      port,
      `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`,
      "",
      ANSWER_MS,
    );
    if (status !== 200) tally.failed("the collector is not well afterwards", `status ${status}`);
    for (const line of log) {
      if (/"level":(?:50|60)/.test(line)) tally.failed("an error was logged", line.slice(0, 2_000));
    }
    return { ...tally.report(), routes: Object.fromEntries(byRoute) };
  } finally {
    await collector.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** What each route says it takes, when it is asked with a parameter that nobody has. */
async function acceptedBy(found, port) {
  const accepted = new Map();
  for (const { path, methods } of found) {
    if (path === "/v1/batches") accepted.set(path, ["hold"]);
    if (!path.startsWith("/api/")) continue;
    const target = `${path.replace(/[*:]\w+/g, "c1")}?no-such-parameter=1`;
    const head =
      `${methods[0]} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n` +
      "content-type: application/json\r\ncontent-length: 2\r\n\r\n";
    const { text } = await send(port, head, "{}", ANSWER_MS);
    accepted.set(path, jsonOf(text)?.error?.accepted ?? []);
  }
  return accepted;
}

async function ask(one, port, tally) {
  tally.inputs += 1;
  const start = performance.now();
  const { isWellFormed } = one;
  const answer = await send(port, one.head, one.body, ANSWER_MS, isWellFormed);
  const ms = performance.now() - start;
  tally.slowestMs = Math.max(tally.slowestMs, ms);
  const wrong = wrongWith(one, answer, tally);
  const shown = () => `${one.head.slice(0, 4_000)}${one.body.toString("hex").slice(0, 8_000)}`;
  if (wrong !== undefined) {
    tally.failed(`${wrong} (${answer.status}: ${answer.text.slice(0, 300)})`, shown());
  }
  if (ms <= SLOW_MS || /[?&](?:wait|hold)=/.test(one.target)) return;
  for (let i = 0; i < SLOW_TRIES; i += 1) {
    const again = process.cpuUsage();
    await send(port, one.head, one.body, ANSWER_MS, isWellFormed);
    if (cpuMsSince(again) <= SLOW_MS) return;
  }
  tally.failed(`takes over ${SLOW_MS} ms (${Math.round(ms)})`, shown());
}

/** What is wrong with an answer; undefined if nothing is. */
function wrongWith({ method, target, isWellFormed }, { status, headers, text, isStream }, tally) {
  if (status === -1) return "no answer in time";
  if (status === 0) return isWellFormed ? "the connection was closed without an answer" : undefined;
  if (status === 500) return "a 500";
  if (status < 400) {
    tally.valid += 1;
    const path = target.split("?", 1)[0];
    if (method === "HEAD" || isStream || FILES.test(path) || status === 304 || status === 204) {
      return undefined;
    }
    return jsonOf(text) === undefined ? "a good answer that is no JSON" : undefined;
  }
  if (method === "HEAD") return undefined;
  const error = jsonOf(text)?.error;
  if (typeof error?.code !== "string" || typeof error.message !== "string") {
    return isWellFormed ? "a refusal that is no JSON" : undefined;
  }
  if (headers["content-type"]?.startsWith("application/json") !== true)
    return "JSON of another type";
  if ((status === 429 || status === 503) && headers["retry-after"] === undefined) {
    return "told to come back, not when";
  }
  tally.refused({ code: `${status} ${error.code}`, message: error.message });
  return undefined;
}

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function post(port, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/vnd.retroscope.batch" };
    const sent = request({ port, host: "127.0.0.1", path: "/v1/batches", method: "POST", headers });
    sent.on("error", reject);
    sent.on("response", async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, text });
    });
    sent.end(body);
  });
}
