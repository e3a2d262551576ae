/**
 * Times handled requests: one `request` event each, at its departure.
 *
 *     arrived  |---------------------- residence ----------------------|  departed, recorded
 *     calls         |---- to cart:80 ----|    |-- to stock:80 --|
 *     waits      |--|                      |--|                            for a connection, a lock
 *
 * Which request a call belongs to is known by `AsyncLocalStorage`, which costs more than all else here: before
 * Node 24 an owner is then noted for whatever waits. So it is on only while requests are timed, and rests in a
 * process that asks nobody: after `restAfter` requests in a row without a call, until one is seen. That call, and
 * others of requests that came before it, are in no record; in a wrong one there is never any.
 *
 * Durations come from a monotonic clock, never from the HLC, which others can push ahead.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { DownstreamCall, Hlc, RequestEvent, RequestWait } from "../kernel/index.ts";

export type RequestBody = Omit<RequestEvent, "seq" | "t">;
export type Outcome = "ok" | "error" | "aborted";

/** Calls kept of one request; later ones are not recorded. */
export const MAX_CALLS = 256;
/** Waits kept of one request; later ones are not recorded. */
export const MAX_WAITS = 256;
/** Where following callers is dear, it rests after so many requests that called nobody. */
export const REST_AFTER = 5_000;

const NONE: readonly never[] = Object.freeze([]);

/** A reading of the HLC, and how far it is ahead of the raw physical clock. */
export interface StampReading {
  readonly t: Hlc;
  readonly leadUs: number;
}

/** Who follows requests beside their records: load, latencies (load-recorder.ts). Must not throw. */
export interface RequestFollower {
  arrived(request: OpenRequest): void;
  /** All calls and waits have ended, or were cut at the departure. */
  departed(request: OpenRequest, body: RequestBody): void;
}

export interface RequestTimerOptions {
  /** Takes the finished request. */
  readonly record: (request: RequestBody) => void;
  /** A monotonic clock, in microseconds. */
  readonly nowUs: () => number;
  /** Requests in a row without a call after which following callers rests; infinite: never. */
  readonly restAfter: number;
  /** The HLC at an arrival; left out: records do not say. */
  readonly stamp?: () => StampReading;
  readonly follower?: RequestFollower;
}

/** A request that is being handled. */
export interface OpenRequest {
  readonly arrivedUs: number;
  readonly stamp: StampReading | undefined;
  readonly calls: OpenCall[];
  readonly waits: OpenWait[];
  /** What it is answered with, for whoever follows it. */
  readonly response: unknown;
  readonly isDerived: boolean;
  isOpen: boolean;
  /** The follower's: its place in the table of open requests; -1: none. */
  place: number;
  /** The follower's: up to here, from the arrival, its load was laid down; negative: not even its arrival. */
  settledUs: number;
}

/** A downstream call that a request made. Times in microseconds from the request's arrival. */
export interface OpenCall {
  readonly request: OpenRequest;
  readonly to: string;
  readonly operation: string | undefined;
  readonly sendSeq: number | undefined;
  readonly leadUs: number | undefined;
  readonly startUs: number;
  /** Negative: it has not come, or not ended. */
  firstByteUs: number;
  endUs: number;
  outcome: Outcome | undefined;
}

/** What is known of a call when it leaves. */
export interface CallStart {
  readonly operation?: string | undefined;
  readonly sendSeq?: number | undefined;
  readonly leadUs?: number | undefined;
}

/** A wait for a pool or a lock. Times in microseconds from the request's arrival. */
export interface OpenWait {
  readonly request: OpenRequest;
  readonly name: string;
  readonly kind: "pool" | "lock";
  readonly downstream: string | undefined;
  readonly startUs: number;
  /** Negative: it has not ended. */
  endUs: number;
}

export class RequestTimer {
  readonly #record: (request: RequestBody) => void;
  readonly #nowUs: () => number;
  readonly #restAfter: number;
  readonly #stamp: (() => StampReading) | undefined;
  readonly #follower: RequestFollower | undefined;
  /** Another one after each rest: what waits may hold an owner of before it. */
  #current = new AsyncLocalStorage<OpenRequest>();
  #isResting = false;
  /** Requests since one called. */
  #quietCount = 0;

  constructor({ record, nowUs, restAfter, stamp, follower }: RequestTimerOptions) {
    this.#record = record;
    this.#restAfter = restAfter;
    this.#nowUs = nowUs;
    this.#stamp = stamp;
    this.#follower = follower;
  }

  /**
   * A request came in: what runs from here on, and what that starts, belongs to it.
   * @param isDerived it is known from a span: whose code runs is not ours to say
   */
  arrived(response?: unknown, isDerived: boolean = false): OpenRequest {
    const request: OpenRequest = {
      arrivedUs: Math.floor(this.#nowUs()),
      stamp: this.#stamp?.(),
      calls: [],
      waits: [],
      response,
      isDerived,
      isOpen: true,
      place: -1,
      settledUs: -1,
    };
    if (!isDerived && !this.#isResting) {
      this.#quietCount += 1;
      if (this.#quietCount > this.#restAfter) this.#rest();
      else this.#current.enterWith(request);
    }
    this.#follower?.arrived(request);
    return request;
  }

  /**
   * It was answered, or given up. The first word counts.
   * @param operation of few: see operation-names.ts
   */
  departed(request: OpenRequest, operation: string, outcome: Outcome): void {
    if (!request.isOpen) return;
    request.isOpen = false;
    const { calls, waits, stamp } = request;
    const residenceUs = this.#sinceArrival(request);
    const body: RequestBody = {
      kind: "request",
      operation,
      residenceUs,
      outcome,
      calls: calls.length === 0 ? NONE : calls.map((call) => finishedCall(call, residenceUs)),
      waits: waits.length === 0 ? NONE : waits.map((wait) => finishedWait(wait, residenceUs)),
      ...(stamp === undefined ? undefined : { arrived: stamp.t, leadUs: stamp.leadUs }),
      ...(request.isDerived ? { derived: true as const } : undefined),
    };
    this.#record(body);
    this.#follower?.departed(request, body);
    if (calls.length > 0) calls.length = 0;
    if (waits.length > 0) waits.length = 0;
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
  callStarted(
    to: string,
    request: OpenRequest | undefined,
    start: CallStart = {},
  ): OpenCall | undefined {
    if (request === undefined || !request.isOpen || request.calls.length >= MAX_CALLS) {
      return undefined;
    }
    this.#quietCount = 0;
    const call: OpenCall = {
      request,
      to,
      operation: start.operation,
      sendSeq: start.sendSeq,
      leadUs: start.leadUs,
      startUs: this.#sinceArrival(request),
      firstByteUs: -1,
      endUs: -1,
      outcome: undefined,
    };
    request.calls.push(call);
    return call;
  }

  /** The reply begins; the first word counts. */
  callAnswered(call: OpenCall, outcome: Outcome): void {
    if (call.firstByteUs >= 0 || call.endUs >= 0) return;
    call.firstByteUs = this.#sinceArrival(call.request);
    call.outcome = outcome;
  }

  /**
   * All of the reply came, or there will be none. The first word counts.
   * @param outcome where it was not known from the reply's beginning, or did not stay so
   */
  callEnded(call: OpenCall, outcome?: Outcome): void {
    if (call.endUs >= 0) return;
    call.endUs = this.#sinceArrival(call.request);
    call.outcome = outcome ?? call.outcome;
  }

  /**
   * A request begins to wait; undefined: there is none, or it has waited too often.
   * @param sinceUs of the timer's clock; left out: now
   */
  waitStarted(
    wait: Pick<OpenWait, "name" | "kind" | "downstream">,
    request: OpenRequest | undefined,
    sinceUs?: number,
  ): OpenWait | undefined {
    if (request === undefined || !request.isOpen || request.waits.length >= MAX_WAITS) {
      return undefined;
    }
    this.#quietCount = 0;
    const startUs =
      sinceUs === undefined
        ? this.#sinceArrival(request)
        : Math.max(0, Math.floor(sinceUs) - request.arrivedUs);
    const open: OpenWait = { ...wait, request, startUs, endUs: -1 };
    request.waits.push(open);
    return open;
  }

  /** It has what it waited for, or gave up. The first word counts. */
  waitEnded(wait: OpenWait): void {
    if (wait.endUs < 0) wait.endUs = this.#sinceArrival(wait.request);
  }

  /** Ends the following of requests. */
  close(): void {
    this.#rest();
  }

  #sinceArrival(request: OpenRequest): number {
    return Math.max(0, Math.floor(this.#nowUs()) - request.arrivedUs);
  }

  #rest(): void {
    this.#isResting = true;
    this.#current.disable();
  }
}

/** A call that outlives the reply is background work from there on. */
function finishedCall(call: OpenCall, residenceUs: number): DownstreamCall {
  const { to, startUs, firstByteUs, operation, sendSeq, leadUs, outcome } = call;
  const end = call.endUs < 0 ? residenceUs : Math.min(call.endUs, residenceUs);
  return {
    to,
    startUs,
    us: Math.max(0, end - startUs),
    ...(operation === undefined ? undefined : { operation }),
    ...(sendSeq === undefined ? undefined : { sendSeq }),
    ...(leadUs === undefined ? undefined : { leadUs }),
    ...(firstByteUs < 0 ? undefined : { firstByteUs: Math.min(firstByteUs, residenceUs) }),
    ...(outcome === undefined ? undefined : { outcome }),
  };
}

function finishedWait(wait: OpenWait, residenceUs: number): RequestWait {
  const { name, kind, downstream, startUs } = wait;
  const end = wait.endUs < 0 ? residenceUs : Math.min(wait.endUs, residenceUs);
  const us = Math.max(0, end - startUs);
  return {
    to: name,
    startUs,
    us,
    kind,
    ...(downstream === undefined ? undefined : { downstream }),
  };
}
