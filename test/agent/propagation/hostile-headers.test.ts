/** Whatever stands in the header, the host answers as it would without hooks, and the clock stays honest. */
import { get } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { AGENT_NODE_ID, formatHlc, type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { CARRIER_HEADER, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;
afterEach(() => hooked.close());

/** hookUp's clock stands here. */
const PHYSICAL = 1_000 * TICKS_PER_MS;
const GATE_TICKS = 60_000 * TICKS_PER_MS;

const aByteText = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 60,
  })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
const aForgedStamp = fc
  .tuple(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.nat(), fc.integer({ min: 1 }))
  .map(
    ([t, epoch, seq]) =>
      `1-${formatHlc(t as Hlc)}-${epoch.toString(36)}.${seq.toString(36)}-forger`,
  );
const aNearMiss = fc
  .tuple(aForgedStamp, fc.nat(50), aByteText)
  .map(([text, at, insert]) => text.slice(0, at) + insert + text.slice(at + 1));
const aValue = fc.oneof(
  aByteText,
  aForgedStamp,
  aNearMiss,
  fc.array(aForgedStamp, { maxLength: 9 }).map((texts) => texts.join(",")),
  fc.integer({ min: 0, max: 20_000 }).map((length) => "1".repeat(length)),
);
const aName = fc.constantFrom(CARRIER_HEADER, "Retroscope-HLC", "RETROSCOPE-HLC");
const lines = fc
  .array(fc.tuple(aName, aValue), { minLength: 1, maxLength: 7 })
  .map((list) => list.map(([name, value]) => `${name}: ${value}\r\n`).join(""));

it("a server under forged and broken headers answers as it would without hooks", async () => {
  hooked = hookUp({ hooks: ["http-server"] });
  const url = await hooked.serve((_incoming, response) => response.end("ok"));
  const port = Number(new URL(url).port);
  const heads: string[] = [];
  const statuses: string[] = [];
  await fc.assert(
    fc.asyncProperty(lines, async (text) => {
      const head = `GET / HTTP/1.1\r\nHost: h\r\n${text}Connection: close\r\n\r\n`;
      heads.push(head);
      statuses.push(statusOf(await talk(port, head)));
    }),
    { numRuns: 300 },
  );
  expect(hooked.hooks.states()["http-server"]).toBe("active");
  expect(new Set(statuses)).toContain("200");

  const { receives, last, malformedCounts } = hooked.recorder;
  expect(receives.length).toBeGreaterThan(20);
  expect(malformedCounts.get("127.0.0.1")).toBeGreaterThan(20);
  expect(receives.some(({ unverified }) => unverified)).toBe(true);
  for (const { from } of receives) expect(from?.node).toMatch(AGENT_NODE_ID);
  // No forged stamp pushed the clock beyond the gate (and one tick for each event since).
  expect(last).toBeLessThanOrEqual(PHYSICAL + GATE_TICKS + hooked.recorder.events.length);

  hooked.hooks.close();
  for (const [i, head] of heads.entries()) {
    expect(statusOf(await talk(port, head)), JSON.stringify(head)).toBe(statuses[i]);
  }
}, 60_000);

it("clients under forged and broken replies see what they would see without hooks", async () => {
  hooked = hookUp({ hooks: ["http-client", "fetch"] });
  let head = "";
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(head));
  });
  const url = `http://127.0.0.1:${await listen(server)}/`;
  const heads: string[] = [];
  const seen: string[] = [];
  const ask = async (): Promise<string> => `${await viaHttp(url)} ${await viaFetch(url)}`;
  await fc.assert(
    fc.asyncProperty(lines, async (text) => {
      head = `HTTP/1.1 200 OK\r\n${text}Content-Length: 2\r\n\r\nok`;
      heads.push(head);
      seen.push(await ask());
    }),
    { numRuns: 150 },
  );
  expect(new Set(seen)).toContain("200 200");
  expect(hooked.hooks.states()).toMatchObject({ "http-client": "active", fetch: "active" });
  expect(hooked.recorder.receives.length).toBeGreaterThan(20);
  hooked.hooks.close();
  for (const [i, text] of heads.entries()) {
    head = text;
    expect(await ask(), JSON.stringify(text)).toBe(seen[i]);
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
}, 60_000);

it("a reply's own stamp is one that our reader takes", async () => {
  hooked = hookUp();
  const url = await hooked.serve((_incoming, response) => response.end("ok"));
  const text = await talk(
    Number(new URL(url).port),
    `GET / HTTP/1.1\r\nHost: h\r\n${CARRIER_HEADER}: 1-016f66e80c000000-1.1-p\r\nConnection: close\r\n\r\n`,
  );
  expect(parseCarrier(/retroscope-hlc: (\S+)/.exec(text)?.[1] ?? "")?.node).toBe("n1");
});

function statusOf(reply: string): string {
  return reply === "" ? "closed" : reply.slice(9, 12);
}

/** Writes a request's bytes and reads until the server closes. */
function talk(port: number, head: string): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(head, "latin1"));
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(received));
  });
}

function viaHttp(url: string): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = get(url, { agent: false }, (response) => {
      response.resume().on("close", () => resolve(String(response.statusCode)));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
  });
}

async function viaFetch(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    await response.text();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? error.message : "error";
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
