/** Which change makes which question: the effects that keep the slots filled. */
import { computed, effect } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { App } from "../app.ts";
import { fitted } from "../scale/time-scale.ts";
import { type Knowledge, knowledgeOf } from "../tiles/knowledge.ts";

/** While live the minimap is asked again when the history has grown by this share. */
const OVERVIEW_GROWTH = 0.02;

export function keepAsking(app: App): void {
  const known = computed(() => {
    const facts = app.watch.facts.value;
    return facts === null ? null : knowledgeOf(facts);
  });
  effect(() => showTimeline(app, known.value));
  effect(overviewShower(app));
  app.cutAsker.start();
  effect(() => askBent(app));
  effect(() => askDiff(app));
  effect(() => {
    const event = app.choices.selectedEvent.value;
    if (event === null) app.answers.event.clear();
    else app.answers.event.ask(event);
  });
  effect(() => {
    const range = app.choices.measured.value;
    if (range === null) app.answers.measure.clear();
    else app.answers.measure.ask(range);
  });
  effect(() => askBefore(app));
  effect(() => askEvents(app));
  effect(() => {
    const question = app.bisector.question();
    if (question === null) app.answers.bisect.clear();
    else app.answers.bisect.ask(question);
  });
  effect(() => askTracks(app));
  effect(variableAsker(app));
  effect(() => refreshUnsettled(app));
}

function showTimeline({ choices, plotWidth, answers }: App, known: Knowledge | null): void {
  const view = choices.viewport.value;
  const width = plotWidth.value;
  if (view !== null && width > 0 && known !== null) answers.timeline.show({ view, width }, known);
}

function overviewShower({ watch, plotWidth, answers }: App): () => void {
  let shown: { from: Hlc; to: Hlc; width: number } | null = null;
  return () => {
    const facts = watch.facts.value;
    const width = plotWidth.value;
    if (!facts?.extent || width === 0) return;
    const view = fitted(facts.extent.first, facts.extent.last);
    const growth = shown === null ? 1 : (view.to - shown.to) / (view.to - view.from);
    const isSame = shown?.from === view.from && shown.width === width;
    if (isSame && Math.abs(growth) < OVERVIEW_GROWTH) return;
    shown = { ...view, width };
    answers.overview.show({ view, width }, knowledgeOf(facts));
  };
}

/** A consistent cut is a straight line; any other is asked how it bends. */
function askBent({ answers }: App): void {
  const shown = answers.cut.answered.value?.answer;
  if (shown === undefined || shown.json.consistent) answers.bent.clear();
  else answers.bent.ask(shown);
}

function askDiff({ choices, answers }: App): void {
  const one = choices.fixedCut.value;
  const two = choices.cut.value;
  if (one === null) {
    answers.diff.clear();
    answers.sides.clear();
  }
  if (one === null || two === null || choices.tab.value !== "diff") return;
  const range = { from: Math.min(one, two) as Hlc, to: Math.max(one, two) as Hlc };
  answers.diff.ask(range);
  answers.sides.ask(range);
}

/** Only while Events is open: nobody else shows it. */
function askBefore({ choices, answers }: App): void {
  const name = choices.selectedEvent.value;
  const line = answers.event.answered.value?.answer.line ?? null;
  const isSelected = line !== null && line.node === name?.node && line.seq === name.seq;
  if (name === null || line === null) answers.before.clear();
  else if (isSelected && choices.tab.value === "event") answers.before.ask(line);
}

function askEvents({ choices, answers, verbs, layout }: App): void {
  if (choices.tab.value !== "event") return;
  const stretch = choices.stretch.value;
  const view = choices.viewport.value;
  const node = choices.selectedNode.value;
  if (view === null || layout.value.lanes.length === 0) return;
  answers.events.ask({
    ...(stretch ?? { from: view.from, to: view.to, nodes: node === null ? [] : [node] }),
    limit: verbs.eventLimit.value,
  });
}

function askTracks({ answers, tracks }: App): void {
  const pins = tracks.value;
  const timeline = answers.timeline.answered.value?.answer;
  if (pins.length === 0) answers.trackStart.clear();
  if (pins.length === 0 || timeline === undefined || !timeline.exact) return;
  answers.trackStart.ask({ at: timeline.from, pins });
}

function variableAsker({ choices, answers, watch }: App): () => void {
  // Not every poll of the collector is a reason to ask again.
  const first = computed(() => watch.facts.value?.extent?.first);
  return () => {
    const variable = choices.variable.value;
    const cut = choices.cut.value;
    if (variable === null) answers.variable.clear();
    const isOpen = variable !== null && choices.tab.value === "state";
    if (!isOpen || cut === null || first.value === undefined) return;
    answers.variable.ask({ ...variable, around: cut, first: first.value });
  };
}

/** An incomplete answer may become complete: it is asked again whenever more is known. */
function refreshUnsettled({ watch, answers, choices }: App): void {
  if (watch.facts.value === null) return;
  const shown = answers.cut.answered.peek();
  if (shown === null || answers.cut.pending.peek() || shown.question !== choices.cut.peek()) return;
  if (!shown.answer.json.complete || answers.cut.failure.peek() !== null) answers.cut.retry();
}
