/**
 * A link between two tiers: a TCP proxy that can hold what passes through it.
 *
 *     node link.js '{"port":1234}'
 *
 *     net-delay     what comes while it lasts, either way, goes on when it is over
 *     net-drop      as TCP mends a loss: what comes while it lasts goes on 200 ms after it is over, the least
 *                   time after which Linux sends again
 *     stalled-read  it reads nothing more of the caller, whose bytes stay in the sockets' buffers
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Injected, Order } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";

const RESEND_MS = 200;

const { port } = JSON.parse(process.argv[2] ?? "{}") as { readonly port: number };
const callers = new Set<Socket>();
/** Set: what comes waits for it. */
let held: Array<() => void> | undefined;
let isReading = true;

const server = createServer((caller) => {
  const callee = connect(port, "127.0.0.1");
  callers.add(caller);
  for (const [from, to] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    from.setNoDelay(true);
    from.on("data", (bytes) => {
      if (held === undefined) to.write(bytes);
      else held.push(() => to.write(bytes));
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
  caller.on("close", () => callers.delete(caller));
  if (!isReading) caller.pause();
}).listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});

process.on("message", (order: Order) => {
  if (order.do === "inject") void inject(order.fault, order.durationMs, order.id);
});
process.on("disconnect", () => process.exit(0));

async function inject(fault: string, durationMs: number, id: number): Promise<void> {
  const startMs = monotonicMs();
  if (fault === "stalled-read") {
    isReading = false;
    for (const caller of callers) caller.pause();
    await sleep(durationMs);
    isReading = true;
    for (const caller of callers) caller.resume();
  } else {
    const mine: Array<() => void> = [];
    held = mine;
    await sleep(durationMs);
    if (fault === "net-drop") await sleep(RESEND_MS);
    held = undefined;
    for (const write of mine) write();
  }
  process.send?.({
    injected: id,
    ...{ startMs, endMs: monotonicMs(), detail: {} },
  } satisfies Injected);
}
