/**
 * Plays what happened: steps from change to change at a chosen rate, until there is no later one or
 * somebody stops it. A step that takes longer than its turn is waited for, so none is skipped.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Host } from "../host.ts";
import type { Verbs } from "./actions.ts";
import type { Choices } from "./choices.ts";
import type { Stepper } from "./stepper.ts";

/** Changes a second. */
export const RATES = [1, 2, 5, 10, 25] as const;
export type Rate = (typeof RATES)[number];

export interface PlayerParts {
  readonly host: Pick<Host, "after">;
  readonly choices: Choices;
  readonly verbs: Verbs;
  readonly stepper: Stepper;
}

export class Player {
  readonly #parts: PlayerParts;
  readonly #isPlaying: Signal<boolean> = signal(false);
  readonly rate: Signal<Rate> = signal(5);
  #cancel: () => void = () => {};

  constructor(parts: PlayerParts) {
    this.#parts = parts;
  }

  get isPlaying(): ReadonlySignal<boolean> {
    return this.#isPlaying;
  }

  toggle(): void {
    if (this.stop()) return;
    const { choices, verbs, stepper } = this.#parts;
    if (choices.cut.peek() === null) return;
    choices.live.value = false;
    this.#isPlaying.value = true;
    verbs.say("Playing, change by change.");
    stepper.step(1);
    this.#wait();
  }

  /** Whether it played. */
  stop(): boolean {
    if (!this.#isPlaying.peek()) return false;
    this.#cancel();
    this.#isPlaying.value = false;
    this.#parts.verbs.say("Stopped.");
    return true;
  }

  /** The next faster rate, or the next slower one. */
  hurry(by: 1 | -1): void {
    const next = RATES[RATES.indexOf(this.rate.peek()) + by];
    if (next !== undefined) this.rate.value = next;
    this.#parts.verbs.say(`${this.rate.peek()} changes a second.`);
  }

  #wait(): void {
    const { host, stepper } = this.#parts;
    this.#cancel = host.after(1_000 / this.rate.peek(), () => {
      if (!stepper.busy.peek()) {
        if (this.#isOver()) {
          this.stop();
          return;
        }
        stepper.step(1);
      }
      this.#wait();
    });
  }

  /** There is no later change, none could be asked for, or somebody went live meanwhile. */
  #isOver(): boolean {
    const { choices, stepper } = this.#parts;
    const isLast = stepper.endsAt === choices.cut.peek();
    return isLast || stepper.failure.peek() !== null || choices.live.peek();
  }
}
