/**
 * One service of the topology, with the real agent:
 *
 *     node tier.js '{"tier":"service","collector":"http://...","next":{"store":"http://..."},...}'
 *
 * Says its port over IPC, injects faults when told to (injectors.ts), and keeps a log of its own of the
 * requests that it handled, for the baselines and for the oracle of snapshots. It ends with the channel.
 *
 * express and http are required after the agent has started, as the preload would have it.
 */

import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Express, NextFunction, Request, Response } from "express";
import { startAgent } from "retroscope";
import {
  AnchoredClock,
  type Hlc,
  type PhysicalClock,
  TICKS_PER_MS,
} from "#dist/agent/kernel/index.js";
import { GrowingColumns, writeColumns } from "../columns-file.ts";
import type { Place, Tier } from "../faults.ts";
import { collectNow, injectInside } from "./injectors.ts";
import type { Injected, Order } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";
import { Gate, Slots } from "./slots.ts";
import { routesOf, type TierParts } from "./tier-routes.ts";

/** What a tier is told at its start. */
export interface TierOrders {
  readonly tier: Tier;
  readonly collector: string;
  /** Where the tiers behind it answer. */
  readonly next: Readonly<Partial<Record<Place, string>>>;
  /** How far ahead of the true clock its agent's is. */
  readonly skewMs: number;
  readonly busyUs: number;
  readonly directory: string;
}

const POOL_SIZE = 16;
/** As exporters read it. */
const LOOP_DELAY_MS = 10_000;

const orders = JSON.parse(process.argv[2] ?? "{}") as TierOrders;
const require = createRequire(import.meta.url);

/** The true clock, moved. */
class ShiftedClock implements PhysicalClock {
  readonly #true: PhysicalClock = new AnchoredClock();
  #shiftTicks = orders.skewMs * TICKS_PER_MS;

  step(byMs: number): void {
    this.#shiftTicks += byMs * TICKS_PER_MS;
  }

  now(): Hlc {
    return (this.#true.now() + this.#shiftTicks) as Hlc;
  }
}

const clock = new ShiftedClock();
const agent = startAgent({
  ...{ service: orders.tier, node: `${orders.tier}-1`, collector: orders.collector },
  ...{ requests: true, quiet: true, clock },
});
const express = require("express") as () => Express;
const http = require("node:http") as typeof import("node:http");

const handled = new GrowingColumns(3);
const progress = agent.log("progress");
const parts: TierParts = {
  ...{ ...orders, agent, gate: new Gate(), lock: new Slots(1), pool: new Slots(POOL_SIZE) },
  connections: new http.Agent({ keepAlive: true, maxSockets: 256 }),
  get: http.get,
};

const app = express();
// Digests of answers and advertisements are of no use to anybody here.
app.disable("etag");
app.disable("x-powered-by");
app.use((_request, response, next) => {
  const arrivedMs = monotonicMs();
  response.once("finish", () => {
    // The stamp of the change is what the oracle of snapshots goes by.
    const t = progress.set("handled", handled.rows + 1);
    handled.push(arrivedMs, monotonicMs(), t);
  });
  const { wait } = parts.gate;
  if (wait === undefined) next();
  else void wait.then(() => next());
});
await routesOf(orders.tier, app, parts);
// A request that failed is answered, not printed: under a fault there are many. Express knows it by its four arguments.
app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
  if (!response.headersSent) response.status(500);
  response.end();
});

const delays: Array<{ fromMs: number; toMs: number; p99Ms: number; maxMs: number }> = [];
const histogram = monitorEventLoopDelay({ resolution: 10 });
histogram.enable();
let delaysFromMs = monotonicMs();
setInterval(() => {
  const toMs = monotonicMs();
  const [p99Ms, maxMs] = [histogram.percentile(99) / 1e6, histogram.max / 1e6];
  delays.push({ fromMs: delaysFromMs, toMs, p99Ms, maxMs });
  delaysFromMs = toMs;
  histogram.reset();
}, LOOP_DELAY_MS).unref();

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit(0));
const server = http.createServer(app).listen(0, "127.0.0.1", () => {
  collectNow(); // compiled and paid for before anybody is timed
  process.send?.({ port: (server.address() as AddressInfo).port });
});
server.keepAliveTimeout = 600_000;

async function obey(order: Order): Promise<void> {
  if (order.do === "inject") {
    const outcome = await injectInside(order.fault, order.durationMs, {
      ...{ gate: parts.gate, pool: parts.pool, lock: parts.lock, directory: orders.directory },
      stepClock: (byMs) => clock.step(byMs),
    });
    process.send?.({ injected: order.id, ...outcome } satisfies Injected);
  } else if (order.do === "dump") {
    writeColumns(order.file, handled.all());
    process.send?.({ dumped: true, extra: { delays, v8StartMs: v8StartMs() } });
  }
}

/** When V8's own count of ms began, which its trace of collections goes by: to within some ms. */
function v8StartMs(): number {
  const nowMs = monotonicMs() - performance.now();
  return nowMs + performance.nodeTiming.v8Start;
}
