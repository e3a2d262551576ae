/** What a person does with episodes: choose one, walk from one to the next. */
import { batch, type ReadonlySignal } from "@preact/signals";
import type { Verbs } from "./actions.ts";
import type { Choices } from "./choices.ts";
import { type EpisodeFacts, episodeSentence } from "./episodes.ts";

export interface EpisodeVerbsParts {
  readonly choices: Choices;
  readonly verbs: Verbs;
  readonly episodes: ReadonlySignal<readonly EpisodeFacts[]>;
}

export class EpisodeVerbs {
  readonly #parts: EpisodeVerbsParts;

  constructor(parts: EpisodeVerbsParts) {
    this.#parts = parts;
  }

  /** Moves the cut to the onset, tells of it in the panel, and says it. */
  select(episode: EpisodeFacts): void {
    const { choices, verbs } = this.#parts;
    batch(() => {
      choices.selectedEpisode.value = episode.id;
      choices.tab.value = "bottlenecks";
      verbs.moveCut(episode.from, true);
    });
    verbs.say(episodeSentence(episode));
  }

  /** The next after the cut, or the one before it. */
  step(direction: 1 | -1): void {
    const { choices, verbs, episodes } = this.#parts;
    const cut = choices.cut.peek();
    const known = episodes.peek();
    if (cut === null) return;
    // One that is chosen is where the cut is: others may begin at the same tick.
    const at = known.findIndex(
      ({ id, from }) => id === choices.selectedEpisode.peek() && from === cut,
    );
    const next =
      at !== -1
        ? known[at + direction]
        : direction === 1
          ? known.find(({ from }) => from > cut)
          : known.findLast(({ from }) => from < cut);
    if (next === undefined)
      verbs.say(`No bottleneck is known ${direction === 1 ? "after" : "before"} the cut.`);
    else this.select(next);
  }
}
