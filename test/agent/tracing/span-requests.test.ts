import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import * as sdk1 from "@opentelemetry/sdk-trace-base-1";
import { afterEach, describe, expect, it } from "vitest";
import { RetroscopeSpanProcessor } from "../../../agent/otel.ts";
import { startTestAgent } from "../../../agent/testing.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe.each(["1.x", "2.x"])("requests made of spans, SDK %s", (line) => {
  function started(requests: boolean | "spans") {
    const test = startTestAgent({ requests });
    closers.push(() => test.close());
    const ours = new RetroscopeSpanProcessor();
    const provider =
      line === "1.x"
        ? new sdk1.BasicTracerProvider({ spanProcessors: [ours] })
        : new BasicTracerProvider({ spanProcessors: [ours] });
    return { test, tracer: provider.getTracer("test") };
  }

  it("are a server's spans, with the calls of clients below them, marked derived", async () => {
    const { test, tracer } = started("spans");
    const server = tracer.startSpan("GET /carts/:id", {
      kind: SpanKind.SERVER,
      attributes: { "http.request.method": "GET" },
    });
    const inServer = trace.setSpan(context.active(), server);
    const inner = tracer.startSpan("render", {}, inServer);
    const call = tracer.startSpan(
      "POST",
      {
        kind: SpanKind.CLIENT,
        attributes: { "http.request.method": "POST", "server.address": "stock", "server.port": 80 },
      },
      trace.setSpan(inServer, inner),
    );
    call.setStatus({ code: SpanStatusCode.ERROR });
    call.end();
    inner.end();
    const alone = tracer.startSpan("GET", { kind: SpanKind.CLIENT });
    alone.end();
    server.setAttribute("http.route", "/carts/:id");
    server.end();
    const requests = (await test.events()).filter(({ kind }) => kind === "request");
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      ...{ operation: "GET /carts/:id", outcome: "ok", derived: true },
      calls: [{ to: "stock:80", operation: "POST", outcome: "error" }],
    });
  });

  it("name other requests by what they are, and errors by the span's status", async () => {
    const { test, tracer } = started("spans");
    const rpc = { "rpc.service": "Shop", "rpc.method": "Buy" };
    tracer.startSpan("x", { kind: SpanKind.SERVER, attributes: rpc }).end();
    const job = tracer.startSpan("orders process", { kind: SpanKind.CONSUMER });
    job.setStatus({ code: SpanStatusCode.ERROR });
    job.end();
    const requests = (await test.events()).filter((event) => event.kind === "request");
    expect(requests.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ["rpc Shop/Buy", "ok"],
      ["span orders process", "error"],
    ]);
  });

  it("are none unless asked for", async () => {
    const { test, tracer } = started(true);
    tracer.startSpan("GET", { kind: SpanKind.SERVER }).end();
    expect((await test.events()).some(({ kind }) => kind === "request")).toBe(false);
  });
});
