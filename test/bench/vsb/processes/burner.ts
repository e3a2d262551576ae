/** Burns a processor when told to: one of several, for CPU contention. */
import type { Injected, Order } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";

process.on("message", (order: Order) => {
  if (order.do !== "inject") return;
  const startMs = monotonicMs();
  while (monotonicMs() - startMs < order.durationMs);
  process.send?.({
    injected: order.id,
    ...{ startMs, endMs: monotonicMs(), detail: {} },
  } satisfies Injected);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: 0 });
