/**
 * So many bytes a second from each node, and from each address: one that sends without end is told to
 * come back, and the others do not notice.
 *
 *     allowance   burstBytes ──── full again after burstBytes / bytesPerSecond
 *                     │
 *                     ▼ each request costs its bytes, at least `leastBytes`
 *                     0 ── a request may go below it; until it is above again: 429, Retry-After
 *
 * What a request costs is known only once it is read, so it is paid for afterwards: a debt is at most
 * one body. An allowance that is full again is the same as none, so what is remembered is bounded by who
 * was heard lately, and by `maxRemembered`.
 */
import { RetroError } from "../../agent/kernel/index.ts";

export interface RateLimit {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** What the smallest request costs. */
  readonly leastBytes: number;
}

const MIB = 1024 * 1024;

/** An agent whose host floods it ships some 25 MB a second. */
export const DEFAULT_NODE_RATE: RateLimit = {
  bytesPerSecond: 32 * MIB,
  burstBytes: 128 * MIB,
  leastBytes: 4 * 1024,
};

/** All agents of a machine have one address, and on loopback that is all there are. */
export const DEFAULT_ADDRESS_RATE: RateLimit = {
  bytesPerSecond: 256 * MIB,
  burstBytes: 1_024 * MIB,
  leastBytes: 16 * 1024,
};

/** Nodes or addresses with less than a full allowance that are remembered. */
export const MAX_REMEMBERED_RATES = 20_000;

interface Allowance {
  bytes: number;
  atMs: number;
}

export class RateLimits {
  readonly #what: "node" | "address";
  readonly #limit: RateLimit;
  readonly #monotonicMs: () => number;
  /** The longest unused first. */
  readonly #byName = new Map<string, Allowance>();

  /** @param what of whom, for the refusal */
  constructor(what: "node" | "address", limit: RateLimit, monotonicMs: () => number) {
    this.#what = what;
    this.#limit = limit;
    this.#monotonicMs = monotonicMs;
  }

  /** Names remembered. */
  get size(): number {
    return this.#byName.size;
  }

  /** @throws RetroError `overloaded` while the name is in debt, with `retryAfterMs` */
  check(name: string): void {
    const known = this.#byName.get(name);
    if (known === undefined) return;
    this.#refill(known);
    if (known.bytes > 0) return;
    const { bytesPerSecond } = this.#limit;
    const retryAfterMs = Math.ceil(((1 - known.bytes) * 1_000) / bytesPerSecond);
    throw new RetroError("overloaded", `${name} sends more than ${bytesPerSecond} bytes a second`, {
      retriable: true,
      hint: "Record or ship less from there, or raise the rate.",
      details: { reason: `rate-of-${this.#what}`, retryAfterMs },
    });
  }

  /** Pays for a request. */
  pay(name: string, bytes: number): void {
    const { burstBytes, leastBytes } = this.#limit;
    const known = this.#byName.get(name) ?? { bytes: burstBytes, atMs: this.#monotonicMs() };
    this.#refill(known);
    known.bytes -= Math.max(leastBytes, bytes);
    this.#byName.delete(name);
    this.#byName.set(name, known);
    this.#forget();
  }

  #refill(known: Allowance): void {
    const { bytesPerSecond, burstBytes } = this.#limit;
    const nowMs = this.#monotonicMs();
    const refilled = ((nowMs - known.atMs) / 1_000) * bytesPerSecond;
    known.bytes = Math.min(burstBytes, known.bytes + refilled);
    known.atMs = nowMs;
  }

  /** Those that are full again, from the longest unused on; beyond the bound whoever is next. */
  #forget(): void {
    for (const [name, known] of this.#byName) {
      this.#refill(known);
      const isFull = known.bytes >= this.#limit.burstBytes;
      if (!isFull && this.#byName.size <= MAX_REMEMBERED_RATES) return;
      this.#byName.delete(name);
    }
  }
}
