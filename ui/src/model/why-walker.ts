/**
 * The verbs of "why this value": to the write of a value, from an event to what came before it, from a
 * send on to its receive. Each jump moves cut and selection and leaves a breadcrumb; where the chain
 * ends, it says why.
 */
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Json } from "../../../agent/kernel/index.ts";
import type { EventLineJson, EventsJson } from "../../../collector/api/shapes.ts";
import { ApiFailure, type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { clockText } from "../scale/time-words.ts";
import type { Verbs } from "./actions.ts";
import type { Answers } from "./answers.ts";
import type { Choices, EventName, VariableName } from "./choices.ts";
import type { CollectorWatch } from "./collector-watch.ts";
import { describeEvent } from "./event-words.ts";
import { unknownWords, valueText } from "./value-text.ts";
import { findHistory } from "./variable-history.ts";
import { findBefore, findReceive, nameOf } from "./why.ts";
import { endWords } from "./why-words.ts";

export interface Crumb {
  readonly event: EventName;
  readonly text: string;
}

/** Breadcrumbs kept; the oldest go first. */
export const MAX_CRUMBS = 32;
const LIMIT_MS = 20_000;

interface Parts {
  readonly client: ApiReader;
  readonly choices: Choices;
  readonly answers: Answers;
  readonly watch: CollectorWatch;
  readonly verbs: Verbs;
}

export class WhyWalker {
  readonly #parts: Parts;
  readonly #busy: Signal<boolean> = signal(false);
  readonly #crumbs: Signal<readonly Crumb[]> = signal([]);
  readonly #end: Signal<string | null> = signal(null);

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get busy(): ReadonlySignal<boolean> {
    return this.#busy;
  }
  /** Where the chain has led so far, oldest first; the last is where it is now. */
  get crumbs(): ReadonlySignal<readonly Crumb[]> {
    return this.#crumbs;
  }
  /** Why the latest step led nowhere; null while it did. */
  get end(): ReadonlySignal<string | null> {
    return this.#end;
  }

  /** Goes to the write of what a variable holds at the cut. */
  why(variable: VariableName): Promise<void> {
    return this.#walk(async (abort) => {
      const { client, choices, watch } = this.#parts;
      const around = choices.cut.peek();
      const first = watch.facts.peek()?.extent?.first;
      if (around === null || first === undefined) return;
      const { values } = await findHistory(client, { ...variable, around, first }, abort);
      const value = values.find(({ isCurrent }) => isCurrent)?.value;
      const name = `${variable.log} / ${variable.key}`;
      if (value === undefined) return this.#ends(`${name} was never written, as far as is known.`);
      const unknown = value.lost ? "lost" : value.notCaptured ? "not-captured" : undefined;
      if (unknown !== undefined) return this.#ends(`${name} is ${unknownWords(unknown)}.`);
      const event = { ...variable, epoch: value.epoch, seq: value.seq, t: ticksOf(value.at) };
      const held = value.value === undefined ? "deleted" : valueText(value.value as Json);
      this.#crumbs.value = [];
      this.#go(event, `${variable.node}: ${name} ${value.value === undefined ? "" : "= "}${held}`);
    });
  }

  /** Why, of whatever is chosen: the open variable, else the selected event. */
  whyChosen(): void {
    const { variable, selectedEvent } = this.#parts.choices;
    const chosen = variable.peek();
    if (chosen !== null) void this.why(chosen);
    else if (selectedEvent.peek() !== null) void this.back();
    else this.#parts.verbs.say("Choose a value in State first: why is beside it.");
  }

  /** From a receive to its send; from any other event to the message that came before it. */
  back(): Promise<void> {
    return this.#walk(async (abort) => {
      const { client, answers } = this.#parts;
      const line = await this.#selectedLine(abort);
      if (line === null) return;
      const known = answers.before.answered.peek();
      const before =
        known !== null && isSame(nameOf(known.question), nameOf(line))
          ? known.answer
          : await findBefore(client, line, abort);
      const end = endWords(line, before);
      if (before.type === "send") {
        const send = await this.#lineOf(before.send, abort);
        if (send === null) return this.#ends(lostSendWords(before.send));
        this.#go(before.send, `${send.node}: ${describeEvent(send, line.node)}`);
      } else if (end !== null) this.#ends(end);
      else if ("receive" in before && before.receive !== null) {
        const { receive } = before;
        this.#go(nameOf(receive), `${receive.node}: ${describeEvent(receive)}`);
      }
    });
  }

  /** From a send on to its receive. */
  on(): Promise<void> {
    return this.#walk(async (abort) => {
      const line = await this.#selectedLine(abort);
      if (line === null) return;
      if (line.kind !== "send") return this.#ends("Only a send leads on: to its receive.");
      const receive = await findReceive(this.#parts.client, line, abort);
      if (receive === undefined) return this.#ends("No receive of it is recorded.");
      this.#go(receive, `${receive.node}: receive from ${line.node}`);
    });
  }

  openCrumb(place: number): void {
    const crumb = this.#crumbs.peek()[place];
    if (crumb === undefined) return;
    batch(() => {
      this.#crumbs.value = this.#crumbs.peek().slice(0, place + 1);
      this.#end.value = null;
      this.#parts.verbs.moveCut(crumb.event.t, true);
      this.#parts.verbs.selectEvent(crumb.event);
    });
  }

  forget(): void {
    this.#crumbs.value = [];
    this.#end.value = null;
  }

  async #walk(step: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#busy.peek()) return;
    this.#busy.value = true;
    this.#end.value = null;
    try {
      await step(AbortSignal.timeout(LIMIT_MS));
    } catch (error) {
      this.#ends(error instanceof ApiFailure ? error.message : `The page failed: ${error}`);
    } finally {
      this.#busy.value = false;
    }
  }

  /** What is selected, with its line; the first crumb where the chain begins at it. */
  async #selectedLine(abort: AbortSignal): Promise<EventLineJson | null> {
    const { choices, answers, verbs } = this.#parts;
    const selected = choices.selectedEvent.peek();
    if (selected === null) {
      verbs.say("Select an event first.");
      return null;
    }
    const known = answers.event.answered.peek()?.answer.line ?? null;
    const line =
      known !== null && isSame(nameOf(known), selected)
        ? known
        : await this.#lineOf(selected, abort);
    if (line === null) {
      this.#ends("This event is not known here.");
      return null;
    }
    const last = this.#crumbs.peek().at(-1);
    if (last === undefined || !isSame(last.event, selected)) {
      this.#crumbs.value = [{ event: selected, text: `${line.node}: ${describeEvent(line)}` }];
    }
    return line;
  }

  async #lineOf(name: EventName, abort: AbortSignal): Promise<EventLineJson | null> {
    const moment = { from: hexOf(name.t), to: hexOf(name.t), node: name.node };
    const { events } = await this.#parts.client.get<EventsJson>("/api/events", moment, abort);
    return events.find((line) => isSame(nameOf(line), name)) ?? null;
  }

  #go(event: EventName, text: string): void {
    const { node, epoch, seq, t } = event;
    const crumb = { event: { node, epoch, seq, t }, text };
    batch(() => {
      this.#crumbs.value = [...this.#crumbs.peek(), crumb].slice(-MAX_CRUMBS);
      this.#parts.verbs.moveCut(t, true);
      this.#parts.verbs.selectEvent(crumb.event);
    });
    this.#parts.verbs.say(`${clockText(t)}, ${text}`);
  }

  #ends(words: string): void {
    this.#end.value = words;
    this.#parts.verbs.say(words);
  }
}

function isSame(a: EventName, b: EventName): boolean {
  return a.node === b.node && a.epoch === b.epoch && a.seq === b.seq;
}

function lostSendWords({ node, seq, t }: EventName): string {
  return `Its send, event ${seq} of ${node} at ${clockText(t)}, is not in the record: it was lost, or is no longer kept.`;
}
