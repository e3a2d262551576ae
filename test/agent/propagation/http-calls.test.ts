import http, { Agent, get, type IncomingMessage, request } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { type Call, exchange, expectOneExchange, hostOf, POST } from "../../support/http-calls.ts";
import { foreign, type HookedProcess, hookUp, loopbackTls } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

describe("a call through node:http", () => {
  const styles: readonly (readonly [style: string, call: Call])[] = [
    ["get, named import", (url, done) => get(url, done)],
    ["get, default import", (url, done) => http.get(url, done)],
    ["get with options", (url, done) => http.get(new URL(url), { headers: { a: "b" } }, done)],
    ["request and end", (url, done) => request(url, done).end()],
    ["request, default import", (url, done) => http.request(url, POST, done).end("x")],
    [
      "write, write, end",
      (url, done) => {
        const outgoing = request(url, POST, done);
        outgoing.write("a");
        outgoing.write(Buffer.from("b"));
        return outgoing.end("c");
      },
    ],
    [
      "flushHeaders first",
      (url, done) => {
        const outgoing = request(url, POST, done);
        outgoing.flushHeaders();
        return outgoing.end("x");
      },
    ],
    [
      "headers as a flat array",
      (url, done) =>
        request(url, { ...POST, headers: ["Host", hostOf(url), "A", "1"] as never }, done).end("x"),
    ],
    [
      "headers as an array of pairs",
      (url, done) => {
        const headers = [
          ["Host", hostOf(url)],
          ["A", "1"],
        ] as never;
        return request(url, { ...POST, headers }, done).end("x");
      },
    ],
    [
      "Expect: 100-continue",
      (url, done) => {
        const outgoing = request(url, { ...POST, headers: { Expect: "100-continue" } }, done);
        outgoing.on("continue", () => outgoing.end("x"));
        return outgoing;
      },
    ],
    ["agent: false", (url, done) => get(url, { agent: false }, done)],
    ["HEAD", (url, done) => request(url, { method: "HEAD" }, done).end()],
    [
      "setHeader, in capitals",
      (url, done) => {
        const outgoing = request(url, done);
        outgoing.setHeader("RETROSCOPE-HLC", foreign);
        return outgoing.end();
      },
    ],
    ["a Buffer as its only body", (url, done) => request(url, POST, done).end(Buffer.from("x"))],
  ];

  it.each(styles)("is stamped, merged and answered: %s", async (_style, call) => {
    hooked = hookUp();
    let seen: string | undefined;
    const url = await hooked.serve((incoming, response) => {
      seen = String(incoming.headers[CARRIER_HEADER]);
      // The receive stands before any handler runs.
      expect(hooked.recorder.receives).toHaveLength(1);
      incoming.resume().on("end", () => response.end("ok"));
    });
    const reply = await exchange(url, call);
    expectOneExchange(hooked);
    const [sent] = hooked.recorder.sends;
    expect(parseCarrier(seen ?? "")).toMatchObject({
      node: "n1",
      epoch: 7,
      seq: sent?.seq,
      t: sent?.t,
    });
    expect(sent?.peer).toBe(hostOf(url));
    expect(parseCarrier(String(reply.headers[CARRIER_HEADER]))?.seq).toBe(
      hooked.recorder.sends[1]?.seq,
    );
    expect(hooked.hooks.states()).toMatchObject({
      "http-server": "active",
      "http-client": "active",
      fetch: "active",
    });
  });

  it("is stamped at every hop of a kept-alive connection", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i += 1) await exchange(url, (to, done) => get(to, { agent }, done));
    agent.destroy();
    expect(hooked.recorder.events).toHaveLength(12);
    expect(new Set(hooked.recorder.receives.map(({ from }) => from?.seq)).size).toBe(6);
  });

  it("is marked streamed only if its body may follow the head", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) => {
      incoming.resume().on("end", () => {
        if (incoming.url === "/whole") response.end("ok");
        else if (incoming.url === "/none") response.writeHead(204).end();
        else response.write("a", () => response.end("b"));
      });
    });
    await exchange(`${url}/whole`, (to, done) => request(to, POST, done).end("x"));
    await exchange(`${url}/none`, (to, done) => get(to, done));
    await exchange(`${url}/parts`, (to, done) => {
      const outgoing = request(to, POST, done);
      outgoing.write("x");
      return outgoing.end();
    });
    expect(hooked.recorder.sends.map(({ streamed }) => streamed)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("is marked streamed if only the length of its body was known, but not if all of it left with the head", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) => {
      incoming.resume().on("end", () => {
        response.setHeader("content-length", 2);
        if (incoming.url === "/parts") response.write("a", () => response.end("b"));
        else if (incoming.url === "/flushed") response.flushHeaders();
        if (incoming.url !== "/parts")
          response.end(incoming.url === "/bytes" ? Buffer.from("ab") : "é");
      });
    });
    const post = { ...POST, headers: { "content-length": "2" } };
    for (const path of ["/text", "/bytes", "/parts", "/flushed"]) {
      await exchange(`${url}${path}`, (to, done) => {
        const outgoing = request(to, post, done);
        if (path === "/parts") outgoing.write("x");
        if (path === "/flushed") outgoing.flushHeaders();
        return outgoing.end(path === "/parts" ? "y" : path === "/bytes" ? Buffer.from("xy") : "é");
      });
    }
    expect(hooked.recorder.sends.map(({ streamed }) => streamed)).toEqual([
      ...[false, false],
      ...[false, false],
      ...[true, true],
      ...[true, true],
    ]);
  });

  it("over https", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"), { tls: true });
    const reply = await exchange(url, (to, done) => https.get(to, { ca: loopbackTls.cert }, done));
    expect(reply.text).toBe("ok");
    expectOneExchange(hooked);
    expect(hooked.recorder.sends[0]?.peer).toBe(hostOf(url));
  });

  it("over a Unix socket", async () => {
    hooked = hookUp();
    await hooked.serve((_incoming, response) => response.end("ok"));
    const [server] = hooked.servers;
    const socketPath = `\0retroscope-test-${process.pid}`;
    if (process.platform !== "linux" || server === undefined) return;
    const second = http
      .createServer((_incoming, response) => response.end("ok"))
      .listen(socketPath);
    await new Promise((resolve) => second.once("listening", resolve));
    await exchange("http://localhost/", (_to, done) => get({ socketPath, path: "/" }, done));
    second.closeAllConnections();
    second.close();
    expectOneExchange(hooked);
    expect(hooked.recorder.sends[0]?.peer).toBe(`unix:${socketPath}`);
  });
});

it("an upgrade is stamped on its way out; its server merges by hand, for no channel tells of it", async () => {
  hooked = hookUp();
  const url = await hooked.serve(() => undefined);
  let seen: string | undefined;
  hooked.servers[0]?.on("upgrade", (incoming: IncomingMessage, socket: Socket) => {
    seen = String(incoming.headers[CARRIER_HEADER]);
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  });
  await new Promise<void>((resolve, reject) => {
    const outgoing = get(url, { headers: { connection: "Upgrade", upgrade: "x" } });
    outgoing.on("upgrade", (_response, socket) => socket.on("close", resolve).resume().end());
    outgoing.on("error", reject);
  });
  expect(parseCarrier(seen ?? "")?.seq).toBe(1);
  expect(hooked.recorder.events).toMatchObject([{ kind: "send", failed: false }]);
});
