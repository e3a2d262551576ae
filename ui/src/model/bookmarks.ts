/**
 * Bookmarks: times to come back to. One is put at the cut and moves with the next press; those that
 * were kept stay until they are taken away. All are part of a link.
 */
import { batch } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { clockText } from "../scale/time-words.ts";
import type { Verbs } from "./actions.ts";
import { type Choices, MAX_BOOKMARKS } from "./choices.ts";

export interface Bookmark {
  readonly t: Hlc;
  readonly isKept: boolean;
}

/** In the order of time. */
export function bookmarksOf({ bookmark, bookmarks }: Pick<Choices, "bookmark" | "bookmarks">) {
  const kept = bookmarks.value.map((t): Bookmark => ({ t, isKept: true }));
  const loose = bookmark.value;
  const all = loose === null ? kept : [...kept, { t: loose, isKept: false }];
  return all.sort((a, b) => a.t - b.t);
}

export class Bookmarks {
  readonly #choices: Choices;
  readonly #verbs: Verbs;

  constructor(choices: Choices, verbs: Verbs) {
    this.#choices = choices;
    this.#verbs = verbs;
  }

  /** At the cut, in place of the one that was put before and not kept. */
  put(): void {
    const { cut, bookmark, bookmarks } = this.#choices;
    const t = cut.peek();
    if (t === null) return;
    if (bookmarks.peek().includes(t)) {
      this.#verbs.say("A bookmark is kept here.");
      return;
    }
    batch(() => {
      this.#verbs.moveCut(t);
      bookmark.value = t;
    });
    this.#verbs.say(`Bookmark at ${clockText(t)}.`);
  }

  /** Keeps the one that was put last; puts one here first where there is none. */
  keep(): void {
    const { bookmark, bookmarks } = this.#choices;
    if (bookmark.peek() === null) this.put();
    const t = bookmark.peek();
    if (t === null) return;
    if (bookmarks.peek().length >= MAX_BOOKMARKS) {
      this.#verbs.say(`${MAX_BOOKMARKS} bookmarks are kept; take one away first.`);
      return;
    }
    batch(() => {
      bookmark.value = null;
      bookmarks.value = [...bookmarks.peek(), t].sort((a, b) => a - b);
    });
    this.#verbs.say(`The bookmark at ${clockText(t)} is kept.`);
  }

  remove(t: Hlc): void {
    const { bookmark, bookmarks } = this.#choices;
    batch(() => {
      if (bookmark.peek() === t) bookmark.value = null;
      bookmarks.value = bookmarks.peek().filter((one) => one !== t);
    });
    this.#verbs.say(`The bookmark at ${clockText(t)} is gone.`);
  }

  /** The cut to the next bookmark, or to the one before. */
  walk(direction: 1 | -1): void {
    const cut = this.#choices.cut.peek();
    if (cut === null) return;
    const all = bookmarksOf(this.#choices).map(({ t }) => t);
    const to = direction > 0 ? all.find((t) => t > cut) : all.findLast((t) => t < cut);
    if (to !== undefined) this.#verbs.moveCut(to, true);
    else this.#verbs.say(`No bookmark ${direction > 0 ? "after" : "before"} the cut.`);
  }
}
