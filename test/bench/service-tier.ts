/**
 * One tier of a three-tier shop, as a process of its own: `door` asks `stock` asks `store`. For the bench
 * `agent-service`, which starts it bare, with our agent, or with OpenTelemetry.
 *
 *     node service-tier.js ROLE VARIANT SINK_URL [NEXT_URL]
 *
 * Says its port by IPC, answers "cpu" with the CPU time it took so far (us), ends with the channel.
 * express and http are required after the instrumentation, in all variants alike.
 */
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Express, Request, Response } from "express";

const [role = "", variant = "", sink = "", next = ""] = process.argv.slice(2);
const require = createRequire(import.meta.url);

/** What the tier remembers of each cart or article: recorded where there is an agent. */
type Remember = (key: string, value: unknown) => void;

const remember = await instrument();
const express = require("express") as () => Express;
const http = require("node:http") as typeof import("node:http");
const connections = new http.Agent({ keepAlive: true, maxSockets: 64 });
const stored = new Map<string, number>();

const app = express();
if (role === "door") {
  app.get("/carts/:id", async (request: Request, response: Response) => {
    const id = String(request.params["id"]);
    const article = `a${Number(id) % 97}`;
    const stock = (await ask(`${next}/stock/${article}`)) as { left: number };
    remember(id, { article, left: stock.left, seen: true });
    response.json({ id, article, left: stock.left });
  });
} else if (role === "stock") {
  app.get("/stock/:article", async (request: Request, response: Response) => {
    const article = String(request.params["article"]);
    const row = (await ask(`${next}/rows/${article}`)) as { count: number };
    remember(article, row.count % 1_000);
    response.json({ article, left: row.count % 1_000 });
  });
} else {
  app.get("/rows/:article", (request: Request, response: Response) => {
    const article = String(request.params["article"]);
    const count = (stored.get(article) ?? 0) + 1;
    stored.set(article, count);
    remember(article, count);
    response.json({ article, count });
  });
}

const server = http.createServer(app).listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
// Longer than any other variant's turns: a connection must not be closed just as it is used again.
server.keepAliveTimeout = 600_000;
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system });
});
process.on("disconnect", () => process.exit(0));

function ask(url: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent: connections }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve(JSON.parse(text)));
      })
      .on("error", reject);
  });
}

async function instrument(): Promise<Remember> {
  const plain = new Map<string, unknown>();
  if (variant === "retroscope") {
    const { startAgent } = await import("retroscope");
    const agent = startAgent({
      ...{ service: role, node: `${role}-1`, collector: sink },
      ...{ requests: true, quiet: true },
    });
    const log = agent.log(role);
    return (key, value) => {
      plain.set(key, value);
      log.set(key, value);
    };
  }
  if (variant === "opentelemetry") {
    const { NodeSDK } = await import("@opentelemetry/sdk-node");
    const { HttpInstrumentation } = await import("@opentelemetry/instrumentation-http");
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
    const { BatchSpanProcessor } = await import("@opentelemetry/sdk-trace-base");
    const exporter = new OTLPTraceExporter({ url: `${sink}/v1/traces` });
    new NodeSDK({
      serviceName: role,
      instrumentations: [new HttpInstrumentation()],
      spanProcessors: [new BatchSpanProcessor(exporter)],
      metricReaders: [],
      logRecordProcessors: [],
    }).start();
  }
  return (key, value) => plain.set(key, value);
}
