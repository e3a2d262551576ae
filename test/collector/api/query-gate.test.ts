import { EventEmitter } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { closingOf, holdOpen } from "../../../collector/api/answering.ts";
import { answerError } from "../../../collector/api/errors.ts";
import { QueryGate, type QueryLimits } from "../../../collector/api/query-gate.ts";
import { nodeTimers } from "../../../collector/cut/node-timers.ts";

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
});

interface Question {
  readonly signal: AbortSignal;
  readonly answer: (body?: unknown) => void;
}

/** A gate before questions that are answered by hand. */
async function aGate(limits: Partial<QueryLimits>, isOutOfMemory = () => false) {
  const gate = new QueryGate(nodeTimers, limits, isOutOfMemory);
  const questions: Question[] = [];
  const app = express();
  app.get("/healthz", (_request, response) => {
    response.json({});
  });
  app.use("/api", gate.handler);
  app.get("/api/ask", async (request, response) => {
    if (request.originalUrl.endsWith("?late")) holdOpen(response);
    const signal = closingOf(response);
    const body = await new Promise((answer, refuse) => {
      questions.push({ signal, answer });
      signal.addEventListener("abort", () => refuse(signal.reason));
    });
    response.json(body ?? {});
  });
  app.use(((error, _request, response, next) => {
    if (response.destroyed) return next();
    const { status, headers, body } = answerError(error, () => {});
    response.status(status).set(headers).json(body);
  }) satisfies express.ErrorRequestHandler);
  server = createServer(app);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const ask = (path = "/api/ask") => {
    const sent = httpRequest({ port, host: "127.0.0.1", path, agent: false });
    const status = new Promise<number>((resolve) => {
      sent.on("error", () => resolve(0));
      sent.on("response", (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
        if (response.statusCode === 503) expect(response.headers["retry-after"]).toBe("1");
      });
    });
    sent.end();
    return { status, hangUp: () => sent.destroy() };
  };
  return { gate, questions, ask };
}

describe("questions at the gate", () => {
  it("are worked on so many at a time; the next begins when one is answered, in order", async () => {
    const { gate, questions, ask } = await aGate({ running: 2 });
    const asked = Array.from({ length: 5 }, () => ask());
    await expect.poll(() => gate.counts).toMatchObject({ running: 2, waiting: 3 });
    for (let i = 0; i < 5; i += 1) {
      await expect.poll(() => questions.length).toBeGreaterThan(i);
      questions[i]?.answer();
    }
    expect(await Promise.all(asked.map(({ status }) => status))).toEqual([200, 200, 200, 200, 200]);
    await expect.poll(() => gate.counts).toMatchObject({ running: 0, waiting: 0, refused: 0 });
  });

  it("are refused at once beyond those that may wait, and health is answered all the same", async () => {
    const { gate, questions, ask } = await aGate({ running: 1, waiting: 1 });
    const [first, second] = [ask(), ask()];
    await expect.poll(() => gate.counts).toMatchObject({ running: 1, waiting: 1 });
    expect(await ask().status).toBe(503);
    expect(await ask("/healthz").status).toBe(200);
    expect(gate.counts.refused).toBe(1);
    questions[0]?.answer();
    await expect.poll(() => questions.length).toBe(2);
    questions[1]?.answer();
    expect([await first.status, await second.status]).toEqual([200, 200]);
  });

  it("are refused when they have waited for too long", async () => {
    const { gate, questions, ask } = await aGate({ running: 1, waitMs: 50 });
    const first = ask();
    await expect.poll(() => questions.length).toBe(1);
    expect(await ask().status).toBe(503);
    expect(gate.counts).toMatchObject({ running: 1, waiting: 0, refused: 1 });
    questions[0]?.answer();
    expect(await first.status).toBe(200);
  });

  it("end when their askers hang up, whether they run or wait, and give their places back", async () => {
    const { gate, questions, ask } = await aGate({ running: 1 });
    const [first, second, third] = [ask(), ask(), ask()];
    await expect.poll(() => gate.counts).toMatchObject({ running: 1, waiting: 2 });
    second.hangUp();
    await expect.poll(() => gate.counts.waiting).toBe(1);
    first.hangUp();
    await expect.poll(() => questions.length).toBe(2);
    expect(questions[0]?.signal.aborted).toBe(true);
    expect(gate.counts).toMatchObject({ running: 1, waiting: 0, cancelled: 2 });
    questions[1]?.answer();
    expect(await third.status).toBe(200);
  });

  it("end when their time is up, with 504 and what to ask instead", async () => {
    const { gate, ask } = await aGate({ budgetMs: 50 });
    expect(await ask().status).toBe(504);
    expect(gate.counts).toMatchObject({ running: 0, timedOut: 1, cancelled: 0 });
  });

  it("that are held open take no place, and have a bound of their own", async () => {
    const { gate, questions, ask } = await aGate({ running: 1, held: 2, budgetMs: 50 });
    const held = [ask("/api/ask?wait=10s"), ask("/api/ask?%77ait=10s")];
    await expect.poll(() => gate.counts).toMatchObject({ running: 0, held: 2 });
    expect(await ask("/api/ask?wait=1s").status).toBe(503);
    const plain = ask();
    await expect.poll(() => questions.length).toBe(3);
    for (const { answer } of questions) answer();
    expect(await plain.status).toBe(200);
    for (const one of held) expect(await one.status).toBe(200);
    await expect.poll(() => gate.counts.held).toBe(0);
  });

  it("that wait for nothing take a place like all others", async () => {
    const { gate, questions, ask } = await aGate({ running: 1 });
    const first = ask();
    await expect.poll(() => questions.length).toBe(1);
    const others = ["0", "0s", "0ms", "soon"].map((wait) => ask(`/api/ask?wait=${wait}`));
    await expect.poll(() => gate.counts).toMatchObject({ running: 1, waiting: 4, held: 0 });
    for (let i = 0; i < 5; i += 1) {
      await expect.poll(() => questions.length).toBe(i + 1);
      questions[i]?.answer();
    }
    for (const { status } of [first, ...others]) expect(await status).toBe(200);
  });

  it("are begun one in a turn of the event loop, those that are held open too", async () => {
    const turns: (() => void)[] = [];
    const turn = () => new Promise<void>((resolve) => turns.push(resolve));
    const gate = new QueryGate({ ...nodeTimers, turn }, { running: 8 });
    const begun: string[] = [];
    const responses: EventEmitter[] = [];
    for (const [i, url] of ["/?wait=1s", "/?wait=1s", "/", "/?wait=1s", "/"].entries()) {
      const request = { originalUrl: url } as express.Request;
      const response = new EventEmitter();
      responses.push(response);
      gate.handler(request, response as express.Response, () => begun.push(`${i}`));
    }
    expect(begun).toEqual(["0"]);
    for (let i = 1; i < 5; i += 1) {
      turns.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      expect(begun).toHaveLength(i + 1);
    }
    expect([...begun].sort()).toEqual(["0", "1", "2", "3", "4"]);
    expect(gate.counts).toMatchObject({ running: 2, held: 3, waiting: 0 });
    for (const response of responses) response.emit("close");
    expect(gate.counts).toMatchObject({ running: 0, held: 0, cancelled: 5 });
  });

  it("that say late that they wait give their place back, and are not hurried", async () => {
    // Who is not held open must be answered within the budget, on a busy machine too.
    const { gate, questions, ask } = await aGate({ running: 1, held: 1, budgetMs: 250 });
    const patient = ask("/api/ask?late");
    await expect.poll(() => gate.counts).toMatchObject({ running: 0, held: 1 });
    const other = ask();
    await expect.poll(() => questions.length, { interval: 2 }).toBe(2);
    questions[1]?.answer();
    expect(await other.status).toBe(200);
    expect(await ask("/api/ask?late").status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 300));
    questions[0]?.answer();
    expect(await patient.status).toBe(200);
    await expect.poll(() => gate.counts).toMatchObject({ running: 0, held: 0, timedOut: 0 });
  });

  it("wait while answers are not taken, and when memory is used up", async () => {
    let isFull = false;
    const { questions, ask } = await aGate({ unsentBytes: 1_000_000 }, () => isFull);
    const { port } = (server as Server).address() as AddressInfo;
    const sent = httpRequest({ port, host: "127.0.0.1", path: "/api/ask", agent: false }).end();
    const taken = new Promise<void>((resolve) => {
      sent.on("response", (response) => {
        response.pause();
        void ask()
          .status.then((status) => expect(status).toBe(503))
          .then(() => response.resume().on("end", resolve));
      });
    });
    await expect.poll(() => questions.length).toBe(1);
    questions[0]?.answer({ long: "x".repeat(32 * 1024 * 1024) });
    await taken;
    isFull = true;
    expect(await ask().status).toBe(503);
    expect(await ask("/api/ask?wait=1s").status).toBe(503);
    isFull = false;
    const last = ask();
    await expect.poll(() => questions.length).toBe(2);
    questions[1]?.answer();
    expect(await last.status).toBe(200);
  });
});
