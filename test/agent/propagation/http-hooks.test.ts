/** The hooks of node:http themselves: installing, closing, falling back, giving up. */
import { channel } from "node:diagnostics_channel";
import http, { get, OutgoingMessage, request } from "node:http";
import Module from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER } from "../../../agent/propagation/carrier.ts";
import { installHooks } from "../../../agent/propagation/install.ts";
import { STAMPING_POINTS } from "../../../agent/propagation/last-moment.ts";
import { exchange, expectOneExchange, hostOf, POST } from "../../support/http-calls.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

describe("the installation", () => {
  it("stands once; a second one is shadowed and changes nothing", async () => {
    hooked = hookUp();
    const second = installHooks({ recorder: hooked.recorder });
    expect(new Set(Object.values(second.states()))).toEqual(new Set(["shadowed"]));
    const url = await hooked.serve((_incoming, response) => response.end("ok"));
    await exchange(url, (to, done) => get(to, done));
    expectOneExchange(hooked);
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
      expectOneExchange(hooked);
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
      await exchange(url, (to, done) => request(to, { ...POST, headers }, done).end("x"));
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
    expectOneExchange(hooked);
  });
});
