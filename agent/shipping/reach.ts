/**
 * How the way to the collector is: when the next attempt may be, and what is wrong, in words. Failures
 * come here one by one; what to do about a batch is decided in answers.ts.
 */
import { BackOff } from "./back-off.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TransportReply } from "./transport.ts";

const UNAUTHORIZED_MS = 60_000;

export class Reach {
  readonly #scheduler: Scheduler;
  readonly #backOff: BackOff;
  #notBeforeMs = 0;
  #retryAsked = false;
  #failureCount = 0;
  #problem: string | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#backOff = new BackOff(scheduler);
  }

  /** Failed requests since the start. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** Whether the latest request got through. */
  get isAnswering(): boolean {
    return this.#backOff.failureCount === 0;
  }

  /** Why shipping does not go well now; undefined: it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether a request may be sent now. */
  get isFree(): boolean {
    return this.#scheduler.nowMs() >= this.#notBeforeMs;
  }

  /** One attempt now, whatever the last failure, unless the collector asked us to wait. */
  tryNow(): void {
    if (!this.#retryAsked) this.#notBeforeMs = 0;
  }

  succeeded(): void {
    this.#backOff.succeeded();
    this.#problem = undefined;
    this.#notBeforeMs = 0;
    this.#retryAsked = false;
  }

  /** The collector is there, and refused a batch for good. */
  refusedBatch(status: number, message: string): void {
    this.#problem = `the collector refused a batch (${status}: ${message})`;
  }

  failed(reply: Exclude<TransportReply, { readonly kind: "acked" }>): void {
    this.#failureCount += 1;
    const isUnauthorized = reply.kind === "unauthorized";
    const retryAfterMs = reply.kind === "failed" ? reply.retryAfterMs : null;
    this.#problem = isUnauthorized
      ? `the collector refuses our token (${reply.status})`
      : `the collector does not take batches: ${reply.kind === "failed" ? reply.message : reply.kind}`;
    this.#retryAsked = isUnauthorized || retryAfterMs !== null;
    const waitMs = this.#backOff.failedMs(retryAfterMs);
    this.#notBeforeMs = this.#scheduler.nowMs() + (isUnauthorized ? UNAUTHORIZED_MS : waitMs);
  }
}
