/**
 * The client: an open-loop stream of writes and reads from outside, without an agent. Open loop means
 * that requests leave at their times whether or not earlier ones were answered, so a slow store meets
 * the same load as a fast one.
 */
import { Agent as HttpAgent, request } from "node:http";

const gatewayPort = Number(process.env["EXAMPLE_GATEWAY_PORT"]);
const ratePerSecond = Number(process.env["EXAMPLE_RATE"] ?? 60);
const KEYS = "apples bananas cherries dates figs grapes kiwis lemons mangos pears".split(" ");
const MAX_OPEN = 500;
const connections = new HttpAgent({ keepAlive: true, maxSockets: 64 });
let open = 0;
let sent = 0;

function send(path: string, body: Record<string, unknown>): void {
  if (open >= MAX_OPEN) return;
  open += 1;
  const options = {
    host: "127.0.0.1",
    port: gatewayPort,
    path,
    method: "POST",
    agent: connections,
    timeout: 5_000,
  };
  const req = request(options, (res) => res.resume());
  req.on("timeout", () => req.destroy(new Error("no answer")));
  req.on("error", () => undefined); // "close" follows
  req.on("close", () => {
    open -= 1;
  });
  req.end(JSON.stringify({ envelope: null, body }));
}

const startMs = performance.now();
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startMs) / 1_000) * ratePerSecond);
  for (; sent < due; sent += 1) {
    // Low numbers are asked for more often, as in life.
    const key = KEYS[Math.floor(Math.random() ** 2 * KEYS.length)];
    if (sent % 2 === 0) send("/write", { key, value: sent });
    else send("/read", { key });
  }
}, 5);

process.once("SIGTERM", () => {
  clearInterval(timer);
  connections.destroy();
});
