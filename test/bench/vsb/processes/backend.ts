/**
 * What `store` asks, without an agent: a database that nobody can look into. It answers at once, and while it is
 * told to be slow (slow-downstream) not until that is over.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { holdGate } from "./injectors.ts";
import type { Injected, Order } from "./messages.ts";
import { Gate } from "./slots.ts";

const gate = new Gate();

const server = createServer((_request, response) => {
  const answer = (): void => {
    response.setHeader("content-type", "application/json");
    response.end("{}");
  };
  if (gate.wait === undefined) answer();
  else void gate.wait.then(answer);
}).listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
server.keepAliveTimeout = 600_000;

process.on("message", (order: Order) => {
  if (order.do === "inject") void slow(order.id, order.durationMs);
});
process.on("disconnect", () => process.exit(0));

async function slow(id: number, durationMs: number): Promise<void> {
  const outcome = await holdGate(durationMs, gate);
  process.send?.({ injected: id, ...outcome } satisfies Injected);
}
