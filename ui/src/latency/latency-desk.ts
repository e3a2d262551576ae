/** What heat map, table and box panel share: the answer as it is drawn, and what the pointer does. One per page. */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.ts";
import type { LatencyBox, LatencySide } from "../model/choices.ts";
import { type HeatColumn, type HeatMap, heatMapOf, type LatencyBand } from "./heat-map.ts";
import { boxWords } from "./latency-box.ts";
import { type AskedLatency, latencyQuestion, servesLatency } from "./latency-window.ts";

/** What the pointer rests on. */
export interface HeatHover {
  readonly column: HeatColumn;
  readonly band: LatencyBand;
}

export interface LatencyDesk {
  /** Both sides of the last answer; null before the first. */
  readonly maps: ReadonlySignal<Readonly<Record<LatencySide, HeatMap>> | null>;
  /** The box while it is drawn. */
  readonly drawn: Signal<LatencyBox | null>;
  readonly hover: Signal<HeatHover | null>;
}

const desks = new WeakMap<App, LatencyDesk>();

export function latencyDesk(app: App): LatencyDesk {
  const known = desks.get(app);
  if (known !== undefined) return known;
  const desk: LatencyDesk = {
    maps: computed(() => {
      const answer = app.answers.latency.answered.value?.answer;
      if (answer === undefined) return null;
      return { server: heatMapOf(answer.server), caller: heatMapOf(answer.caller) };
    }),
    drawn: signal<LatencyBox | null>(null),
    hover: signal<HeatHover | null>(null),
  };
  desks.set(app, desk);
  return desk;
}

/** Asks for the latencies of the view while they are shown, until the answer is called. */
export function keepAskingLatency(app: App): () => void {
  let asked: AskedLatency | null = null;
  return effect(() => {
    const view = app.choices.viewport.value;
    const width = app.plotWidth.value;
    const knownTo = app.watch.facts.value?.extent?.last;
    if (view === null || width === 0 || knownTo === undefined) return;
    const isAnswered = app.answers.latency.failure.value === null;
    if (isAnswered && asked !== null && servesLatency(asked, view, width, knownTo)) return;
    const question = latencyQuestion(view, width);
    const isSame =
      question !== null && asked?.question.from === question.from && asked.knownTo === knownTo;
    // A question that failed is not asked for ever: the notice has a button.
    if (question === null || (isSame && !isAnswered)) return;
    asked = { question, knownTo };
    app.answers.latency.ask(question);
  });
}

/** Compares what is in the box with the rest, in the panel; null puts the box away. */
export function chooseBox(app: App, box: LatencyBox | null): void {
  const { choices, verbs } = app;
  batch(() => {
    choices.box.value = box;
    if (box === null) return;
    choices.live.value = false;
    choices.tab.value = "bottlenecks";
  });
  verbs.say(box === null ? "The box is put away." : `Box: ${boxWords(box)}.`);
}
