/** Physical clocks for tests: one that is moved by hand, and one that is set wrong. */
import {
  AnchoredClock,
  addMs,
  type Hlc,
  isHlc,
  type PhysicalClock,
  parseTime,
  RetroError,
  ticksFromUnixMs,
} from "../kernel/index.ts";

/**
 * A physical clock that stands still until it is moved.
 *
 * @example
 * const clock = new ManualClock("2026-11-21T16:00:00Z");
 * const agent = startAgent({ service: "cart", clock });
 * clock.advanceMs(5_000);
 */
export class ManualClock implements PhysicalClock {
  #now: Hlc;

  /** @param start any absolute time that `parseTime` reads. @throws RetroError `bad-time` */
  constructor(start: string = "2026-01-01T00:00:00Z") {
    this.#now = parseTime(start, ticksFromUnixMs(0));
  }

  /** The time it was moved to. */
  now(): Hlc {
    return this.#now;
  }

  /**
   * Moves by so many milliseconds; fractions and steps back are allowed.
   * @throws RetroError `bad-time` for what is no number, or leads where no stamp is
   */
  advanceMs(ms: number): void {
    checkMs(ms);
    if (!isHlc(addMs(this.#now, ms)))
      throw new RetroError("bad-time", `${ms} ms on there is no time`);
    this.#now = addMs(this.#now, ms);
  }

  /** Jumps to a time; relative ones count from where it stands. @throws RetroError `bad-time` */
  set(time: string): void {
    this.#now = parseTime(time, this.#now);
  }
}

/**
 * The real clock, set wrong by so many milliseconds: for demonstrations and tests of skew.
 *
 * @example
 * startAgent({ service: "cart", clock: new SkewedClock(-250) }); // a quarter of a second behind
 */
export class SkewedClock implements PhysicalClock {
  readonly #real = new AnchoredClock();
  readonly #skewMs: number;

  /** @throws RetroError `bad-time` for what is no number */
  constructor(skewMs: number) {
    checkMs(skewMs);
    this.#skewMs = skewMs;
  }

  /** The real time, off by the skew. */
  now(): Hlc {
    return addMs(this.#real.now(), this.#skewMs);
  }
}

function checkMs(ms: unknown): void {
  if (typeof ms === "number" && Number.isFinite(ms)) return;
  throw new RetroError("bad-time", `not a number of milliseconds: ${String(ms).slice(0, 80)}`, {
    hint: "Give a number: advanceMs(5_000).",
  });
}
