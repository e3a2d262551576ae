/** Who gets our header, and whose is believed. */
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import http, { Agent, get, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { hostAndPort, hostText } from "../../../agent/propagation/head-text.ts";
import { exchange, expectOneExchange } from "../../support/http-calls.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

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
    expectOneExchange(hooked);
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
    const tookMs = [1, 2, 3].map(() => {
      const before = performance.now();
      expect(hostAndPort(hostText(head))).toBeUndefined();
      return performance.now() - before;
    });
    // Backtracking took ten seconds. A busy machine may be late once, not each time.
    expect(Math.min(...tookMs)).toBeLessThan(500);
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
