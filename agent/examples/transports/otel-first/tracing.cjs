/** As tracing.mjs, for CommonJS: `node --require ./tracing.cjs`. */
const {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} = require("@opentelemetry/core");
const { ExpressInstrumentation } = require("@opentelemetry/instrumentation-express");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { FileExporter } = require("./file-exporter.cjs");

let textMapPropagator;
if (process.env.PROPAGATOR === "composed") {
  const { withRetroscope } = require("retroscope/otel");
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
