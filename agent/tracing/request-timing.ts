/** The door of this folder: request timing on this process's HTTP, from now until it is closed. */
import { performance } from "node:perf_hooks";
import { timeHttp } from "./http-timing.ts";
import { type RequestBody, RequestTimer } from "./request-timer.ts";

export interface RequestTimingOptions {
  /** Takes each finished request. Never throws. */
  readonly record: (request: RequestBody) => void;
  /** Takes errors of ours that were caught. Never throws. */
  readonly onError: (error: unknown) => void;
}

export class RequestTiming {
  readonly #timer: RequestTimer;
  readonly #end: () => void;

  constructor({ record, onError }: RequestTimingOptions) {
    this.#timer = new RequestTimer({ record, nowUs: () => performance.now() * 1_000 });
    this.#end = timeHttp(this.#timer, onError);
  }

  /** May be called twice. */
  close(): void {
    this.#end();
    this.#timer.close();
  }
}
