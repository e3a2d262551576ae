/**
 * Steps the cut to the next or previous change. It always lands *on* a change, so that next then
 * previous comes back to the same tick:
 *
 *     ──●────────●───────●──        next: the first change later than the cut
 *       A        B       C          previous: the last change before it
 *
 * Presses while a step is under way add up, and are answered in one request.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { EventsJson, StepsJson } from "../../../collector/api/shapes.ts";
import { ApiFailure, type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";
import { clockText } from "../scale/time-words.ts";
import type { Verbs } from "./actions.ts";
import type { Choices } from "./choices.ts";

/** Presses remembered while a step is under way. */
const MAX_QUEUED_STEPS = 100;
const STEP_LIMIT_MS = 20_000;
/** The search for the nearest event: 50 ms, then eight times as far, up to some 77 days. */
const FIRST_REACH_TICKS = 50 * TICKS_PER_MS;
const REACH_GROWTH = 8;
const REACHES = 10;
const MAX_PAGES = 20;

export class Stepper {
  readonly #client: ApiReader;
  readonly #choices: Choices;
  readonly #verbs: Verbs;
  readonly #busy: Signal<boolean> = signal(false);
  readonly #failure: Signal<ApiFailure | null> = signal(null);
  /** The cut was moved by a step: State lights up what changed. */
  readonly lastStepTo: Signal<Hlc | null> = signal(null);
  #queued = 0;
  #endsAt: Hlc | null = null;

  constructor(client: ApiReader, choices: Choices, verbs: Verbs) {
    this.#client = client;
    this.#choices = choices;
    this.#verbs = verbs;
  }

  get busy(): ReadonlySignal<boolean> {
    return this.#busy;
  }
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }

  /** The cut from which no later change was found. */
  get endsAt(): Hlc | null {
    return this.#endsAt;
  }

  /** `count` changes forward, or back where negative; of the selected node where one is selected. */
  step(count: number): void {
    const queued = this.#queued + count;
    this.#queued = Math.max(-MAX_QUEUED_STEPS, Math.min(MAX_QUEUED_STEPS, queued));
    if (!this.#busy.peek()) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy.value = true;
    this.#failure.value = null;
    try {
      while (this.#queued !== 0) {
        const count = this.#queued;
        this.#queued = 0;
        await this.#stepBy(count);
      }
    } catch (error) {
      this.#queued = 0;
      this.#failure.value =
        error instanceof ApiFailure ? error : new ApiFailure("page-fault", 200, String(error));
      this.#verbs.say("The step failed: the collector did not answer.");
    } finally {
      this.#busy.value = false;
    }
  }

  async #stepBy(count: number): Promise<void> {
    const cut = this.#choices.cut.peek();
    if (cut === null) return;
    const forward = count > 0;
    const { steps } = await this.#client.get<StepsJson>(
      "/api/step",
      {
        // `prev` counts a change at the time itself, so one tick earlier excludes where we stand.
        from: hexOf(forward ? cut : ((cut - 1) as Hlc)),
        direction: forward ? "next" : "prev",
        count: Math.abs(count),
        node: this.#choices.selectedNode.peek() ?? undefined,
      },
      AbortSignal.timeout(STEP_LIMIT_MS),
    );
    const landed = steps.at(-1);
    const whose = this.#choices.selectedNode.peek();
    if (landed === undefined) {
      if (forward) this.#endsAt = cut;
      this.#verbs.say(`No ${forward ? "later" : "earlier"} change${whose ? ` on ${whose}` : ""}.`);
      return;
    }
    const at = ticksOf(landed.at);
    this.lastStepTo.value = at;
    this.#verbs.moveCut(at, true);
    const [first] = landed.changes;
    if (first !== undefined) {
      this.#verbs.say(`${clockText(at)}: ${first.node} ${first.log} ${first.key} changed`);
    }
  }

  /** The next or previous event of the selected node, or of any; selects it and moves the cut there. */
  async stepEvent(direction: 1 | -1): Promise<void> {
    const cut = this.#choices.cut.peek();
    if (cut === null || this.#busy.peek()) return;
    this.#busy.value = true;
    try {
      const found = await this.#nearestEvent(cut, direction);
      if (found === undefined) {
        this.#verbs.say(`No ${direction > 0 ? "later" : "earlier"} event near.`);
        return;
      }
      const t = ticksOf(found.t);
      this.#verbs.moveCut(t, true);
      this.#verbs.selectEvent({ node: found.node, epoch: found.epoch, seq: found.seq, t });
      this.#verbs.say(`${clockText(t)}: ${found.kind} on ${found.node}`);
    } catch (error) {
      this.#failure.value = error instanceof ApiFailure ? error : null;
    } finally {
      this.#busy.value = false;
    }
  }

  /**
   * Looks outwards from the cut in stretches that grow. Backwards the events of the first stretch
   * that has any are read to their end, since the API answers in time order.
   */
  async #nearestEvent(
    cut: Hlc,
    direction: 1 | -1,
  ): Promise<EventsJson["events"][number] | undefined> {
    let reach = FIRST_REACH_TICKS;
    const node = this.#choices.selectedNode.peek() ?? undefined;
    for (let tries = 0; tries < REACHES; tries += 1, reach *= REACH_GROWTH) {
      const range =
        direction > 0
          ? { from: hexOf(clampTicks(cut + 1)), to: hexOf(clampTicks(cut + reach)) }
          : { from: hexOf(clampTicks(cut - reach)), to: hexOf(clampTicks(cut - 1)) };
      let found: EventsJson["events"][number] | undefined;
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const limit = direction > 0 ? 1 : 10_000;
        const answer = await this.#client.get<EventsJson>(
          "/api/events",
          { ...range, node, limit, cursor },
          AbortSignal.timeout(STEP_LIMIT_MS),
        );
        found = direction > 0 ? answer.events[0] : (answer.events.at(-1) ?? found);
        cursor = answer.next;
        if (cursor === undefined || direction > 0) break;
      }
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
