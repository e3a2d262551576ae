import { channel } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;
afterEach(() => hooked.close());

const kinds = (): readonly string[] => hooked.recorder.events.map(({ kind }) => kind);
const edges = (): readonly unknown[] => hooked.recorder.receives.map(({ from }) => from?.seq);
const seqs = (): readonly unknown[] => hooked.recorder.sends.map(({ seq }) => seq);

async function echo(options: Parameters<typeof hookUp>[0] = {}): Promise<string> {
  hooked = hookUp(options);
  return hooked.serve((incoming, response) => {
    incoming.resume().on("end", () => response.end(String(incoming.headers[CARRIER_HEADER])));
  });
}

describe("a call through fetch", () => {
  const styles: readonly (readonly [style: string, call: (url: string) => Promise<Response>])[] = [
    ["a URL", (url) => fetch(url)],
    ["a Request object", (url) => fetch(new Request(url, { headers: { a: "b" } }))],
    ["a body of text", (url) => fetch(url, { method: "POST", body: "x" })],
    ["bytes", (url) => fetch(url, { method: "PUT", body: new Uint8Array(3) })],
    [
      "a Headers object with a foreign stamp",
      (url) => fetch(url, { headers: new Headers({ [CARRIER_HEADER]: foreign }) }),
    ],
    [
      "a stamp twice",
      (url) =>
        fetch(url, {
          headers: [
            [CARRIER_HEADER, foreign],
            [CARRIER_HEADER, foreign],
          ],
        }),
    ],
  ];
  it.each(styles)("is stamped, merged and answered: %s", async (_style, call) => {
    const url = await echo();
    const response = await call(url);
    const seen = parseCarrier(await response.text());
    expect(kinds()).toEqual(["send", "receive", "send", "receive"]);
    expect(edges()).toEqual(seqs());
    expect(seen).toMatchObject({ node: "n1", seq: seqs()[0] });
    expect(parseCarrier(response.headers.get(CARRIER_HEADER) ?? "")?.seq).toBe(seqs()[1]);
    expect(hooked.recorder.sends[0]).toMatchObject({
      channel: "fetch",
      peer: new URL(url).host,
      streamed: false,
      replaces: null,
    });
    expect(hooked.recorder.receives.map(({ channel }) => channel)).toEqual(["http", "fetch"]);
  });

  it("with a stream for a body is marked streamed", async () => {
    const url = await echo();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(2));
        controller.close();
      },
    });
    await (await fetch(url, { method: "POST", body, duplex: "half" } as RequestInit)).text();
    expect(hooked.recorder.sends[0]?.streamed).toBe(true);
  });

  it("is stamped anew at each redirect, and each hop judged by itself", async () => {
    hooked = hookUp();
    const stamps: unknown[] = [];
    const url = await hooked.serve((incoming, response) => {
      stamps.push(parseCarrier(String(incoming.headers[CARRIER_HEADER]))?.seq);
      if (incoming.url === "/2") response.end("there");
      else response.writeHead(302, { location: incoming.url === "/1" ? "/2" : "/1" }).end();
    });
    expect(await (await fetch(url)).text()).toBe("there");
    expect(hooked.recorder.sends).toHaveLength(6);
    expect(edges()).toEqual(seqs());
    expect(stamps).toEqual([seqs()[0], seqs()[2], seqs()[4]]);
  });

  it("a redirect to a stranger does not take the header along", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => {
      response.writeHead(302, { location: "http://retroscope.invalid/" }).end();
    });
    await expect(fetch(url)).rejects.toThrow("fetch failed");
    expect(hooked.recorder.sends).toHaveLength(2);
    expect(hooked.recorder.unstampedCounts).toEqual(new Map([["out retroscope.invalid:80", 1]]));
  });

  it("to a refused port marks the send failed", async () => {
    const url = await echo();
    hooked.servers[0]?.close();
    await expect(fetch(url)).rejects.toThrow("fetch failed");
    expect(hooked.recorder.sends).toMatchObject([{ seq: 1 }, { failed: true, replaces: 1 }]);
  });

  it("given up after it arrived is not failed", async () => {
    hooked = hookUp();
    const aborter = new AbortController();
    const url = await hooked.serve(() => aborter.abort());
    await expect(fetch(url, { signal: aborter.signal })).rejects.toThrow("abort");
    expect(kinds()).toEqual(["send", "receive"]);
  });

  it("given up after all of it was written is not failed, though nobody told of its head", () => {
    hooked = hookUp({ hooks: ["fetch"] });
    for (const told of [["undici:request:bodySent"], []]) {
      const request = { origin: "http://cart:8080", headers: [], body: null };
      for (const name of ["undici:request:create", ...told, "undici:request:error"]) {
        channel(name).publish({ request, error: new Error("aborted") });
      }
    }
    expect(hooked.recorder.sends.map(({ failed, replaces }) => [failed, replaces])).toEqual([
      ...[[false, null]],
      ...[[false, null]],
      ...[[true, 2]],
    ]);
  });

  it("given up before it began sends nothing", async () => {
    const url = await echo();
    await expect(fetch(url, { signal: AbortSignal.abort() })).rejects.toThrow("abort");
    expect(hooked.recorder.sends.filter(({ failed }) => !failed)).toHaveLength(
      hooked.recorder.sends.filter(({ failed }) => failed).length,
    );
  });

  it("answered by 103 and then in earnest is received once", async () => {
    hooked = hookUp();
    const url = await hooked.serve((_incoming, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("ok");
    });
    await (await fetch(url)).text();
    expect(edges()).toEqual(seqs());
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
  });

  it("many at once: every receive names the send that it belongs to", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) => {
      const seen = String(incoming.headers[CARRIER_HEADER]);
      setTimeout(() => response.end(`${incoming.url} ${seen}`), Number(incoming.url?.length) % 3);
    });
    const calls = Array.from({ length: 40 }, async (_, i) => {
      const text = await (await fetch(`${url}/${"x".repeat(i)}`)).text();
      expect(text.startsWith(`/${"x".repeat(i)} 1-`)).toBe(true);
    });
    await Promise.all(calls);
    expect(hooked.recorder.sends).toHaveLength(80);
    expect([...edges()].sort()).toEqual([...seqs()].sort());
  });

  it("from a server without an agent counts it", async () => {
    hooked = hookUp({ hooks: ["fetch"] });
    const server = createServer((_incoming, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await (await fetch(`http://${host}/`)).text();
    server.closeAllConnections();
    server.close();
    expect(hooked.recorder.unstampedCounts).toEqual(new Map([[`in ${host}`, 1]]));
  });

  it("while the agent is off leaves the caller's own header as it is", async () => {
    const url = await echo();
    hooked.recorder.isOn = false;
    const response = await fetch(url, { headers: { [CARRIER_HEADER]: foreign } });
    expect(await response.text()).toBe(foreign);
  });

  it("through a copy of undici that keeps headers as text is stamped too", () => {
    hooked = hookUp({ hooks: ["fetch"] });
    const old = (origin: string, headers: string) => ({
      origin,
      headers,
      addHeader(name: string, value: string) {
        this.headers += `${name}: ${value}\r\n`; // as undici 5 does
        return this;
      },
    });
    const create = channel("undici:request:create");
    const plain = old("http://cart:8080", "a: b\r\n");
    create.publish({ request: plain });
    expect(plain.headers).toMatch(/^a: b\r\nretroscope-hlc: 1-[^\r\n]*-n1\r\n$/);
    const copied = old("http://cart:8080", `Retroscope-HLC: ${foreign}\r\na: b\r\n`);
    create.publish({ request: copied });
    expect(copied.headers).toMatch(/^a: b\r\nretroscope-hlc: 1-[^\r\n]*-n1\r\n$/);
    const toStranger = old("http://shop.example.com", `retroscope-hlc: ${foreign}\r\na: b\r\n`);
    create.publish({ request: toStranger });
    expect(toStranger.headers).toBe("a: b\r\n");
    expect(hooked.recorder.sends).toHaveLength(2);
    expect(hooked.hooks.states().fetch).toBe("active");
  });

  it("of a stream is marked streamed, though its length was promised; of a text handed on by fetch it is not", () => {
    hooked = hookUp({ hooks: ["fetch"] });
    const generator = (async function* () {})();
    for (const body of [Readable.from(["x"]), generator, new Uint8Array(1), null]) {
      const request = { origin: "http://cart:8080", headers: [], body, contentLength: 1 };
      channel("undici:request:create").publish({ request });
    }
    expect(hooked.recorder.sends.map(({ streamed }) => streamed)).toEqual([
      ...[true, false, false, false],
    ]);
  });

  it("through one whose headers cannot be read is not; other copies are stamped as before", async () => {
    const url = await echo();
    channel("undici:request:create").publish({ request: { origin: url, headers: new Map() } });
    expect(hooked.hooks.states().fetch).toBe("degraded");
    expect(parseCarrier(await (await fetch(url)).text())?.node).toBe("n1");
  });
});
