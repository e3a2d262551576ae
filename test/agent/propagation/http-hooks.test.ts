import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import http, { Agent, get, type IncomingMessage, OutgoingMessage, request } from "node:http";
import https from "node:https";
import Module from "node:module";
import { connect, type Socket } from "node:net";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { hostAndPort, hostText } from "../../../agent/propagation/head-text.ts";
import { installHooks } from "../../../agent/propagation/install.ts";
import { STAMPING_POINTS } from "../../../agent/propagation/last-moment.ts";
import { type HookedProcess, hookUp, loopbackTls } from "../../support/http-exchange.ts";
import type { RecordedReceive } from "../../support/message-recorder.ts";

let hooked: HookedProcess;
afterEach(() => hooked.close());

const foreign = formatCarrier({ t: 4_000 as never, epoch: 3, seq: 9, node: "elsewhere" });
const OPTIONS = { method: "POST" } as const;
type Call = (url: string, done: (response: IncomingMessage) => void) => http.ClientRequest;

/** Makes one call; resolves to the reply, its body read. */
function exchange(url: string, call: Call): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = call(url, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(Object.assign(response, { text })));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
  });
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** The full story of one exchange in one process: request out, in, reply out, in. */
function expectOneExchange(channel: "http" | "fetch" = "http"): void {
  const { events } = hooked.recorder;
  expect(events.map(({ kind }) => kind)).toEqual(["send", "receive", "send", "receive"]);
  const [call, arrival, reply, answer] = events;
  expect(call).toMatchObject({ channel, replaces: null, failed: false });
  expect((arrival as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: call?.seq });
  expect((answer as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: reply?.seq });
  expect((answer as RecordedReceive).channel).toBe(channel);
  const times = events.map(({ t }) => t);
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
}

describe("a call through node:http", () => {
  const styles: readonly (readonly [style: string, call: Call])[] = [
    ["get, named import", (url, done) => get(url, done)],
    ["get, default import", (url, done) => http.get(url, done)],
    ["get with options", (url, done) => http.get(new URL(url), { headers: { a: "b" } }, done)],
    ["request and end", (url, done) => request(url, done).end()],
    ["request, default import", (url, done) => http.request(url, OPTIONS, done).end("x")],
    [
      "write, write, end",
      (url, done) => {
        const outgoing = request(url, OPTIONS, done);
        outgoing.write("a");
        outgoing.write(Buffer.from("b"));
        return outgoing.end("c");
      },
    ],
    [
      "flushHeaders first",
      (url, done) => {
        const outgoing = request(url, OPTIONS, done);
        outgoing.flushHeaders();
        return outgoing.end("x");
      },
    ],
    [
      "headers as a flat array",
      (url, done) =>
        request(url, { ...OPTIONS, headers: ["Host", hostOf(url), "A", "1"] as never }, done).end(
          "x",
        ),
    ],
    [
      "headers as an array of pairs",
      (url, done) => {
        const headers = [
          ["Host", hostOf(url)],
          ["A", "1"],
        ] as never;
        return request(url, { ...OPTIONS, headers }, done).end("x");
      },
    ],
    [
      "Expect: 100-continue",
      (url, done) => {
        const outgoing = request(url, { ...OPTIONS, headers: { Expect: "100-continue" } }, done);
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
    ["a Buffer as its only body", (url, done) => request(url, OPTIONS, done).end(Buffer.from("x"))],
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
    expectOneExchange();
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
    await exchange(`${url}/whole`, (to, done) => request(to, OPTIONS, done).end("x"));
    await exchange(`${url}/none`, (to, done) => get(to, done));
    await exchange(`${url}/parts`, (to, done) => {
      const outgoing = request(to, OPTIONS, done);
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
    const post = { ...OPTIONS, headers: { "content-length": "2" } };
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
    expectOneExchange();
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
    expectOneExchange();
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
    expectOneExchange();
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
      request(to, { ...OPTIONS, headers: { "content-type": "application/json" } }, done).end(
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

describe("what failed", () => {
  const failedSends = (): readonly (number | null)[] =>
    hooked.recorder.sends.filter(({ failed }) => failed).map(({ replaces }) => replaces);

  it("a refused connection marks the send failed, once", async () => {
    hooked = hookUp();
    const url = await hooked.serve(() => undefined);
    hooked.servers[0]?.close();
    await expect(exchange(url, (to, done) => get(to, { agent: false }, done))).rejects.toThrow(
      "ECONNREFUSED",
    );
    expect(failedSends()).toEqual([hooked.recorder.sends[0]?.seq]);
  });

  it("a name that does not resolve, too", async () => {
    hooked = hookUp();
    await expect(
      exchange("http://nowhere.invalid.local:9/", (to, done) => get(to, done)),
    ).rejects.toThrow();
    expect(failedSends()).toEqual([1]);
  });

  it("a request given up before its socket came is failed", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await expect(
      exchange(url, (to, done) => {
        const outgoing = request(to, done);
        outgoing.end();
        return outgoing.destroy();
      }),
    ).rejects.toThrow();
    expect(failedSends()).toEqual([1]);
  });

  it("a request given up while its socket connects is failed, and told of twice is failed once", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    let outgoing: http.ClientRequest | undefined;
    const call: Call = (to, done) => {
      outgoing = get(to, { agent: false }, done);
      outgoing.once("socket", () => outgoing?.destroy());
      return outgoing;
    };
    await expect(exchange(url, call)).rejects.toThrow("hang up");
    channel("http.client.request.error").publish({ request: outgoing, error: new Error("again") });
    expect(failedSends()).toEqual([1]);
    expect(hooked.recorder.receives).toEqual([]);
  });

  it("a certificate that is refused means that the head never left", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"), { tls: true });
    await expect(exchange(url, (to, done) => https.get(to, done))).rejects.toThrow();
    expect(hooked.recorder.receives).toEqual([]);
    expect(failedSends()).toEqual([1]);
  });

  it("a request given up after it arrived is not: it did go out", async () => {
    hooked = hookUp();
    let outgoing: http.ClientRequest | undefined;
    const url = await hooked.serve(() => outgoing?.destroy());
    await expect(exchange(url, (to, done) => (outgoing = get(to, done)))).rejects.toThrow(
      "hang up",
    );
    expect(failedSends()).toEqual([]);
    expect(hooked.recorder.receives).toHaveLength(1);
  });

  it("a reply to a caller who is gone is never sent", async () => {
    hooked = hookUp();
    let outgoing: http.ClientRequest | undefined;
    const url = await hooked.serve((incoming, response) => {
      incoming.socket.on("close", () => {
        response.end("too late");
        finished?.();
      });
      outgoing?.destroy();
    });
    let finished: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      finished = resolve;
    });
    await expect(exchange(url, (to, done) => (outgoing = get(to, done)))).rejects.toThrow();
    await over;
    expect(hooked.recorder.sends).toHaveLength(1);
  });
});

describe("a stamp that is on the message already", () => {
  it("is replaced if it is foreign, so that a proxy that copies headers makes true edges", async () => {
    hooked = hookUp();
    const back = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const proxy = await hooked.serve((incoming, response) => {
      const onward = { [CARRIER_HEADER]: incoming.headers[CARRIER_HEADER] };
      get(back, { headers: onward }, (answer) => {
        response.writeHead(200, answer.headers);
        answer.pipe(response);
      });
    });
    await exchange(proxy, (to, done) => get(to, { headers: { [CARRIER_HEADER]: foreign } }, done));
    const { sends, receives } = hooked.recorder;
    expect(sends).toHaveLength(4);
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
    // The first was foreign; what the proxy copied was ours, but had arrived with the message before.
    expect(sends.map(({ replaces }) => replaces)).toEqual([null, null, null, null]);
  });

  it("is kept if nothing happened since, and renewed if something did", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const stamp = hooked.recorder.send("manual", null, false, null);
    if (stamp === null) throw new Error("no stamp");
    const headers = { [CARRIER_HEADER]: formatCarrier(stamp) };
    const kept = await exchange(url, (to, done) => get(to, { headers }, done));
    expect(kept.text).toBe(formatCarrier(stamp));
    const second = hooked.recorder.send("manual", null, false, null);
    if (second === null) throw new Error("no stamp");
    headers[CARRIER_HEADER] = formatCarrier(second);
    hooked.recorder.change();
    const renewed = await exchange(url, (to, done) => get(to, { headers }, done));
    const seq = parseCarrier(renewed.text)?.seq;
    expect(hooked.recorder.sends.find((send) => send.seq === seq)?.replaces).toBe(second.seq);
  });

  it("belongs to one message: others with the same headers get stamps of their own", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const stamp = hooked.recorder.send("manual", null, false, null);
    if (stamp === null) throw new Error("no stamp");
    const headers = { [CARRIER_HEADER]: formatCarrier(stamp) };
    const call = (): Promise<{ text: string }> =>
      exchange(url, (to, done) => get(to, { headers }, done));
    const fetched = async (): Promise<{ text: string }> => ({
      text: await (await fetch(url, { headers })).text(),
    });
    const together = await Promise.all([call(), call(), fetched()]); // nothing happens between
    hooked.recorder.change();
    const replies = [...together, await call()];
    const seqs = replies.map(({ text }) => parseCarrier(text)?.seq);
    expect(seqs[0]).toBe(stamp.seq);
    expect(new Set(seqs).size).toBe(4);
    // The first one did leave with it: nothing replaces it.
    expect(hooked.recorder.sends.map(({ replaces }) => replaces)).toEqual(
      hooked.recorder.sends.map(() => null),
    );
  });
});

describe("who gets and who is believed", () => {
  it("a destination that is not allowed sees no header, not even a copied one, and is counted", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const { port } = new URL(url);
    const lookup = ((_host: string, _options: unknown, done: (...args: unknown[]) => void) =>
      done(null, [{ address: "127.0.0.1", family: 4 }])) as never;
    const headers = { [CARRIER_HEADER]: foreign };
    const reply = await exchange(`http://shop.example.com:${port}/`, (to, done) =>
      get(to, { lookup, headers }, done),
    );
    expect(reply.text).toBe("undefined");
    expect(hooked.recorder.sends).toEqual([]);
    expect(hooked.recorder.unstampedCounts.get(`out shop.example.com:${port}`)).toBe(1);
  });

  it("it does, once propagateTo names it", async () => {
    hooked = hookUp({ propagateTo: ["*.example.com"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    const lookup = ((_host: string, _options: unknown, done: (...args: unknown[]) => void) =>
      done(null, [{ address: "127.0.0.1", family: 4 }])) as never;
    await exchange(`http://shop.example.com:${new URL(url).port}/`, (to, done) =>
      get(to, { lookup }, done),
    );
    expectOneExchange();
  });

  it("the Host line does not decide, the connection does", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await exchange(url, (to, done) => get(to, { headers: { host: "shop.example.com" } }, done));
    expect(hooked.recorder.sends[0]?.peer).toBe("127.0.0.1");
  });

  it("a request for a forward proxy is judged by both: the proxy would hand the header on", async () => {
    hooked = hookUp({ propagateTo: ["cart.example.com"] });
    const proxy = await hooked.serve((incoming, response) =>
      response.end(`${incoming.url} ${incoming.headers[CARRIER_HEADER]}`),
    );
    const { hostname, port } = new URL(proxy);
    const through = (path: string) =>
      exchange(proxy, (_to, done) =>
        get({ hostname, port, path, headers: { [CARRIER_HEADER]: foreign } }, done),
      );
    for (const path of [
      "http://shop.example.com/x",
      "HTTPS://user:pass@shop.example.com:443",
      "http://169.254.169.254/latest",
      "http://[::",
    ]) {
      expect((await through(path)).text).toBe(`${path} undefined`);
    }
    expect(hooked.recorder.sends).toEqual([]);
    expect(hooked.recorder.unstampedCounts.get("out shop.example.com:80")).toBe(1);
    const friend = await through("http://cart.example.com:8080/x");
    expect(friend.text).toContain("-n1");
    expect(hooked.recorder.sends[0]?.peer).toBe("cart.example.com:8080");
  });

  it("a head that an agent for forward proxies makes anew keeps its stamp, or stays without", async () => {
    hooked = hookUp();
    const proxy = await hooked.serve((incoming, response) =>
      response.end(`${incoming.url} ${incoming.headers[CARRIER_HEADER]}`),
    );
    type Inner = http.ClientRequest & {
      _header: string | null;
      _implicitHeader(): void;
      outputData: { data: string }[];
    };
    // What http-proxy-agent does, in its words.
    class ProxyAgent extends Agent {
      async addRequest(req: Inner, options: { host: string; port: number }): Promise<void> {
        const socket = connect(Number(new URL(proxy).port), "127.0.0.1");
        await once(socket, "connect");
        req._header = null;
        req.path = `http://${options.host}:${options.port}${req.path}`;
        req._implicitHeader();
        const [first] = req.outputData;
        if (first === undefined) throw new Error("nothing waits");
        const endOfHeaders = first.data.indexOf("\r\n\r\n") + 4;
        first.data = req._header + first.data.substring(endOfHeaders);
        req.onSocket(socket);
      }
    }
    const through = (url: string, headers = {}) =>
      exchange(url, (to, done) => {
        const outgoing = request(to, { method: "POST", agent: new ProxyAgent(), headers }, done);
        return outgoing.end("body");
      });
    const call = await through("http://cart.internal:81/x");
    const [sent] = hooked.recorder.sends;
    expect(sent).toMatchObject({ peer: "cart.internal:81", failed: false });
    expect(parseCarrier(call.text.split(" ")[1] ?? "")?.seq).toBe(sent?.seq);
    const before = hooked.recorder.sends.length;
    const abroad = await through("http://shop.example.com:81/x", { [CARRIER_HEADER]: foreign });
    expect(abroad.text).toBe("http://shop.example.com:81/x undefined");
    expect(hooked.recorder.sends).toHaveLength(before);
  });

  it("listens for heads that left unseen only until it saw one, and takes no event from other listeners", async () => {
    const names = ["http.client.request.start", "http.server.response.finish"];
    const others = names.map((name) => ({ on: channel(name), count: 0, listen: () => {} }));
    hooked = hookUp();
    for (const other of others) {
      other.listen = () => {
        other.count += 1;
      };
      other.on.subscribe(other.listen);
    }
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    for (let i = 0; i < 3; i += 1) await exchange(url, (to, done) => get(to, done));
    expect(others.map(({ count }) => count)).toEqual([3, 3]);
    for (const { on, listen } of others) on.unsubscribe(listen);
    expect(names.filter((name) => channel(name).hasSubscribers)).toEqual([]);
    expect(hooked.recorder.sends).toHaveLength(6);
  });

  it("a long Host line that a proxy hands on costs no more than its length", async () => {
    const head = `GET / HTTP/1.1\r\nHost: a${" ".repeat(100_000)}:x\r\n\r\n`;
    const before = performance.now();
    expect(hostAndPort(hostText(head))).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(500); // backtracking took ten seconds
    hooked = hookUp();
  });

  it("a reply to a stranger carries no stamp that a proxy copied from behind it; to a neighbour, only our own", async () => {
    hooked = hookUp({ hooks: ["http-server"] });
    let own = "";
    const url = await hooked.serve((incoming, response) => {
      own = formatCarrier(hooked.recorder.send("manual", null, false, null) as never);
      response.setHeader(CARRIER_HEADER, incoming.url === "/own" ? own : foreign);
      response.end("ok");
    });
    const seen = async (path: string): Promise<unknown> => {
      const reply = await exchange(url + path, (to, done) => get(to, { agent: false }, done));
      return reply.headers[CARRIER_HEADER];
    };
    expect(await seen("/copied")).toBeUndefined();
    expect(await seen("/own")).toBe(own);
    hooked.servers[0]?.prependListener("connection", (socket: Socket) => {
      Object.defineProperty(socket, "remoteAddress", { value: "203.0.113.7" });
    });
    expect(await seen("/copied")).toBeUndefined();
    expect(await seen("/own")).toBeUndefined();
    expect(hooked.hooks.states()["http-server"]).toBe("active");
  });

  it("what is marked untraced is left alone altogether", async () => {
    hooked = hookUp({ hooks: ["http-client"] });
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const agent = Object.assign(new Agent(), { [Symbol.for("retroscope.untraced")]: true });
    const reply = await exchange(url, (to, done) => get(to, { agent }, done));
    expect(reply.text).toBe("undefined");
    expect(hooked.recorder.events).toEqual([]);
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
    agent.destroy();
  });

  const fromAfar = async (acceptFrom: readonly string[]): Promise<IncomingMessage> => {
    hooked = hookUp({ hooks: ["http-server"], acceptFrom });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    hooked.servers[0]?.prependListener("connection", (socket: Socket) => {
      Object.defineProperty(socket, "remoteAddress", { value: "203.0.113.7" });
    });
    await exchange(url, (to, done) => get(to, { agent: false }, done)); // without a header
    const headers = { [CARRIER_HEADER]: foreign };
    return exchange(url, (to, done) => get(to, { agent: false, headers }, done));
  };

  it("a stranger is not believed and not answered; only one who claims a stamp is counted", async () => {
    const reply = await fromAfar([]);
    expect(reply.headers[CARRIER_HEADER]).toBeUndefined();
    expect(hooked.recorder.events).toEqual([]);
    expect(hooked.recorder.unstampedCounts).toEqual(new Map([["in 203.0.113.7", 1]]));
  });

  it("is believed once acceptFrom names it", async () => {
    const reply = await fromAfar(["203.0.113.0/24"]);
    expect(reply.headers[CARRIER_HEADER]).toBeDefined();
    expect(hooked.recorder.receives[0]?.from?.node).toBe("elsewhere");
    expect(hooked.recorder.receives[0]?.peer).toMatch(/^203\.0\.113\.7:\d+$/);
  });

  it("a malformed header is counted, the message delivered", async () => {
    hooked = hookUp({ hooks: ["http-server"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    const headers = { [CARRIER_HEADER]: ["junk", foreign] };
    const reply = await exchange(url, (to, done) => get(to, { headers }, done));
    expect(reply.text).toBe("ok");
    expect(hooked.recorder.malformedCounts).toEqual(new Map([["127.0.0.1", 1]]));
    expect(hooked.recorder.receives[0]?.from?.node).toBe("elsewhere");
  });
});

describe("the installation", () => {
  it("stands once; a second one is shadowed and changes nothing", async () => {
    hooked = hookUp();
    const second = installHooks({ recorder: hooked.recorder });
    expect(new Set(Object.values(second.states()))).toEqual(new Set(["shadowed"]));
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await exchange(url, (to, done) => get(to, done));
    expectOneExchange();
    second.close();
    await exchange(url, (to, done) => get(to, done));
    expect(hooked.recorder.events).toHaveLength(8);
  });

  it("leaves nothing behind when closed, twice", async () => {
    const before = Reflect.get(OutgoingMessage.prototype, "_send");
    hooked = hookUp();
    expect(Reflect.get(OutgoingMessage.prototype, "_send")).not.toBe(before);
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    hooked.hooks.close();
    hooked.hooks.close();
    expect(Reflect.get(OutgoingMessage.prototype, "_send")).toBe(before);
    await exchange(url, (to, done) => get(to, done));
    expect(hooked.recorder.events).toEqual([]);
    expect(hooked.hooks.states()["http-client"]).toBe("off");
  });

  it("does nothing while the agent is off", async () => {
    hooked = hookUp();
    hooked.recorder.isOn = false;
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    expect((await exchange(url, (to, done) => get(to, done))).text).toBe("undefined");
  });

  it("a recorder that throws never reaches the host; after five errors the hook is off and says so", async () => {
    const reports: string[] = [];
    hooked = hookUp({
      onReport: (hook, state, reason) => reports.push(`${hook} ${state}: ${reason}`),
    });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    hooked.recorder.send = () => {
      throw new Error("disk on fire");
    };
    for (let i = 0; i < 7; i += 1) {
      expect((await exchange(url, (to, done) => get(to, done))).text).toBe("ok");
    }
    expect(hooked.hooks.states()["http-client"]).toBe("off");
    expect(reports).toEqual(["http-client off: 5 own errors, the last: disk on fire"]);
  });

  it("in a process whose prototypes are fixed is not there, and says so; the host starts all the same", async () => {
    const fixed = [
      [OutgoingMessage.prototype, "_send"],
      [OutgoingMessage.prototype, "_storeHeader"],
      [http.ClientRequest.prototype, "_implicitHeader"],
      [http.ServerResponse.prototype, "_implicitHeader"],
      [Module.prototype, "load"],
    ] as const;
    for (const [holder, name] of fixed) Object.defineProperty(holder, name, { writable: false });
    try {
      hooked = hookUp();
    } finally {
      for (const [holder, name] of fixed) Object.defineProperty(holder, name, { writable: true });
    }
    expect(hooked.hooks.states()).toMatchObject({
      ...{ "http-server": "degraded", "http-client": "unavailable", fetch: "active" },
    });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    expect((await exchange(url, (to, done) => get(to, done))).text).toBe("ok");
  });

  it("takes what others say on Node's channels for what it is, and no error of theirs ends the host", async () => {
    hooked = hookUp();
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", note);
    const names = ["http.client.request.start", "http.server.response.finish"];
    for (const name of [...names, "undici:client:sendHeaders"]) channel(name).publish({});
    for (const name of [...names, "undici:client:sendHeaders"]) channel(name).publish(undefined);
    await new Promise((later) => setImmediate(later));
    process.off("uncaughtException", note);
    expect(uncaught).toEqual([]);
    expect(hooked.hooks.states()).toMatchObject({ "http-client": "active", fetch: "active" });
  });

  it.each(STAMPING_POINTS.slice(1))(
    "falls back to %s, and says that it is degraded",
    async (point) => {
      hooked = hookUp({ stampingPoints: [point] });
      const url = await hooked.serve((_incoming, response) => response.end("ok"));
      await exchange(url, (to, done) => get(to, done));
      expectOneExchange();
      expect(hooked.hooks.stampingPoint).toBe(point);
      expect(hooked.hooks.states()).toMatchObject({
        "http-server": "degraded",
        "http-client": "degraded",
      });
    },
  );

  it("stays at a point that works, though it is known to miss some", async () => {
    hooked = hookUp({ stampingPoints: ["_storeHeader", "_implicitHeader"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await exchange(url, (to, done) => get(to, done));
    const headers = { Expect: "100-continue" }; // leaves from inside _storeHeader
    for (let i = 0; i < 4; i += 1) {
      await exchange(url, (to, done) => request(to, { ...OPTIONS, headers }, done).end("x"));
    }
    expect(hooked.recorder.sends).toHaveLength(2);
    expect(hooked.hooks.stampingPoint).toBe("_storeHeader");
  });

  it("goes on to the next point when heads leave unseen", async () => {
    hooked = hookUp({ stampingPoints: ["_implicitHeader", "_send"] });
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    const headers = ["Host", hostOf(url)] as never; // which _implicitHeader never sees
    for (let i = 0; i < 3; i += 1) await exchange(url, (to, done) => get(to, { headers }, done));
    expect(hooked.hooks.stampingPoint).toBe("_send");
    await exchange(url, (to, done) => get(to, { headers }, done));
    expectOneExchange();
  });
});
