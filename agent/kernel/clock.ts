/**
 * The hybrid logical clock: issues the timestamps of one epoch. The value is in hlc.ts.
 *
 *     local or send event:  t = max(last + 1, physical())
 *     receive event:        t = max(max(last, remote) + 1, physical())
 *
 * Promises, who relies on them, and what breaks otherwise:
 * - every stamp of an epoch exceeds the one before (a flood of changes may share one, see `change`):
 *   seq order is time order, which batches, blocks and binary searches rely on;
 * - a merged message's receive exceeds its send: a cut by time is closed under happened-before;
 * - a peer cannot push us more than `maxDriftMs` ahead of physical time: one bad clock stays one bad
 *   clock.
 *
 * Hot: bench `agent-record`. Source: Kulkarni, Demirbas et al., "Logical Physical Clocks", 2014.
 */
import { RetroError } from "./errors.ts";
import { type Hlc, isHlc, TICKS_PER_MS } from "./hlc.ts";
import type { PhysicalClock } from "./physical-clock.ts";

export const DEFAULT_MAX_DRIFT_MS = 60_000;

export interface HlcClockOptions {
  /** How far ahead of physical time a remote stamp may be and still be merged. Over 0. */
  readonly maxDriftMs?: number;
  /** The first stamp will be later than this (a persisted ceiling, an earlier epoch's last stamp). */
  readonly above?: Hlc;
}

export class HlcClock {
  readonly #physical: PhysicalClock;
  readonly #cell = new Float64Array(1);
  readonly #maxDriftTicks: number;
  /** Past this lead, changes in a row share a stamp instead of running further ahead. */
  readonly #shareLeadTicks: number;
  // A double from the first: a field that was ever undefined would be boxed anew by each stamp.
  #last: number = Number.MIN_SAFE_INTEGER;
  #lastWasChange = false;
  #refusedCount = 0;

  constructor(physical: PhysicalClock, options: HlcClockOptions = {}) {
    const maxDriftMs = options.maxDriftMs ?? DEFAULT_MAX_DRIFT_MS;
    if (!(maxDriftMs > 0)) {
      throw new RetroError("bad-config", `maxDriftMs must be over 0, not ${maxDriftMs}`, {
        hint: "Use 500 on one site; the default is 60000.",
      });
    }
    this.#physical = physical;
    this.#maxDriftTicks = maxDriftMs * TICKS_PER_MS;
    this.#shareLeadTicks = this.#maxDriftTicks / 4;
    if (options.above !== undefined) this.#last = options.above;
  }

  /** Stamps a local or send event: later than everything issued or merged before. */
  now(): Hlc {
    this.#lastWasChange = false;
    const physical = this.#physical.now();
    this.#last = physical > this.#last ? physical : this.#last + 1;
    return this.#last as Hlc;
  }

  /**
   * Stamps a state change. As `now()`, except under a flood: when the clock is more than a quarter of
   * `maxDriftMs` ahead of physical time and the event before was a change too, both share a stamp,
   * as one commit would. Never across a send, a receive or a `closed`.
   */
  change(): Hlc {
    this.issueChange();
    return this.#last as Hlc;
  }

  /** As `change`, for the hot path, which reads `last` itself: a number that is returned may be boxed. */
  issueChange(): void {
    const cell = this.#cell;
    if (this.#physical.readNow === undefined) cell[0] = this.#physical.now();
    else this.#physical.readNow(cell);
    const physical = cell[0] as number;
    if (physical > this.#last) this.#last = physical;
    else if (!this.#lastWasChange || this.#last - physical <= this.#shareLeadTicks) this.#last += 1;
    this.#lastWasChange = true;
  }

  /**
   * Stamps a receive event: later than everything issued here and than a merged `remote`.
   * Never throws. `lastReceiveMerged` says whether `remote` was believed.
   *
   * HAZARD: one peer set to 2080 would drag every node there, for good. So a `remote` more than
   * `maxDriftMs` ahead of physical time is not merged, and `refusedCount` rises. A `remote` that is
   * not above what we issued already cannot push us, and needs no gate.
   */
  receive(remote: Hlc): Hlc {
    this.#lastWasChange = false;
    const physical = this.#physical.now();
    let floor = this.#last;
    this.#lastReceiveMerged = true;
    if (!(remote <= floor)) {
      if (isHlc(remote) && remote - physical <= this.#maxDriftTicks) {
        floor = remote;
      } else {
        this.#lastReceiveMerged = false;
        this.#refusedCount += 1;
      }
    }
    this.#last = physical > floor ? physical : floor + 1;
    return this.#last as Hlc;
  }

  #lastReceiveMerged = true;

  /** Whether the latest `receive` merged its remote stamp. */
  get lastReceiveMerged(): boolean {
    return this.#lastReceiveMerged;
  }

  /** The latest stamp issued, or what the clock was told to start above. */
  get last(): Hlc {
    return this.#last as Hlc;
  }

  /** Physical time now, which may be behind `last`. */
  physicalNow(): Hlc {
    return this.#physical.now();
  }

  /** How far the clock is ahead of physical time, in ticks; 0 if it is not. */
  leadTicks(): number {
    return Math.max(0, this.#last - this.#physical.now());
  }

  /** Remote stamps not merged because they were too far ahead. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** Raises the floor: the next stamp will be later than `t`. For ceilings, never for messages. */
  raiseTo(t: Hlc): void {
    if (t < this.#last) return;
    this.#last = t;
    this.#lastWasChange = false; // or the next change might share t
  }
}
