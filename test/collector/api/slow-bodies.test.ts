/** Who is slow to send the body of a question, or to take the lines of a query, holds up nobody else. */
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { AppOptions } from "../../../collector/api/app.ts";
import { DEFAULT_QUERY_LIMITS, QueryGate } from "../../../collector/api/query-gate.ts";
import { nodeTimers } from "../../../collector/cut/node-timers.ts";
import { startCollector } from "../support.ts";
import { endServedApps, serveApp } from "./served-app.ts";

const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await endServedApps();
});

/** Sends a head that promises more than ever comes. */
function slow(port: number, path: string): { readonly answer: Promise<string> } {
  const socket = connect({ port, host: "127.0.0.1" });
  sockets.push(socket);
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (part) => {
    text += String(part);
  });
  const type = "content-type: application/json";
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${type}\r\ncontent-length: 1000\r\n\r\n{`;
  socket.write(head);
  return { answer: new Promise((resolve) => socket.once("close", () => resolve(text))) };
}

const PATHS = ["/api/captures", "/api/monitors", "/api/saved", "/api/query"];

describe("a body that comes slowly", () => {
  it("takes no place of those who ask", async () => {
    const collector = await startCollector();
    try {
      const { port } = new URL(collector.url);
      for (let i = 0; i < DEFAULT_QUERY_LIMITS.running * 2; i += 1) {
        slow(Number(port), PATHS[i % PATHS.length] as string);
      }
      // Asked after them, and over one connection: they have been seen by then.
      for (let i = 0; i < 3; i += 1) {
        const { status, body } = await collector.get<{ questions: object }>("/api/nodes");
        expect(status).toBe(200);
        expect(body.questions).toMatchObject({ running: 1, waiting: 0, refused: 0 });
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await collector.close();
    }
  });

  it("is given up after its time, with 408 and the connection", async () => {
    const queries = { answer: () => Promise.reject(new Error("never asked")) };
    const gate = new QueryGate(nodeTimers);
    const port = await serveApp({ gate, queries, bodyLimits: { deadlineMs: 50 } });
    for (const path of PATHS) {
      const answer = await slow(port, path).answer;
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toMatch(/connection: close/i);
      expect(answer).toContain('"code":"timed-out"');
      expect(answer).toContain('"hint"');
    }
    expect(gate.counts).toMatchObject({ running: 0, waiting: 0, cancelled: 0 });
  });

  it("finds room for so many bytes in all, gives it back, and is refused beyond", async () => {
    const queries = { answer: () => Promise.reject(new Error("never asked")) };
    const port = await serveApp({ queries, bodyLimits: { allBytes: 20_000, deadlineMs: 300 } });
    const first = slow(port, "/api/query");
    const ask = () =>
      fetch(`http://127.0.0.1:${port}/api/query`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"rql": 1}',
      });
    // What declares little takes some room too.
    await expect.poll(async () => (await ask()).status, { interval: 5 }).toBe(503);
    const refused = await ask();
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({
      error: { code: "overloaded", hint: expect.stringMatching(/again/) },
    });
    expect(await first.answer).toMatch(/^HTTP\/1\.1 408 /);
    expect((await ask()).status).toBe(400);
  });
});

describe("lines of a query that nobody takes", () => {
  it("are waited for, and end the query with its connection when their time is up", async () => {
    let ended = 0;
    let written = 0;
    const text = `${"x".repeat(256 * 1024)}\n`;
    const queries: AppOptions["queries"] = {
      async answer(_asked, begin, signal) {
        const write = begin([]);
        while (!signal.aborted) {
          await write(text);
          written += 1;
        }
        ended += 1;
      },
    };
    const port = await serveApp({ queries, untakenMs: 200 });
    const socket = connect({ port, host: "127.0.0.1" });
    sockets.push(socket);
    socket.on("error", () => {});
    const head = "POST /api/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    socket.write(`${head}\r\ncontent-length: 11\r\n\r\n{"rql": ""}`);
    // A reader that takes what comes is not given up, however long it all takes.
    socket.resume();
    await expect.poll(() => written, { timeout: 10_000 }).toBeGreaterThan(100);
    expect(ended).toBe(0);
    socket.pause();
    await expect.poll(() => ended, { timeout: 10_000 }).toBe(1);
  });
});
