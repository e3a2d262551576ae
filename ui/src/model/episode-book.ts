/**
 * The episodes that are known, from two sources: an answer about a stretch replaces what was known of that stretch,
 * a live event adds one or brings it up to date. Bounded: those that are furthest from the view go first.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Viewport } from "../scale/time-scale.ts";
import type { EpisodeFacts } from "./episodes.ts";

export const MAX_EPISODES = 2_000;

export class EpisodeBook {
  readonly #list = signal<readonly EpisodeFacts[]>([]);
  readonly #most: number;

  constructor(most: number = MAX_EPISODES) {
    this.#most = most;
  }

  /** By onset. */
  get list(): ReadonlySignal<readonly EpisodeFacts[]> {
    return this.#list;
  }

  /** All that there are in [from, to]; what `found` holds beyond it is news too. */
  replace({ from, to }: Viewport, found: readonly EpisodeFacts[]): void {
    const ids = new Set(found.map(({ id }) => id));
    const kept = this.#list
      .peek()
      .filter((one) => !ids.has(one.id) && (one.from < from || one.from > to));
    this.#set([...kept, ...found], (from + to) / 2);
  }

  /** One was told of. An older telling of it changes nothing. */
  tell(episode: EpisodeFacts): void {
    const known = this.#list.peek().find(({ id }) => id === episode.id);
    if (known !== undefined && known.json.revision > episode.json.revision) return;
    const others = this.#list.peek().filter(({ id }) => id !== episode.id);
    this.#set([...others, episode], episode.from);
  }

  #set(episodes: readonly EpisodeFacts[], middle: number): void {
    const near =
      episodes.length <= this.#most
        ? episodes
        : [...episodes]
            .sort((a, b) => Math.abs(a.from - middle) - Math.abs(b.from - middle))
            .slice(0, this.#most);
    this.#list.value = [...near].sort((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1));
  }
}

/** Those that reach into the view. */
export function episodesIn(
  episodes: readonly EpisodeFacts[],
  view: Viewport,
): readonly EpisodeFacts[] {
  return episodes.filter(({ from, to }) => from <= view.to && to >= view.from);
}
