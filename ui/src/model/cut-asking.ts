/**
 * How the cut is asked for while it moves. A short state comes whole at every move. A long one takes the
 * collector and the page a tenth of a second: while it moves only the nodes in sight are asked for, a
 * *glance*, and the whole, with what it is worth, when it rests.
 *
 *     moves    |  |  |
 *     glances  ── ── ──
 *     whole            ├ REST_MS ┤────────
 */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Host } from "../host.ts";
import type { Answers, CutAnswer } from "./answers.ts";
import type { Choices } from "./choices.ts";
import { isLongState } from "./long-state.ts";

/** A cut that has not moved for so long after its glance came rests. */
export const REST_MS = 120;
/** Nodes of a glance: no panel shows more of them at once. */
const MAX_GLANCED = 32;

export class CutAsker {
  /** The nodes of a long state whose values are drawn; State itself keeps it. */
  readonly inSight: Signal<ReadonlySet<string>> = signal(new Set<string>());
  /** The latest glance; null once the whole of the cut is there, and for short states. */
  readonly glance: ReadonlySignal<CutAnswer | null>;
  readonly #host: Pick<Host, "after">;
  readonly #choices: Choices;
  readonly #answers: Answers;
  readonly #isLong: ReadonlySignal<boolean>;
  /** Whether the whole of the cut is still to be asked for. */
  #isDue = false;
  #cancelRest: () => void = () => {};

  constructor(host: Pick<Host, "after">, choices: Choices, answers: Answers) {
    this.#host = host;
    this.#choices = choices;
    this.#answers = answers;
    this.#isLong = computed(() => {
      const whole = answers.cut.answered.value;
      return whole !== null && isLongState(whole.answer.json);
    });
    this.glance = computed(() => answers.glance.answered.value?.answer ?? null);
  }

  /** Whether the whole cut is not asked for yet, as it may move on. */
  get isResting(): boolean {
    return this.#isDue;
  }

  /** Asks whenever the cut moves, and when more nodes come into sight before the whole is there. */
  start(): void {
    effect(() => {
      const cut = this.#choices.cut.value;
      if (cut !== null) this.#ask(cut);
    });
    effect(() => this.#restAfterGlance());
    effect(() => {
      if (this.#answers.cut.answered.value?.question === this.#choices.cut.peek()) {
        this.#answers.glance.clear();
      }
    });
    effect(() => {
      void this.inSight.value;
      const cut = this.#choices.cut.peek();
      if (cut !== null && this.glance.peek() !== null) this.#glanceAt(cut);
    });
  }

  /** State says which nodes it draws, and no longer draws. */
  setInSight(node: string, isInSight: boolean): void {
    const nodes = this.inSight.peek();
    if (nodes.has(node) === isInSight) return;
    this.inSight.value = new Set(
      isInSight ? [...nodes, node] : [...nodes].filter((n) => n !== node),
    );
  }

  #ask(cut: Hlc): void {
    this.#cancelRest();
    this.#isDue = this.inSight.peek().size > 0 && this.#isLong.peek();
    if (this.#isDue) {
      this.#glanceAt(cut);
    } else {
      this.#answers.glance.clear();
      this.#answers.cut.ask(cut);
    }
  }

  #restAfterGlance(): void {
    const seen = this.#answers.glance.answered.value;
    const failure = this.#answers.glance.failure.value;
    const cut = this.#choices.cut.peek();
    if (cut === null || !this.#isDue || (seen?.question.at !== cut && failure === null)) return;
    this.#cancelRest();
    this.#cancelRest = this.#host.after(REST_MS, () => {
      this.#isDue = false;
      this.#answers.cut.ask(cut);
    });
  }

  #glanceAt(at: Hlc): void {
    const nodes = [...this.inSight.peek()].slice(0, MAX_GLANCED);
    this.#answers.glance.ask({ at, nodes });
  }
}
