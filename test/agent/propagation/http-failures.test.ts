/** Requests and replies that never went out, and those that did although they failed. */
import { channel } from "node:diagnostics_channel";
import type http from "node:http";
import { get, request } from "node:http";
import https from "node:https";
import { afterEach, describe, expect, it } from "vitest";
import { type Call, exchange } from "../../support/http-calls.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

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
