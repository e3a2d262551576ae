import { context, type Span } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import * as sdk1 from "@opentelemetry/sdk-trace-base-1";
import { afterEach, expect, it } from "vitest";
import { formatHlc } from "../../../agent/kernel/index.ts";
import { RetroscopeSpanProcessor } from "../../../agent/otel.ts";
import { startAgent } from "../../../agent/start.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function start() {
  const agent = startAgent({ service: "cart", node: "cart-1", hooks: "none", quiet: true });
  closers.push(() => agent.close());
  return agent;
}

it.each(["1.x", "2.x"])(
  "spans of an SDK %s have their HLC, between what was before and after",
  (line) => {
    const agent = start();
    // Both are typed as the SDK has them: a processor that does not fit does not compile.
    const ours = new RetroscopeSpanProcessor();
    const exporter = line === "1.x" ? new sdk1.InMemorySpanExporter() : new InMemorySpanExporter();
    const provider =
      line === "1.x"
        ? new sdk1.BasicTracerProvider({
            spanProcessors: [
              ours satisfies sdk1.SpanProcessor,
              new sdk1.SimpleSpanProcessor(exporter as sdk1.InMemorySpanExporter),
            ],
          })
        : new BasicTracerProvider({
            spanProcessors: [
              ours satisfies SpanProcessor,
              new SimpleSpanProcessor(exporter as InMemorySpanExporter),
            ],
          });
    const tracer = provider.getTracer("test");
    const before = agent.mark("before");
    const span = tracer.startSpan("work");
    const after = agent.mark("after");
    span.end();
    const attributes = exporter.getFinishedSpans()[0]?.attributes ?? {};
    expect(attributes["retroscope.node"]).toBe("cart-1");
    const hlc = String(attributes["retroscope.hlc"]);
    expect(hlc > formatHlc(before) && hlc < formatHlc(after)).toBe(true);
  },
);

it("without an agent, spans stay as they are", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new RetroscopeSpanProcessor(), new SimpleSpanProcessor(exporter)],
  });
  provider.getTracer("test").startSpan("work").end();
  await start().close();
  provider.getTracer("test").startSpan("work").end();
  expect(exporter.getFinishedSpans().map(({ attributes }) => attributes)).toEqual([{}, {}]);
});

it("a span that throws is the host's, and harms nobody", async () => {
  start();
  const processor = new RetroscopeSpanProcessor();
  const span = {
    setAttribute: () => {
      throw new Error("full");
    },
  } as unknown as Span;
  processor.onStart(span, context.active());
  processor.onStart(null as never, context.active());
  processor.onEnd(span);
  await Promise.all([processor.forceFlush(), processor.shutdown()]);
});
