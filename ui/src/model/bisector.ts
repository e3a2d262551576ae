/**
 * The verbs of bisecting. A mark of the person makes a question; its answer moves the cut to the next
 * proposal, or onto the turn. A link brings the two marks back without moving anything.
 */
import { batch } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { clockText, plural } from "../scale/time-words.ts";
import type { Verbs } from "./actions.ts";
import type { Answers } from "./answers.ts";
import type { BisectQuestion } from "./bisect.ts";
import type { BisectMarks, Choices } from "./choices.ts";

export const NO_MARKS: BisectMarks = { good: null, bad: null };

export class Bisector {
  readonly #choices: Choices;
  readonly #answers: Answers;
  readonly #verbs: Verbs;
  /** A mark was made, and the cut has not followed its answer yet. */
  #isMoving = false;

  constructor(choices: Choices, answers: Answers, verbs: Verbs) {
    this.#choices = choices;
    this.#answers = answers;
    this.#verbs = verbs;
  }

  /** The state at the cut is good; or bad. */
  mark(which: "good" | "bad"): void {
    const cut = this.#choices.cut.peek();
    if (cut === null) return;
    batch(() => {
      this.#choices.live.value = false;
      this.#choices.bisect.value = marked(this.#choices.bisect.peek(), which, cut);
      this.#isMoving = true;
    });
    const { good, bad } = this.#choices.bisect.peek();
    if (good !== null && bad !== null) return;
    const next = good === null ? "Now mark an earlier cut good: G." : BAD_NEXT;
    this.#verbs.say(`${which} at ${clockText(cut)}. ${next}`);
  }

  stop(): void {
    this.#choices.bisect.value = NO_MARKS;
    this.#isMoving = false;
  }

  /** What is asked for; null until both marks are made. */
  question(): BisectQuestion | null {
    const { good, bad } = this.#choices.bisect.value;
    const node = this.#choices.selectedNode.value;
    return good === null || bad === null ? null : { good, bad, node };
  }

  /** An effect: the cut follows the answer to the latest marks. */
  follow(): void {
    const answered = this.#answers.bisect.answered.value;
    const { good, bad } = this.#choices.bisect.peek();
    if (!this.#isMoving || answered === null) return;
    if (answered.question.good !== good || answered.question.bad !== bad) return;
    this.#isMoving = false;
    const { proposal, turnAt, remaining } = answered.answer;
    const to = proposal ?? turnAt;
    if (to !== null) this.#verbs.moveCut(to, true);
    this.#verbs.say(
      proposal === null
        ? turnAt === null
          ? "No change lies between good and bad."
          : `The turn: ${clockText(turnAt)}.`
        : `${plural(remaining, "change")} left. Good or bad at ${clockText(proposal)}?`,
    );
  }
}

const BAD_NEXT = "Now mark a later cut bad: Shift+G.";

/** A mark on the wrong side of the other one replaces both: there is no turn from bad to good here. */
export function marked(marks: BisectMarks, which: "good" | "bad", cut: Hlc): BisectMarks {
  const other = which === "good" ? marks.bad : marks.good;
  const fits = other !== null && (which === "good" ? cut < other : cut > other);
  const kept = fits ? marks : NO_MARKS;
  return { ...kept, [which]: cut };
}
