/**
 * As happened-before.test.ts, over gRPC and WebSockets: four processes whose clocks disagree by up to
 * seconds ask each other at random, and vector clocks in the bodies say what happened before what.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleForNode } from "../../support/bundle-for-node.ts";
import type {
  MessengerPlan,
  MessengerPorts,
  MessengerReport,
} from "../../support/skewed-messenger.ts";
import type { Moment } from "../../support/skewed-peer.ts";

const SKEWS_MS = [0, 300, -200, 4_000] as const;
const CALLS_EACH = 60;
const seed = Number(process.env["RETROSCOPE_TEST_SEED"] ?? Math.floor(Math.random() * 1e9));

let folder = "";
let script = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-skew-"));
  symlinkSync(
    fileURLToPath(new URL("../../../node_modules", import.meta.url)),
    join(folder, "node_modules"),
  );
  const source = new URL("../../support/skewed-messenger.ts", import.meta.url);
  script = await bundleForNode(source, folder, "messenger");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe(`among processes with skewed clocks (seed ${seed})`, () => {
  it("every receive over gRPC and WebSockets names its send, and is later", async () => {
    const reports = await runTraffic("on");
    const sends = new Map<string, number>();
    const known: Record<string, string> = {};
    for (const { node, events, sent } of reports) {
      Object.assign(known, sent);
      for (const event of events) {
        if (event.kind === "send") sends.set(`${node}/1/${event.seq}`, event.t);
      }
    }
    const edges = { grpc: 0, ws: 0, http: 0 };
    let namedCount = 0;
    for (const { events, received } of reports) {
      for (const event of events) {
        if (event.kind !== "receive") continue;
        const sentT = sends.get(`${event.from?.node}/1/${event.from?.seq}`);
        expect(sentT).toBe(event.sentT);
        expect(event.t).toBeGreaterThan(sentT ?? Number.POSITIVE_INFINITY);
        expect(event.unverified).toBe(false);
        edges[event.channel as keyof typeof edges] += 1;
      }
      for (const [id, sender] of Object.entries(received)) {
        expect(sender, `message ${id}`).toBe(known[id]);
        namedCount += 1;
      }
    }
    expect(edges.grpc + edges.ws).toBeGreaterThanOrEqual(SKEWS_MS.length * CALLS_EACH * 2);
    expect(Math.min(edges.grpc, edges.ws)).toBeGreaterThan(100);
    expect(namedCount).toBe(edges.ws);
    expect(sends.size).toBe(edges.grpc + edges.ws + edges.http);

    const { pairCount, violationCount } = compare(reports.flatMap(({ moments }) => moments));
    expect(pairCount).toBeGreaterThan(10_000);
    expect(violationCount).toBe(0);
  }, 60_000);

  it("without hooks the same traffic does break the order, so the check can fail", async () => {
    const reports = await runTraffic("off");
    expect(compare(reports.flatMap(({ moments }) => moments)).violationCount).toBeGreaterThan(0);
  }, 60_000);
});

/** Of all pairs that the vector clocks order: how many there are, and how many the stamps contradict. */
function compare(moments: readonly Moment[]): { pairCount: number; violationCount: number } {
  let pairCount = 0;
  let violationCount = 0;
  for (const a of moments) {
    const own = a.vector[a.node] ?? 0;
    for (const b of moments) {
      // a happened before b exactly if b has seen a's own tick.
      if (a === b || (b.vector[a.node] ?? 0) < own || (a.node === b.node && a.t === b.t)) continue;
      pairCount += 1;
      if (a.t >= b.t) violationCount += 1;
    }
  }
  return { pairCount, violationCount };
}

async function runTraffic(hooks: "on" | "off"): Promise<readonly MessengerReport[]> {
  const children = SKEWS_MS.map((skewMs, i) =>
    fork(script, [String(i), String(SKEWS_MS.length), String(skewMs), hooks], { execArgv: [] }),
  );
  try {
    const peers = await Promise.all(
      children.map((child) => answer<MessengerPorts>(child, "ports")),
    );
    const plan: MessengerPlan = { peers, seed, callCount: CALLS_EACH };
    const done = children.map((child) => answer(child, "done"));
    for (const child of children) child.send(plan);
    await Promise.all(done);
    const reports = children.map((child) => answer<MessengerReport>(child, "report"));
    for (const child of children) child.send("stop");
    return await Promise.all(reports);
  } finally {
    for (const child of children) child.kill();
  }
}

/** The next message of a child that has `key`; rejects if the child fails or goes away. */
function answer<T>(child: ChildProcess, key: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Record<string, unknown>): void => {
      if ("failed" in message) reject(new Error(String(message["failed"])));
      if (key in message) {
        child.off("message", onMessage);
        resolve(message[key] as T);
      }
    };
    child.on("message", onMessage);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a peer exited with ${code}`)));
  });
}
