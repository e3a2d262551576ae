/**
 * Times handled requests: one `request` event each, at its departure.
 *
 *     arrived  |---------------------- residence ----------------------|  departed, recorded
 *     calls         |---- to cart:80 ----|    |-- to stock:80 --|
 *
 * Which request a call belongs to is known by `AsyncLocalStorage`, which costs more than all else here: before
 * Node 24 an owner is then noted for whatever waits. So it is on only while requests are timed, and rests in a
 * process that asks nobody: after `restAfter` requests in a row without a call, until one is seen. That call, and
 * others of requests that came before it, are in no record; in a wrong one there is never any.
 *
 * Durations come from a monotonic clock, never from the HLC, which others can push ahead.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { DownstreamCall, RequestEvent } from "../kernel/index.ts";

export type RequestBody = Omit<RequestEvent, "seq" | "t">;

/** Calls kept of one request; later ones are not recorded. */
export const MAX_CALLS = 256;
/** Where following callers is dear, it rests after so many requests that called nobody. */
export const REST_AFTER = 5_000;

const NONE: readonly DownstreamCall[] = Object.freeze([]);

export interface RequestTimerOptions {
  /** Takes the finished request. */
  readonly record: (request: RequestBody) => void;
  /** A monotonic clock, in microseconds. */
  readonly nowUs: () => number;
  /** Requests in a row without a call after which following callers rests; infinite: never. */
  readonly restAfter: number;
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
  readonly #restAfter: number;
  /** Another one after each rest: what waits may hold an owner of before it. */
  #current = new AsyncLocalStorage<OpenRequest>();
  #isResting = false;
  /** Requests since one called. */
  #quietCount = 0;

  constructor({ record, nowUs, restAfter }: RequestTimerOptions) {
    this.#record = record;
    this.#restAfter = restAfter;
    this.#nowUs = nowUs;
  }

  /** A request came in: what runs from here on, and what that starts, belongs to it. */
  arrived(): OpenRequest {
    const request: OpenRequest = { arrivedUs: this.#nowUs(), calls: [], isOpen: true };
    if (!this.#isResting) {
      this.#quietCount += 1;
      if (this.#quietCount > this.#restAfter) this.#rest();
      else this.#current.enterWith(request);
    }
    return request;
  }

  /**
   * It was answered, or given up. The first word counts.
   * @param operation of few: see operation-names.ts
   */
  departed(request: OpenRequest, operation: string, outcome: "ok" | "error" | "aborted"): void {
    if (!request.isOpen) return;
    request.isOpen = false;
    const residenceUs = this.#sinceArrival(request);
    this.#record({
      kind: "request",
      operation,
      residenceUs,
      outcome,
      calls:
        request.calls.length === 0
          ? NONE
          : request.calls.map((call) => finished(call, residenceUs)),
      waits: NONE,
    });
    if (request.calls.length > 0) request.calls.length = 0;
  }

  /** For a call: the request on whose behalf the code runs; undefined: there is none, or it is not known. */
  caller(): OpenRequest | undefined {
    if (!this.#isResting) return this.#current.getStore();
    this.#isResting = false;
    this.#quietCount = 0;
    this.#current = new AsyncLocalStorage();
    return undefined;
  }

  /**
   * A request calls somebody; undefined: there is none, or it has called too often.
   * @param request on whose behalf: `caller()`, unless that was asked before
   */
  callStarted(to: string, request: OpenRequest | undefined): OpenCall | undefined {
    if (request === undefined || !request.isOpen || request.calls.length >= MAX_CALLS) {
      return undefined;
    }
    this.#quietCount = 0;
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
    this.#rest();
  }

  #sinceArrival(request: OpenRequest): number {
    return Math.max(0, Math.round(this.#nowUs() - request.arrivedUs));
  }

  #rest(): void {
    this.#isResting = true;
    this.#current.disable();
  }
}

/** A call that outlives the reply is background work from there on. */
function finished({ to, startUs, endUs }: OpenCall, residenceUs: number): DownstreamCall {
  const end = endUs < 0 ? residenceUs : Math.min(endUs, residenceUs);
  return { to, startUs, us: Math.max(0, end - startUs) };
}
