/**
 * A service's own OpenTelemetry, as its documentation has it for ES modules: `node --import ./tracing.mjs`.
 * Here it comes first, and the agent second. With PROPAGATOR=composed it gives the SDK the one line that
 * lets the clock ride on what OpenTelemetry carries; without, the agent finds itself shadowed, and its
 * own hooks carry HTTP all the same.
 */
import { register } from "node:module";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { FileExporter } from "./file-exporter.cjs";

register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);

let textMapPropagator;
if (process.env.PROPAGATOR === "composed") {
  const { withRetroscope } = await import("retroscope/otel");
  textMapPropagator = withRetroscope(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  );
}

new NodeSDK({
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
  spanProcessors: [new SimpleSpanProcessor(new FileExporter(process.env.SPANS_FILE))],
  logRecordProcessors: [],
  metricReaders: [],
  autoDetectResources: false,
  ...(textMapPropagator === undefined ? {} : { textMapPropagator }),
}).start();
