/**
 * How the way to the collector is: when the next attempt may be, and what is wrong, in words. Failures
 * come here one by one; what to do about a batch is decided in answers.ts.
 *
 * A person is told once when the collector cannot be reached, and once when it can again. One failure
 * alone is not told: a kept connection that the other side closed looks the same.
 */
import { BackOff } from "./back-off.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TransportReply } from "./transport.ts";

/** About once a minute, and not all agents of a site at once. */
const UNAUTHORIZED_MS = 60_000;
const UNAUTHORIZED_JITTER = 0.25;
/**
 * Failures in a row that are told; and refusals of our token that are believed: one alone, with no other
 * before it, may answer a request that was damaged on its way.
 */
const TOLD_FAILURES = 2;

/** Says a line of one kind to a person; false: it was not said, for want of news. */
export type Say = (kind: string, message: string) => boolean;

export class Reach {
  readonly #scheduler: Scheduler;
  readonly #backOff: BackOff;
  #notBeforeMs = 0;
  #retryAsked = false;
  #unauthorizedCount = 0;
  #failureCount = 0;
  #problem: string | undefined;
  readonly #target: string;
  readonly #say: Say;
  /** Whether a person was told of this outage, and so wants to know of its end. */
  #isTold = false;

  constructor(scheduler: Scheduler, target: string, say: Say) {
    this.#scheduler = scheduler;
    this.#target = target;
    this.#say = say;
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
    if (this.#isTold) {
      const seconds = Math.max(1, Math.round(this.#backOff.outageMs / 1_000));
      this.#say("reached", `the collector ${this.#target} takes batches again, after ${seconds} s`);
      this.#isTold = false;
    }
    this.#backOff.succeeded();
    this.#problem = undefined;
    this.#notBeforeMs = 0;
    this.#retryAsked = false;
    this.#unauthorizedCount = 0;
  }

  /** The collector is there, and refused a batch for good. */
  refusedBatch(status: number, message: string): void {
    this.#problem = `the collector refused a batch (${status}: ${message})`;
  }

  failed(reply: Exclude<TransportReply, { readonly kind: "acked" }>): void {
    this.#failureCount += 1;
    this.#unauthorizedCount = reply.kind === "unauthorized" ? this.#unauthorizedCount + 1 : 0;
    const isUnauthorized = this.#unauthorizedCount >= TOLD_FAILURES;
    const retryAfterMs = reply.kind === "failed" ? reply.retryAfterMs : null;
    this.#problem =
      reply.kind === "unauthorized"
        ? `the collector refuses our token (${reply.status})`
        : `the collector does not take batches: ${reply.kind === "failed" ? reply.message : reply.kind}`;
    this.#retryAsked = isUnauthorized || retryAfterMs !== null;
    const waitMs = this.#backOff.failedMs(retryAfterMs);
    this.#notBeforeMs =
      this.#scheduler.nowMs() + (isUnauthorized ? this.#unauthorizedMs() : waitMs);
    if (this.#isTold || this.#backOff.failureCount < TOLD_FAILURES) return;
    const told =
      reply.kind === "unauthorized"
        ? `the collector ${this.#target} refuses our token (${reply.status})`
        : `cannot ship to the collector ${this.#target} (${reply.kind === "failed" ? reply.message : reply.kind})`;
    this.#isTold = this.#say("unreached", `${told}; trying on, the latest events are kept`);
  }

  #unauthorizedMs(): number {
    return UNAUTHORIZED_MS * (1 + (this.#scheduler.random() - 0.5) * UNAUTHORIZED_JITTER);
  }
}
