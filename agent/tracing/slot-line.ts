/**
 * Monotonic time, cut into the slots of physical time: 10 ms each, 100 to a second.
 *
 *     physical   ... |  37  |  38  |  39  |            ... |  12  |  13  |        a clock set forward
 *     monotonic  ... |10 ms |10 ms |  14 ms            |  6 ms   |10 ms |
 *
 * A step of the physical clock ends a slot and begins another elsewhere, whatever its number. So a slot has a
 * length of its own, in monotonic time, and no rate is spoiled. Slots follow each other without a gap.
 */
import { SLOT_US, SLOTS_PER_SECOND } from "../kernel/index.ts";
import type { RawTime } from "./raw-time.ts";

/** Physical time this far from where monotonic time would have it was stepped. */
const STEP_SLOTS = 5;
/** Slots kept that nobody took: a minute. Older ones are forgotten. */
export const MAX_SLOTS = 6_000;

export interface Slot {
  /** Rises by one with each slot, whatever the clocks do. */
  readonly serial: number;
  /** Since 1970, in slots, by the physical clock. */
  readonly number: number;
  readonly startUs: number;
  /** Infinite: it is the current one. */
  endUs: number;
}

/** The Unix second of a slot. */
export function secondOf(slot: Slot): number {
  return Math.floor(slot.number / SLOTS_PER_SECOND);
}

export class SlotLine {
  readonly #time: RawTime;
  #slots: Slot[] = [];
  #forgottenCount = 0;

  constructor(time: RawTime) {
    this.#time = time;
    const nowUs = time.nowUs();
    const number = Math.floor((nowUs + time.offsetUs(nowUs)) / SLOT_US);
    this.#slots.push({ serial: 0, number, startUs: nowUs, endUs: Number.POSITIVE_INFINITY });
  }

  /** The slot that time is in, as of the last `advance`. */
  get current(): Slot {
    return this.#slots.at(-1) as Slot;
  }

  /** Slots that became too many before anybody took them. */
  get forgottenCount(): number {
    return this.#forgottenCount;
  }

  /** Goes on to `nowUs`, which does not go back. Costs the slots passed. */
  advance(nowUs: number): void {
    const current = this.current;
    const offsetUs = this.#time.offsetUs(nowUs);
    const number = Math.floor((nowUs + offsetUs) / SLOT_US);
    if (number === current.number) return;
    const passed = Math.floor((nowUs - current.startUs) / SLOT_US);
    const isStep =
      passed > MAX_SLOTS ||
      Math.abs(number - current.number - passed) > STEP_SLOTS ||
      number < current.number;
    if (isStep) this.#open(number, nowUs);
    else {
      for (let next = current.number + 1; next <= number; next += 1) {
        // Slewing moves bounds by microseconds; a slot never ends before it began.
        const boundUs = next * SLOT_US - offsetUs;
        this.#open(next, Math.min(nowUs, Math.max(this.current.startUs, boundUs)));
      }
    }
    if (this.#slots.length > MAX_SLOTS) {
      this.#forgottenCount += this.#slots.length - MAX_SLOTS;
      this.#slots = this.#slots.slice(-MAX_SLOTS);
    }
  }

  #open(number: number, startUs: number): void {
    const current = this.current;
    current.endUs = startUs;
    const serial = current.serial + 1;
    this.#slots.push({ serial, number, startUs, endUs: Number.POSITIVE_INFINITY });
  }

  /** The index, for `at`, of the slot that `us` falls into: of one before all that are kept, the first's. */
  indexOf(us: number): number {
    let index = this.#slots.length - 1;
    while (index > 0 && (this.#slots[index] as Slot).startUs > us) index -= 1;
    return index;
  }

  /** The slot at an index; undefined: time has not come there. */
  at(index: number): Slot | undefined {
    return this.#slots[index];
  }

  /** The first slot that is not to be taken: the current one, or the first of its second. */
  firstKept(ofWholeSeconds: boolean): Slot {
    const { current } = this;
    if (!ofWholeSeconds) return current;
    const second = secondOf(current);
    return this.#slots.find((slot) => secondOf(slot) === second) as Slot;
  }

  /** All slots before that one, oldest first. They are forgotten here. */
  takeBefore(kept: Slot): readonly Slot[] {
    const index = this.#slots.indexOf(kept);
    const taken = this.#slots.slice(0, index);
    this.#slots = this.#slots.slice(index);
    return taken;
  }
}
