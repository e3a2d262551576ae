/**
 * Gives spans their HLC, so that a trace and a cut can be laid side by side: `retroscope.hlc`, the
 * timestamp at the span's start (16 hex digits, text order is time order), and `retroscope.node`.
 *
 * A span is no event: the clock ticks, nothing is recorded, unless requests are made of spans (span-requests.ts). What was recorded before the span began is
 * earlier than its timestamp, what is recorded in it is later.
 */
import type { Context, Span } from "@opentelemetry/api";
import { formatHlc, type Hlc } from "../kernel/index.ts";
import type { SeenSpan, SpanRequests } from "./span-requests.ts";

export const HLC_ATTRIBUTE = "retroscope.hlc";
export const NODE_ATTRIBUTE = "retroscope.node";

/** What is needed of the agent. */
export interface SpanClock {
  readonly node: string;
  /** Whether it records; else spans stay as they are. */
  readonly isOn: boolean;
  /** Told of spans, where requests are made of them. */
  readonly spanRequests?: SpanRequests | undefined;
  now(): Hlc;
}

/** As `SpanProcessor` of sdk-trace-base, 1.x and 2.x, wants it. */
export class SpanStamper {
  readonly #clock: () => SpanClock;

  /** @param clock the agent's that runs now */
  constructor(clock: () => SpanClock) {
    this.#clock = clock;
  }

  /** Sets both attributes on a span that records. Never throws. */
  onStart(span: Span, _parentContext: Context): void {
    try {
      const clock = this.#clock();
      if (!clock.isOn) return;
      span.setAttribute(HLC_ATTRIBUTE, formatHlc(clock.now()));
      span.setAttribute(NODE_ATTRIBUTE, clock.node);
      clock.spanRequests?.started(span as unknown as SeenSpan);
    } catch {
      // A span without its timestamp is still a span.
    }
  }

  /** With `requests: "spans"` a request or a call ends. Never throws. */
  onEnd(span: unknown): void {
    try {
      this.#clock().spanRequests?.ended(span as SeenSpan);
    } catch {
      // The span is the host's, and goes on to its exporter.
    }
  }

  /** There is nothing to flush. */
  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
