/**
 * A place where tiles are looked at: the lanes, or the minimap. It says what is seen, and gives what
 * there is to draw, which changes only when other tiles come into play: a small move changes nothing.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { ApiFailure } from "../api/client.ts";
import type { TimelineFacts } from "../model/timeline-facts.ts";
import type { Knowledge } from "./knowledge.ts";
import { blankFacts, factsOf } from "./merge-tiles.ts";
import { tileKey } from "./tile-address.ts";
import { type Cover, coverOf, type Segment } from "./tile-cover.ts";
import type { Look, TileStore } from "./tile-store.ts";

/** How far a first answer is: parts that are there, of all that are seen. */
export interface Progress {
  readonly done: number;
  readonly of: number;
}

interface Loader {
  changed(): void;
  retry(): void;
  cancel(): void;
}

export class TileWindow {
  readonly #store: TileStore;
  readonly #loader: Loader;
  readonly #answered = signal<{ readonly answer: TimelineFacts } | null>(null);
  readonly #failure = signal<ApiFailure | null>(null);
  readonly #pending = signal(false);
  readonly #progress = signal<Progress>({ done: 0, of: 0 });
  #look: Look | null = null;
  #known: Knowledge | null = null;
  #cover: Cover | null = null;

  constructor(store: TileStore, loader: Loader) {
    this.#store = store;
    this.#loader = loader;
  }

  /** What there is to draw; null before the first tile. */
  get answered(): ReadonlySignal<{ readonly answer: TimelineFacts } | null> {
    return this.#answered;
  }
  /** Why tiles that are seen did not come; null while they may. */
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }
  /** Whether tiles that are seen are on their way. */
  get pending(): ReadonlySignal<boolean> {
    return this.#pending;
  }
  get progress(): ReadonlySignal<Progress> {
    return this.#progress;
  }
  get look(): Look | null {
    return this.#look;
  }
  get known(): Knowledge | null {
    return this.#known;
  }
  get cover(): Cover | null {
    return this.#cover;
  }

  /** Looks at a stretch, so wide on screen, with so much known of history. */
  show(look: Look, known: Knowledge): void {
    this.#look = look;
    this.#known = known;
    this.refresh();
    this.#loader.changed();
  }

  /** Asks once more for what failed. */
  retry(): void {
    this.#failure.value = null;
    this.#loader.retry();
  }

  /** Stops loading; what is there stays. */
  cancel(): void {
    this.#loader.cancel();
  }

  /** The loader's: other tiles may be there now. */
  refresh(): void {
    if (this.#look === null || this.#known === null) return;
    const before = this.#cover;
    const cover = coverOf(this.#store, this.#look.view, this.#look.width, this.#known);
    this.#cover = cover;
    const { seenAsks, seenCount } = cover;
    const last = this.#progress.peek();
    if (last.done !== seenCount - seenAsks || last.of !== seenCount) {
      this.#progress.value = { done: seenCount - seenAsks, of: seenCount };
    }
    if (before !== null && drawsTheSame(before, cover)) return;
    const known = this.#answered.peek();
    const facts = factsOf(cover) ?? (known && blankFacts(known.answer, cover.missing));
    if (facts !== null) this.#answered.value = { answer: facts };
  }

  /** The loader's: whether the tile is among those that this window waits for. */
  waitsFor(key: string): boolean {
    const seen = this.#cover?.asks.slice(0, this.#cover.seenAsks) ?? [];
    return seen.some((address) => tileKey(address) === key);
  }

  /** The loader's. */
  setFailure(failure: ApiFailure | null): void {
    this.#failure.value = failure;
  }

  /** The loader's: which tiles are still asked for. */
  setPending(isAsked: (key: string) => boolean): void {
    const seen = this.#cover?.asks.slice(0, this.#cover.seenAsks) ?? [];
    this.#pending.value = seen.some((address) => isAsked(tileKey(address)));
  }
}

function drawsTheSame(a: Cover, b: Cover): boolean {
  return (
    a.cellTicks === b.cellTicks &&
    a.segments.length === b.segments.length &&
    a.missing.length === b.missing.length &&
    a.segments.every((one, i) => isSame(one, b.segments[i])) &&
    a.missing.every(({ from, to }, i) => from === b.missing[i]?.from && to === b.missing[i]?.to)
  );
}

function isSame(a: Segment, b: Segment | undefined): boolean {
  return (
    b !== undefined &&
    a.tile === b.tile &&
    a.from === b.from &&
    a.to === b.to &&
    a.level === b.level &&
    a.isCoarse === b.isCoarse
  );
}
