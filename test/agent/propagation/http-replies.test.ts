import type http from "node:http";
import { get, request } from "node:http";
import { connect } from "node:net";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { exchange, expectOneExchange, hostOf, POST } from "../../support/http-calls.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

describe("a reply", () => {
  const styles: readonly (readonly [style: string, answer: http.RequestListener])[] = [
    ["implicit head", (_incoming, response) => void response.end("ok")],
    [
      "write, then end",
      (_incoming, response) => {
        response.write("o");
        response.end("k");
      },
    ],
    ["writeHead(status)", (_incoming, response) => void response.writeHead(200).end("ok")],
    ["writeHead(status, reason)", (_i, response) => void response.writeHead(200, "Fine").end("ok")],
    [
      "writeHead with headers",
      (_i, response) => void response.writeHead(200, { a: "b" }).end("ok"),
    ],
    [
      "writeHead with reason and headers",
      (_i, response) => void response.writeHead(200, "Fine", { a: "b" }).end("ok"),
    ],
    [
      "writeHead with a flat array",
      (_i, response) => void response.writeHead(200, ["a", "b"]).end("ok"),
    ],
    [
      "writeHead after setHeader",
      (_i, response) => {
        response.setHeader("c", "d");
        response.writeHead(200, ["a", "b"]).end("ok");
      },
    ],
    [
      "flushHeaders",
      (_i, response) => {
        response.flushHeaders();
        response.end("ok");
      },
    ],
    ["204", (_i, response) => void response.writeHead(204).end()],
    [
      "304",
      (_i, response) => {
        response.statusCode = 304;
        response.end();
      },
    ],
    ["500 without a body", (_i, response) => void response.writeHead(500).end()],
    [
      "early hints first",
      (_i, response) => {
        response.writeEarlyHints({ link: "</a>; rel=preload" });
        response.end("ok");
      },
    ],
    [
      "a stale header of its own",
      (_i, response) => void response.writeHead(200, { [CARRIER_HEADER]: foreign }).end("ok"),
    ],
  ];
  it.each(styles)("carries a stamp, once: %s", async (_style, answer) => {
    hooked = hookUp();
    const url = await hooked.serve(answer);
    const reply = await exchange(url, (to, done) => get(to, done));
    expectOneExchange(hooked);
    const ours = reply.rawHeaders.filter((name) => name.toLowerCase() === CARRIER_HEADER);
    expect(ours).toHaveLength(1);
  });

  it("to a request without the header carries none, and the caller is counted", async () => {
    hooked = hookUp({ hooks: ["http-server"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    const reply = await exchange(url, (to, done) => get(to, done));
    expect(reply.headers[CARRIER_HEADER]).toBeUndefined();
    expect(hooked.recorder.events).toEqual([]);
    expect(hooked.recorder.unstampedCounts).toEqual(new Map([["in 127.0.0.1", 1]]));
  });

  it("whose head was written early is stamped when it leaves, later than what happened between", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => {
      response.writeHead(200, { a: "b" });
      const changedAt = hooked.recorder.change();
      response.end(String(changedAt));
    });
    const reply = await exchange(url, (to, done) => get(to, done));
    const [, sent] = hooked.recorder.sends;
    expect(sent?.t).toBeGreaterThan(Number(reply.text));
    expect(hooked.recorder.sends).toHaveLength(2);
  });

  it("from a server without an agent counts it", async () => {
    hooked = hookUp({ hooks: ["http-client"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await exchange(url, (to, done) => get(to, done));
    expect(hooked.recorder.sends).toHaveLength(1);
    expect(hooked.recorder.unstampedCounts).toEqual(new Map([[`in ${hostOf(url)}`, 1]]));
  });

  it("to pipelined requests is stamped for each", async () => {
    hooked = hookUp({ hooks: ["http-server"] });
    const url = await hooked.serve((incoming, response) => {
      // The first is done last; Node keeps the order on the wire.
      if (incoming.url === "/1") setImmediate(() => response.end("/1"));
      else response.end(incoming.url);
    });
    const stamps = [1, 2, 3].map((seq) =>
      formatCarrier({ t: (4_000 + seq) as never, epoch: 3, seq, node: "p" }),
    );
    const heads = stamps.map(
      (text, i) => `GET /${i + 1} HTTP/1.1\r\nHost: h\r\n${CARRIER_HEADER}: ${text}\r\n\r\n`,
    );
    const text = await new Promise<string>((resolve, reject) => {
      let received = "";
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () =>
        socket.write(heads.join("")),
      );
      socket.setEncoding("utf8").on("error", reject);
      socket.on("data", (chunk: string) => {
        received += chunk;
        if (received.endsWith("/3")) socket.destroy();
      });
      socket.on("close", () => resolve(received));
    });
    const replies = [...text.matchAll(/retroscope-hlc: (\S+)/g)].map((match) =>
      parseCarrier(match[1] ?? ""),
    );
    // Replies leave in the order of the requests, though the first was done last.
    const [first, ...others] = replies.map((stamp) => stamp?.seq);
    expect([...others, first]).toEqual(hooked.recorder.sends.map(({ seq }) => seq));
    expect(hooked.recorder.receives.map(({ from }) => from?.seq)).toEqual([1, 2, 3]);
  });

  it("of an express app carries a stamp, and its handler sees a merged clock", async () => {
    hooked = hookUp();
    const app = express();
    app.use(express.json());
    app.post("/cart", (incoming, response) => {
      response.json({ got: incoming.body, at: hooked.recorder.change() });
    });
    app.get("/moved", (_incoming, response) => response.redirect("/cart"));
    const url = await hooked.serve(app);
    const reply = await exchange(`${url}/cart`, (to, done) =>
      request(to, { ...POST, headers: { "content-type": "application/json" } }, done).end(
        '{"a":1}',
      ),
    );
    expect(JSON.parse(reply.text).got).toEqual({ a: 1 });
    const kinds = hooked.recorder.events.map(({ kind }) => kind);
    expect(kinds).toEqual(["send", "receive", "set", "send", "receive"]);
    expect(hooked.recorder.sends[1]?.streamed).toBe(false);
    await exchange(`${url}/moved`, (to, done) => get(to, done));
    expect(hooked.recorder.receives).toHaveLength(4);
  });
});
