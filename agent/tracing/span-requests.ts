/**
 * Requests made of OpenTelemetry's spans, where a service has them already: the same records, load and latencies,
 * marked `derived`. A server's or consumer's span is a request; spans of clients and producers below it, however deep,
 * are its calls.
 *
 *     SERVER    GET /cart    |-------------------------|      request
 *     INTERNAL   render            |--------------|
 *     CLIENT      GET              |----|                     call
 *
 * Spans that are not sampled never come here: of a service that samples one in ten, load is a tenth. When a reply
 * began no span says. Times are those at which the processor is told, by our clock: a span that is begun with a time
 * of its own, or ended with one, is taken as it comes.
 */
import type { OperationNames } from "./operation-names.ts";
import type { OpenCall, OpenRequest, Outcome, RequestTimer } from "./request-timer.ts";

/** A span, as SDKs 1.x and 2.x have it: what is looked at. */
export interface SeenSpan {
  readonly kind?: unknown;
  readonly name?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly code?: unknown };
  /** SDK 1.x */
  readonly parentSpanId?: unknown;
  /** SDK 2.x */
  readonly parentSpanContext?: { readonly spanId?: unknown };
  spanContext(): { readonly spanId: string };
}

/** Spans followed at once; further ones are not, nor what is below them. */
export const MAX_SPANS = 16_384;
const SpanKind = { server: 1, client: 2, producer: 3, consumer: 4 } as const;
const ERROR_STATUS = 2;

interface FollowedSpan {
  readonly request: OpenRequest;
  readonly call: OpenCall | undefined;
  readonly isRequest: boolean;
}

export class SpanRequests {
  readonly #timer: RequestTimer;
  readonly #names: OperationNames;
  readonly #onError: (error: unknown) => void;
  readonly #followed = new Map<string, FollowedSpan>();
  #isOpen = true;

  /** @param onError takes what went wrong here */
  constructor(timer: RequestTimer, names: OperationNames, onError: (error: unknown) => void) {
    this.#timer = timer;
    this.#names = names;
    this.#onError = onError;
  }

  /** A span began. Never throws. */
  started(span: SeenSpan): void {
    if (!this.#isOpen || this.#followed.size >= MAX_SPANS) return;
    try {
      const { spanId } = span.spanContext();
      if (span.kind === SpanKind.server || span.kind === SpanKind.consumer) {
        const request = this.#timer.arrived(span, true);
        this.#followed.set(spanId, { request, call: undefined, isRequest: true });
        return;
      }
      const parent = this.#followed.get(
        String(span.parentSpanContext?.spanId ?? span.parentSpanId),
      );
      if (parent === undefined) return;
      const { request } = parent;
      const isCall = span.kind === SpanKind.client || span.kind === SpanKind.producer;
      const operation = methodOf(span);
      const call = isCall
        ? this.#timer.callStarted(peerOf(span), request, { operation })
        : undefined;
      this.#followed.set(spanId, { request, call, isRequest: false });
    } catch (error) {
      this.#onError(error);
    }
  }

  /** It ended. Never throws. */
  ended(span: SeenSpan): void {
    if (!this.#isOpen) return;
    try {
      const { spanId } = span.spanContext();
      const followed = this.#followed.get(spanId);
      if (followed === undefined) return;
      this.#followed.delete(spanId);
      const { request, call, isRequest } = followed;
      if (call !== undefined) this.#timer.callEnded(call, outcomeOf(span));
      if (isRequest) {
        this.#timer.departed(request, operationOfSpan(span, this.#names), outcomeOf(span));
      }
    } catch (error) {
      this.#onError(error);
    }
  }

  /** May be called twice. */
  close(): void {
    this.#isOpen = false;
    this.#followed.clear();
  }
}

/** Method and route of HTTP, service and method of RPC, else the span's name; never an address. */
export function operationOfSpan(span: SeenSpan, names: OperationNames): string {
  const route = textOf(span, "http.route");
  const method = methodOf(span);
  if (method !== undefined) return names.nameOf(method, route, false);
  const rpc = textOf(span, "rpc.method");
  if (rpc !== undefined) {
    return names.nameOf("rpc", `${textOf(span, "rpc.service") ?? "*"}/${rpc}`, false);
  }
  return names.nameOf("span", typeof span.name === "string" ? span.name : undefined, false);
}

function methodOf(span: SeenSpan): string | undefined {
  return textOf(span, "http.request.method") ?? textOf(span, "http.method");
}

/** Old names of attributes beside the new ones. */
function peerOf(span: SeenSpan): string {
  const host =
    textOf(span, "server.address") ??
    textOf(span, "net.peer.name") ??
    textOf(span, "messaging.destination.name") ??
    textOf(span, "rpc.service") ??
    textOf(span, "db.system.name") ??
    textOf(span, "db.system") ??
    "unknown";
  const port = span.attributes?.["server.port"] ?? span.attributes?.["net.peer.port"];
  return typeof port === "number" ? `${host}:${port}` : host;
}

function outcomeOf(span: SeenSpan): Outcome {
  const status =
    span.attributes?.["http.response.status_code"] ?? span.attributes?.["http.status_code"];
  const isError = span.status?.code === ERROR_STATUS || Number(status) >= 500;
  return isError ? "error" : "ok";
}

function textOf(span: SeenSpan, attribute: string): string | undefined {
  const value = span.attributes?.[attribute];
  return typeof value === "string" && value !== "" ? value : undefined;
}
