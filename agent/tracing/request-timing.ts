/** The door of this folder: request timing on this process's HTTP, from now until it is closed. */
import { performance } from "node:perf_hooks";
import { openOperationOf, timeHttp } from "./http-timing.ts";
import { OperationNames } from "./operation-names.ts";
import { timeWait, type WaitOptions, watchPool } from "./pool-waits.ts";
import {
  type CallStart,
  type OpenRequest,
  REST_AFTER,
  type RequestBody,
  type RequestFollower,
  RequestTimer,
  type StampReading,
} from "./request-timer.ts";
import { operationOfSpan, type SeenSpan, SpanRequests } from "./span-requests.ts";

/** From this Node on `AsyncLocalStorage` is kept by V8, and costs nothing worth a rest: it notes no owner on. */
const CHEAP_FROM_MAJOR = 24;

export interface RequestTimingOptions {
  /** Takes each finished request. Never throws. */
  readonly record: (request: RequestBody) => void;
  /** Takes what must not be recorded out of an operation's name. Asked once a name. */
  readonly treatName?: (operation: string) => string;
  /** Where requests are seen: Node's HTTP, or spans that are handed to `spans`. Default: HTTP. */
  readonly source?: "http" | "spans";
  /** For tests: see `RequestTimerOptions`. */
  readonly restAfter?: number;
  /** Monotonic microseconds. Default: `performance.now()`. */
  readonly nowUs?: () => number;
  /** The HLC at an arrival. */
  readonly stamp?: () => StampReading;
  /** The `send` event of an outgoing http or undici request. */
  readonly sendOf?: (request: object) => Pick<CallStart, "sendSeq" | "leadUs"> | undefined;
  /** Follows requests; it is given what tells their operations. */
  readonly follower?: (
    operationOf: (request: OpenRequest) => string | undefined,
  ) => RequestFollower;
  /** Takes errors of ours that were caught. Never throws. */
  readonly onError: (error: unknown) => void;
}

export class RequestTiming {
  /** To be told of spans, where requests are made of them. */
  readonly spans: SpanRequests | undefined;
  readonly #timer: RequestTimer;
  readonly #end: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #unwatch: (() => void)[] = [];
  #isOn = true;

  constructor(options: RequestTimingOptions) {
    const { record, onError, treatName, restAfter, stamp, sendOf, follower } = options;
    const isCheap = Number(process.versions.node.split(".")[0]) >= CHEAP_FROM_MAJOR;
    const nowUs = options.nowUs ?? (() => performance.now() * 1_000);
    const names = new OperationNames(treatName);
    this.#onError = onError;
    this.#timer = new RequestTimer({
      ...{ record, nowUs },
      restAfter: restAfter ?? (isCheap ? Number.POSITIVE_INFINITY : REST_AFTER),
      ...(stamp === undefined ? {} : { stamp }),
      ...(follower === undefined
        ? {}
        : {
            follower: follower(({ response, isDerived }) =>
              isDerived
                ? operationOfSpan(response as SeenSpan, names)
                : openOperationOf(response, names),
            ),
          }),
    });
    const timer = this.#timer;
    if (options.source === "spans") {
      const spans = new SpanRequests(timer, names, onError);
      this.spans = spans;
      this.#end = () => spans.close();
      return;
    }
    this.#end = timeHttp({
      ...{ timer, names, nowUs, onError },
      ...(sendOf === undefined ? {} : { sendOf }),
    });
  }

  /** Runs `work`, and times how long the request that it belongs to waits for it. What it throws is the caller's. */
  wait<T>(name: string, work: () => T, options: WaitOptions = {}): T {
    return this.#isOn ? timeWait(this.#timer, name, work, options, this.#onError) : work();
  }

  /** Times what is waited for a pool's connections, from now until `close`; false: it is no pool known here. */
  watchPool(name: string, pool: unknown, options: WaitOptions = {}): boolean {
    if (!this.#isOn) return false;
    const unwatch = watchPool(this.#timer, name, pool, options, this.#onError);
    if (unwatch === undefined) return false;
    this.#unwatch.push(unwatch);
    return true;
  }

  /** May be called twice. */
  close(): void {
    this.#isOn = false;
    this.#end();
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    this.#timer.close();
  }
}
