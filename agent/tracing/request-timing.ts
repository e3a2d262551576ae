/** The door of this folder: request timing on this process's HTTP, from now until it is closed. */
import { performance } from "node:perf_hooks";
import { timeHttp } from "./http-timing.ts";
import { OperationNames } from "./operation-names.ts";
import { REST_AFTER, type RequestBody, RequestTimer } from "./request-timer.ts";

/** From here on `AsyncLocalStorage` costs next to nothing: V8 itself hands the owner on. */
const CHEAP_FROM_MAJOR = 24;

export interface RequestTimingOptions {
  /** Takes each finished request. Never throws. */
  readonly record: (request: RequestBody) => void;
  /** Takes what must not be recorded out of an operation's name. Asked once a name. */
  readonly treatName?: (operation: string) => string;
  /** For tests: see `RequestTimerOptions`. */
  readonly restAfter?: number;
  /** Takes errors of ours that were caught. Never throws. */
  readonly onError: (error: unknown) => void;
}

export class RequestTiming {
  readonly #timer: RequestTimer;
  readonly #end: () => void;

  constructor({ record, onError, treatName, restAfter }: RequestTimingOptions) {
    const isCheap = Number(process.versions.node.split(".")[0]) >= CHEAP_FROM_MAJOR;
    this.#timer = new RequestTimer({
      ...{ record, nowUs: () => performance.now() * 1_000 },
      restAfter: restAfter ?? (isCheap ? Number.POSITIVE_INFINITY : REST_AFTER),
    });
    this.#end = timeHttp(this.#timer, new OperationNames(treatName), onError);
  }

  /** May be called twice. */
  close(): void {
    this.#end();
    this.#timer.close();
  }
}
