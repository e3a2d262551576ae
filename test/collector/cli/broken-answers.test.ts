/** `retroscope query` where the answer does not come to its end: what was found is told all the same, and nothing stays open. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { ResultLine } from "../../../collector/api/query-shapes.ts";
import { runCli } from "../../../collector/cli/program.ts";

const H = { hlc: "01a1fed600000000", time: "2026-11-21T16:00:00.000Z" };
const START: ResultLine = {
  type: "start",
  query: 0,
  from: H,
  to: H,
  nodes: ["n1"],
  columns: ["leader"],
};
const ROW: ResultLine = {
  type: "row",
  query: 0,
  n: 1,
  at: H,
  values: { leader: "the-found-one" },
  complete: true,
  incomplete: [],
  by: [],
};

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
  server = undefined;
});

/** Something that answers like a collector, up to a point; its address. */
async function answering(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Watched {
  readonly interrupted?: Promise<void>;
  readonly onOut?: () => void;
}

async function query(url: string, words: readonly string[], watched: Watched = {}) {
  let out = "";
  let err = "";
  const code = await runCli(["query", "SELECT leader FROM raft", ...words], {
    out: (text) => {
      out += text;
      watched.onOut?.();
    },
    err: (text) => {
      err += text;
    },
    isWatched: false,
    columns: undefined,
    environment: { RETROSCOPE_URL: url },
    nowMs: () => 0,
    stdin: (async function* () {})(),
    interrupted: () => watched.interrupted ?? new Promise(() => {}),
  });
  return { code, out, err };
}

const text = (...lines: readonly ResultLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

describe("a query whose answer does not come to its end", () => {
  it("prints what was found so far when it is interrupted", async () => {
    let interrupt = (): void => {};
    const interrupted = new Promise<void>((resolve) => {
      interrupt = resolve;
    });
    const url = await answering((_request, response) => response.write(text(START, ROW)));
    const onOut = (): void => void setImmediate(interrupt);
    const { code, out, err } = await query(url, [], { interrupted, onOut });
    expect([code, err]).toEqual([3, expect.stringContaining("stands above")]);
    expect(out).toContain("the-found-one");
  });

  it("prints what was found so far when it breaks off", async () => {
    const url = await answering((_request, response) => response.end(text(START, ROW)));
    const { code, out, err } = await query(url, []);
    expect([code, err]).toEqual([3, expect.stringContaining("broke off before its end")]);
    expect(out).toContain("the-found-one");
  });
});

describe("a query that is watched", () => {
  it("is no failure when it is interrupted before anybody has answered", async () => {
    let interrupt = (): void => {};
    const interrupted = new Promise<void>((resolve) => {
      interrupt = resolve;
    });
    const url = await answering(() => interrupt());
    const { code, out, err } = await query(url, ["--live"], { interrupted });
    expect([code, out]).toEqual([0, ""]);
    expect(err).not.toContain("cannot reach");
  });

  it("lets go of the stream of events when its text is refused", async () => {
    let isHeld = false;
    const url = await answering((request, response) => {
      if (request.url === "/api/live") {
        isHeld = true;
        response.once("close", () => {
          isHeld = false;
        });
        response.write("event: watermark\ndata: {}\n\n");
        return;
      }
      const error = { code: "bad-parameter", message: "no", hint: "no" };
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error }));
    });
    expect((await query(url, ["--live"])).code).toBe(2);
    await expect.poll(() => isHeld, { timeout: 5_000 }).toBe(false);
  });
});
