/** The omnibox at work: what is offered for what is typed, which of it is chosen, and running it. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { EventLineJson, EventsJson } from "../../../collector/api/shapes.ts";
import { hexOf } from "../api/client.ts";
import { RequestSlot } from "../api/request-slot.ts";
import type { App } from "../app.ts";
import { readTypedTime, TIME_FORMS } from "../model/typed-time.ts";
import { NO_NAMES } from "../query/known-names.ts";
import type { Viewport } from "../scale/time-scale.ts";
import { type Find, type FindGroup, findsFor, looksLikeTime } from "./finds.ts";

/** Marks read of the history at most: the first ones. */
const MOST_MARKS = 1_000;

export class Finder {
  readonly #app: App;
  readonly #marks: RequestSlot<Viewport, readonly EventLineJson[]>;
  readonly groups: ReadonlySignal<readonly FindGroup[]>;
  /** All that is offered, in order. */
  readonly finds: ReadonlySignal<readonly Find[]>;
  /** The place of the chosen one. */
  readonly chosen: Signal<number> = signal(0);
  /** Why nothing could be done; until something else is typed. */
  readonly problem: Signal<string> = signal("");

  constructor(app: App) {
    this.#app = app;
    this.#marks = new RequestSlot(app.host, async ({ from, to }: Viewport, abort: AbortSignal) => {
      const asked = { from: hexOf(from), to: hexOf(to), kind: "mark", limit: MOST_MARKS };
      return (await app.client.get<EventsJson>("/api/events", asked, abort)).events;
    });
    this.groups = computed(() =>
      findsFor(app, app.omniboxText.value, {
        names: app.query.schema.answered.value?.answer ?? NO_NAMES,
        marks: this.#marks.answered.value?.answer ?? [],
      }),
    );
    this.finds = computed(() => this.groups.value.flatMap(({ finds }) => finds));
    effect(() => {
      void app.omniboxText.value;
      this.chosen.value = 0;
      this.problem.value = "";
    });
  }

  /** Somebody begins to look for something: names and marks may have come since the last time. */
  open(): void {
    const { query, watch } = this.#app;
    query.schema.ask(null);
    const facts = watch.facts.peek();
    if (facts?.extent) this.#marks.ask({ from: facts.extent.first, to: facts.now });
  }

  /** To the next or previous of what is offered, and round. */
  move(by: 1 | -1): void {
    const count = this.finds.peek().length;
    if (count > 0) this.chosen.value = (this.chosen.peek() + by + count) % count;
  }

  /** Whether something was done; else `problem` says why not. */
  run(find: Find | undefined = this.finds.peek()[this.chosen.peek()]): boolean {
    const text = this.#app.omniboxText.peek();
    if (text.trim() === "" && find === undefined) return false;
    if (find === undefined) {
      this.problem.value = this.#whyNothing(text);
      return false;
    }
    find.run(this.#app);
    return true;
  }

  #whyNothing(text: string): string {
    const { choices, watch } = this.#app;
    if (text.startsWith(">")) return "No command is called that.";
    if (text.startsWith("=")) return "Type a query after =, such as SELECT leader FROM raft.";
    const typed = readTypedTime(text, choices.cut.peek(), watch.facts.peek()?.now);
    if ("problem" in typed && (looksLikeTime(text) || !typed.problem.includes(TIME_FORMS))) {
      return typed.problem;
    }
    return `No node, variable, log or mark is called that, and it is no time. ${TIME_FORMS}`;
  }
}
