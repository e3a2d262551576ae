/** Spans as JSON lines in a file, in place of a tracing back end. */
const { appendFileSync } = require("node:fs");
const { SpanKind } = require("@opentelemetry/api");

class FileExporter {
  #path;

  constructor(path) {
    this.#path = path;
  }

  export(spans, done) {
    const lines = spans.map((span) => {
      const { traceId, spanId } = span.spanContext();
      const parent = span.parentSpanContext?.spanId ?? null;
      const { name, kind } = span;
      return `${JSON.stringify({ traceId, spanId, parent, name, kind: SpanKind[kind] })}\n`;
    });
    appendFileSync(this.#path, lines.join(""));
    done({ code: 0 });
  }

  shutdown() {
    return Promise.resolve();
  }
}

module.exports = { FileExporter };
