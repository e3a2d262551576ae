/**
 * Memory for bodies on their way. A body is paid for before it is read: what it declares, or the
 * most it may have if it does not say. So a thousand clients that send half a body each cost no more
 * than the budget; whoever finds it spent is refused, `overloaded`, and sends again.
 *
 *     reading     declared bytes               all bodies together: maxBytes
 *     inflating   maxInflatedBytes each        so many at a time: maxInflating; others wait their turn
 *     waiting     inflated bytes               bounded by ingest (`maxQueuedBytes`)
 */
import { RetroError } from "../../agent/kernel/index.ts";

export const DEFAULT_MAX_BODY_BYTES: number = 128 * 1024 * 1024;
/** As many as libuv has threads. */
export const DEFAULT_MAX_INFLATING = 4;
/** What the smallest body costs: its request, its socket. */
const LEAST_BYTES = 16 * 1024;

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #maxInflating: number;
  readonly #turns: (() => void)[] = [];
  #reservedBytes = 0;
  #inflating = 0;

  constructor(
    maxBytes: number = DEFAULT_MAX_BODY_BYTES,
    maxInflating: number = DEFAULT_MAX_INFLATING,
  ) {
    this.#maxBytes = maxBytes;
    this.#maxInflating = maxInflating;
  }

  /** Bytes of bodies being read. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /**
   * Reserves room for a body; the result gives it back, and may be called twice.
   * @throws RetroError `overloaded`
   */
  reserve(bytes: number): () => void {
    let reserved = Math.max(LEAST_BYTES, bytes);
    if (this.#reservedBytes + reserved > this.#maxBytes) {
      throw new RetroError(
        "overloaded",
        `${this.#reservedBytes} bytes of bodies are on their way`,
        {
          retriable: true,
          hint: "Send it again in a second.",
        },
      );
    }
    this.#reservedBytes += reserved;
    return () => {
      this.#reservedBytes -= reserved;
      reserved = 0;
    };
  }

  /** Runs `inflate` when its turn has come. */
  async inTurn<Result>(inflate: () => Promise<Result>): Promise<Result> {
    if (this.#inflating < this.#maxInflating) this.#inflating += 1;
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      return await inflate();
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#inflating -= 1;
      else next();
    }
  }
}
