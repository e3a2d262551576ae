/** The hook of ws itself: closing, giving up, callbacks, and packages that the watch does not see. */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import * as ws from "ws";
import { WebSocket } from "ws";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";
import { expectAllJoined, messages, WsExchange } from "../../support/ws-exchange.ts";

let hooked: HookedProcess;

const exchange = new WsExchange();

afterEach(async () => {
  await exchange.close();
  await hooked.close();
});

const kinds = (): readonly string[] => hooked.recorder.events.map(({ kind }) => kind);

it("after close sockets go on as if the hook had never been, open ones too", async () => {
  hooked = hookUp();
  const { client, server } = await exchange.pair();
  hooked.hooks.close();
  expect("_req" in WebSocket.prototype).toBe(false);
  expect(Object.hasOwn(WebSocket.prototype, "emit")).toBe(false);
  const before = kinds().length;
  const answers = messages(client, 2);
  server.on("message", (data) => server.send(String(data)));
  client.send("a");
  client.send("b");
  expect(await answers).toEqual(["a", "b"]);
  const fresh = await exchange.pair();
  fresh.client.send("c");
  await once(fresh.server, "message");
  expect(kinds()).toHaveLength(before);
});

it("five own errors turn the hook off, and no message is hurt", async () => {
  const reports: string[] = [];
  hooked = hookUp({ onReport: (hook, state) => reports.push(`${hook} ${state}`) });
  const { client, server } = await exchange.pair();
  hooked.recorder.send = () => {
    throw new Error("planted");
  };
  const arrived = messages(server, 6);
  for (let i = 0; i < 6; i += 1) client.send(String(i));
  expect(await arrived).toEqual(["0", "1", "2", "3", "4", "5"]);
  expect(reports).toEqual(["ws off"]);
  // The other side may not know, and goes on stamping: its stamps are still not the host's business.
  const pongs: string[] = [];
  server.on("pong", (data) => pongs.push(String(data)));
  client.pong("retroscope-hlc:1-01a1fed6007b0a70-k52.5f2-cart");
  client.pong("the host's");
  await once(server, "pong");
  expect(pongs).toEqual(["the host's"]);
});

it("calls the callback of a send with what ws would", async () => {
  hooked = hookUp();
  const { client } = await exchange.pair();
  const told = (send: (done: (...args: unknown[]) => void) => void) =>
    new Promise<readonly unknown[]>((resolve) =>
      send(function (this: unknown, ...args) {
        resolve([typeof this, ...args]);
      }),
    );
  const stamped = await told((done) => client.send("x", done));
  hooked.hooks.close();
  expect(stamped).toEqual(await told((done) => client.send("x", done)));
});

it("is given by hand where the watch does not see the package, as namespace or class", async () => {
  hooked = hookUp({ hooks: ["ws"] });
  // The watch came first here: what is patched stays so, and once.
  const { send } = WebSocket.prototype;
  expect(hooked.hooks.instrument("ws", ws)).toBe(true);
  expect(hooked.hooks.instrument("ws", WebSocket)).toBe(true);
  expect(WebSocket.prototype.send).toBe(send);
  const { client, server } = await exchange.pair();
  client.send("x");
  await once(server, "message");
  expectAllJoined(hooked, 1);
  expect(hooked.hooks.instrument("ws", { WebSocket: class {} })).toBe(false);
  expect(hooked.hooks.states().ws).toBe("degraded");
  expect(hooked.hooks.reasons().ws).toContain("no WebSocket is in it");
  client.send("y"); // what stands goes on
  await once(server, "message");
  expectAllJoined(hooked, 2);
  await delay(0);
});
