/**
 * Physical time in ticks: wall time with sub-millisecond digits.
 *
 * `Date.now()` follows corrections of the wall clock but has milliseconds only; `performance.now()`
 * is fine-grained but never follows. So: physical = performance.now() + offset, and the offset is
 * held inside what the wall clock allows. A reading D of `Date.now()` at monotonic time m says
 *
 *     D - m <= offset < D + 1 - m
 *
 * Each reading that the offset contradicts moves it to the nearer bound; between steps the two clocks
 * are slewed alike, so the bounds of many readings close in on the true offset (tens of readings:
 * well below 100 us). The first guess is `performance.timeOrigin`, which has microseconds and is
 * right unless the wall clock was stepped since the process started.
 *
 * A forward jump must show in two readings in a row before it is followed; that, with a reading
 * every ANCHOR_MS, is inside 250 ms. A process that stamps so rarely that the second reading would
 * come later takes it at once. One of the adapter files that may read real time.
 */
import type { Hlc } from "./hlc.ts";
import { TICK_ZERO_UNIX_MS, TICKS_PER_MS } from "./hlc.ts";

/** Where physical time comes from: ticks since 2020. It may go back; the HLC over it never does. */
export interface PhysicalClock {
  now(): Hlc;
  /** The same into `into[0]`, for the hot path: a number that is returned may be boxed. */
  readNow?(into: Float64Array): void;
}

/** The two clocks of the machine, in milliseconds. A port, so that tests can step the wall. */
export interface MachineTime {
  /** Wall time, whole Unix milliseconds. */
  wallMs(): number;
  /** Monotonic time with fractions, from any origin. */
  monotonicMs(): number;
  /** The same into `into[0]`: a number that is returned may be boxed, one that is stored is not. */
  readMonotonicMs?(into: Float64Array): void;
  /** A first guess at wall minus monotonic. */
  readonly offsetGuessMs: number;
}

/** Seconds and nanoseconds, where there is Node: as `performance.now()`, but without a boxed number a call. */
const hrtime = (globalThis as { readonly process?: { readonly hrtime?: () => [number, number] } })
  .process?.hrtime;

function monotonicMs(): number {
  if (hrtime === undefined) return performance.now();
  const [seconds, nanos] = hrtime();
  return seconds * 1_000 + nanos / 1_000_000;
}

function readMonotonicMs(into: Float64Array): void {
  if (hrtime === undefined) {
    into[0] = performance.now();
    return;
  }
  const [seconds, nanos] = hrtime(); // taken apart at once, the array is never made
  into[0] = seconds * 1_000 + nanos / 1_000_000;
}

/** As it was when this was loaded: a fake in a host's test is no step of the wall clock. */
const wallNow = Date.now;

/** The real machine. */
export const machineTime: MachineTime = {
  wallMs: () => wallNow(),
  monotonicMs,
  readMonotonicMs,
  get offsetGuessMs() {
    return performance.timeOrigin + performance.now() - monotonicMs();
  },
};

const ANCHOR_MS = 20;
/** After a pause longer than this, the second reading of a jump does not wait. */
const PAUSE_MS = 200;
/** A wall jump forward of more than this must be seen twice. */
const JUMP_MS = 50;

export class AnchoredClock implements PhysicalClock {
  readonly #machine: MachineTime;
  readonly #readMonotonicMs: (into: Float64Array) => void;
  readonly #monotonic = new Float64Array(1);
  readonly #ticks = new Float64Array(1);
  #offsetMs: number;
  #nextAnchorMs: number;
  #jumpSeen = false;
  #stepCount = 0;
  readonly #onStep: (byMs: number) => void;

  /** @param onStep told of each step that is followed, by how much; inside a reading: be quick, never throw */
  constructor(
    machine: MachineTime = machineTime,
    onStep: (byMs: number) => void = () => undefined,
  ) {
    this.#machine = machine;
    this.#onStep = onStep;
    this.#readMonotonicMs =
      machine.readMonotonicMs ??
      ((into) => {
        into[0] = machine.monotonicMs();
      });
    this.#offsetMs = machine.offsetGuessMs;
    this.#nextAnchorMs = Number.NEGATIVE_INFINITY;
    this.#anchor(machine.monotonicMs(), true);
  }

  /** How often a step of the wall clock (over 50 ms, either way) was followed. */
  get stepCount(): number {
    return this.#stepCount;
  }

  now(): Hlc {
    this.readNow(this.#ticks);
    return this.#ticks[0] as Hlc;
  }

  readNow(into: Float64Array): void {
    this.#readMonotonicMs(this.#monotonic);
    const mono = this.#monotonic[0] as number;
    if (mono >= this.#nextAnchorMs) this.#anchor(mono, false);
    into[0] = Math.floor((mono + this.#offsetMs - TICK_ZERO_UNIX_MS) * TICKS_PER_MS);
  }

  #anchor(mono: number, first: boolean): void {
    const wall = this.#machine.wallMs();
    // The process may be paused between the two readings: bracket the wall reading.
    const monoAfter = this.#machine.monotonicMs();
    const low = wall - monoAfter;
    const high = wall + 1 - mono;
    const error = this.#offsetMs < low ? low - this.#offsetMs : Math.min(0, high - this.#offsetMs);
    const isStep = Math.abs(error) > JUMP_MS;
    if (isStep && error > 0 && !first && !this.#jumpSeen) {
      this.#jumpSeen = true; // believe it when the next reading says so too
      if (mono - this.#nextAnchorMs > PAUSE_MS) {
        this.#anchor(this.#machine.monotonicMs(), false);
        return;
      }
    } else {
      this.#jumpSeen = false;
      this.#offsetMs += error;
      if (isStep && !first) {
        this.#stepCount += 1;
        this.#onStep(error);
      }
    }
    this.#nextAnchorMs = mono + ANCHOR_MS;
  }
}

// A call site that has met two targets is never inlined. Without this, a host's function that records in
// a hot loop may take `readMonotonicMs` in but find no room for Node's `hrtime` inside it, and the array
// that should never be made is made at each stamp: 48 bytes instead of none (bench `agent-record`). V8
// begins to note targets after some hundreds of bytecodes, so one call is not enough.
const PRIMING_CALLS = 200;
const primed = Array.from(
  { length: 2 },
  () => new AnchoredClock({ wallMs: () => 0, monotonicMs: () => 0, offsetGuessMs: 0 }),
);
for (let i = 0; i < PRIMING_CALLS; i += 1) primed[i % 2]?.now();
