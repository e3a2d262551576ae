/**
 * The load: requests at the times of a list (arrivals.ts), whether earlier ones were answered or not, in a
 * process of its own.
 *
 *     node load.js '{"url":"http://...","seed":7,"rates":[...],"totalMs":...}'
 *
 * A timer sleeps until the next request is due and then sends all that are. Latency counts from when a request
 * was meant to start, so what this process or a stalled connection holds back is in it.
 */
import { Agent, get } from "node:http";
import { arrivalsOf, type RateStep, ROUTES } from "../arrivals.ts";
import { writeColumns } from "../columns-file.ts";
import type { Order } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";

export interface LoadOrders {
  readonly url: string;
  readonly seed: number;
  readonly rates: readonly RateStep[];
  readonly totalMs: number;
}

/** Requests under way; more are not sent, and count as unanswered. */
const MAX_OPEN = 2_000;
/** After so long a request is given up. */
const ANSWER_MS = 20_000;

const orders = JSON.parse(process.argv[2] ?? "{}") as LoadOrders;
const { atMs, route } = arrivalsOf(orders.seed, orders.rates, orders.totalMs);
const connections = new Agent({ keepAlive: true, maxSockets: MAX_OPEN });
const sent = new Float64Array(atMs.length).fill(Number.NaN);
const done = new Float64Array(atMs.length).fill(Number.NaN);
const ok = new Float64Array(atMs.length);
let originMs = 0;
let next = 0;
let open = 0;

process.on("message", (order: Order) => {
  if (order.do === "begin") {
    originMs = order.originMs;
    sendDue();
  } else if (order.do === "dump") {
    writeColumns(order.file, [
      ...[atMs.map((at) => at + originMs), sent, done, ok],
      Float64Array.from(route),
    ]);
    process.send?.({ dumped: true, extra: { count: atMs.length, open } });
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: 0 });

function sendDue(): void {
  const now = monotonicMs() - originMs;
  while (next < atMs.length && (atMs[next] as number) <= now) {
    ask(next);
    next += 1;
  }
  if (next < atMs.length) setTimeout(sendDue, Math.max(1, (atMs[next] as number) - now));
}

function ask(index: number): void {
  if (open >= MAX_OPEN) return;
  open += 1;
  let isOver = false;
  const end = (isOk: boolean): void => {
    if (isOver) return;
    isOver = true;
    open -= 1;
    done[index] = monotonicMs();
    ok[index] = isOk ? 1 : 0;
  };
  const path = ROUTES[route[index] as number]?.[0] ?? "/";
  sent[index] = monotonicMs();
  const request = get(
    `${orders.url}${path}/${index % 1_000}`,
    { agent: connections },
    (response) => {
      response.on("end", () => end(response.statusCode === 200)).resume();
      response.on("error", () => end(false));
    },
  );
  request.setTimeout(ANSWER_MS, () => request.destroy(new Error("no answer")));
  request.on("error", () => end(false));
}
