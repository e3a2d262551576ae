/**
 * Times handled requests: one `request` event each, at its departure.
 *
 *     arrived  |---------------------- residence ----------------------|  departed, recorded
 *     calls         |---- to cart:80 ----|    |-- to stock:80 --|
 *
 * Which request a call belongs to is known by `AsyncLocalStorage`: the one thing here that costs more than
 * its own work, so it is on only while requests are timed. Durations come from a monotonic clock, never
 * from the HLC, which others can push ahead.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { DownstreamCall, RequestEvent } from "../kernel/index.ts";

export type RequestBody = Omit<RequestEvent, "seq" | "t">;

/** Calls kept of one request; later ones are not recorded. */
export const MAX_CALLS = 256;
/** Operations told apart per node; all others are `other`. */
export const MAX_OPERATIONS = 64;
const OTHER = "other";

export interface RequestTimerOptions {
  /** Takes the finished request. */
  readonly record: (request: RequestBody) => void;
  /** A monotonic clock, in microseconds. */
  readonly nowUs: () => number;
}

/** A request that is being handled. */
export interface OpenRequest {
  readonly arrivedUs: number;
  readonly calls: OpenCall[];
  isOpen: boolean;
}

/** A downstream call that a request made. Times in microseconds from the request's arrival. */
export interface OpenCall {
  readonly request: OpenRequest;
  readonly to: string;
  readonly startUs: number;
  /** Negative: it has not ended. */
  endUs: number;
}

export class RequestTimer {
  readonly #record: (request: RequestBody) => void;
  readonly #nowUs: () => number;
  readonly #current = new AsyncLocalStorage<OpenRequest>();
  readonly #operations = new Set<string>();

  constructor({ record, nowUs }: RequestTimerOptions) {
    this.#record = record;
    this.#nowUs = nowUs;
  }

  /** A request came in: what runs from here on, and what that starts, belongs to it. */
  arrived(): OpenRequest {
    const request: OpenRequest = { arrivedUs: this.#nowUs(), calls: [], isOpen: true };
    this.#current.enterWith(request);
    return request;
  }

  /**
   * It was answered, or given up. The first word counts.
   * @param operation a pattern such as `GET /carts/:id`, never a raw address: few differ
   */
  departed(request: OpenRequest, operation: string, outcome: "ok" | "error" | "aborted"): void {
    if (!request.isOpen) return;
    request.isOpen = false;
    const residenceUs = this.#sinceArrival(request);
    this.#record({
      kind: "request",
      operation: this.#known(operation),
      residenceUs,
      outcome,
      calls: request.calls.map((call) => finished(call, residenceUs)),
      waits: [],
    });
    request.calls.length = 0;
  }

  /** The request on whose behalf the code runs; undefined: there is none. */
  get current(): OpenRequest | undefined {
    return this.#current.getStore();
  }

  /**
   * A request calls somebody; undefined: there is none, or it has called too often.
   * @param request on whose behalf, where that is not the code that runs now
   */
  callStarted(
    to: string,
    request: OpenRequest | undefined = this.#current.getStore(),
  ): OpenCall | undefined {
    if (request === undefined || !request.isOpen || request.calls.length >= MAX_CALLS) {
      return undefined;
    }
    const call: OpenCall = { request, to, startUs: this.#sinceArrival(request), endUs: -1 };
    request.calls.push(call);
    return call;
  }

  /** All of the reply came, or there will be none. The first word counts. */
  callEnded(call: OpenCall): void {
    if (call.endUs < 0) call.endUs = this.#sinceArrival(call.request);
  }

  /** Ends the following of requests. */
  close(): void {
    this.#current.disable();
  }

  #sinceArrival(request: OpenRequest): number {
    return Math.max(0, Math.round(this.#nowUs() - request.arrivedUs));
  }

  #known(operation: string): string {
    if (this.#operations.has(operation)) return operation;
    if (this.#operations.size >= MAX_OPERATIONS) return OTHER;
    this.#operations.add(operation);
    return operation;
  }
}

/** A call that outlives the reply is background work from there on. */
function finished({ to, startUs, endUs }: OpenCall, residenceUs: number): DownstreamCall {
  const end = endUs < 0 ? residenceUs : Math.min(endUs, residenceUs);
  return { to, startUs, us: Math.max(0, end - startUs) };
}
