/**
 * Everything a person can do, by whatever way: keys, buttons, pointer and tests call these verbs.
 * Any move that is not "go live" pauses.
 */
import { batch, type Signal, signal } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import {
  centred,
  clampTicks,
  fitted,
  panned,
  revealing,
  type Viewport,
  zoomed,
} from "../scale/time-scale.ts";
import type { Answers } from "./answers.ts";
import { EVENTS_PAGE } from "./answers.ts";
import {
  type Choices,
  DEFAULT_SPAN_TICKS,
  type EventName,
  MAX_PINS,
  type Pin,
  type Stretch,
  type Tab,
  type VariableName,
} from "./choices.ts";
import type { CollectorWatch } from "./collector-watch.ts";
import { type TrailStop, ZoomTrail } from "./zoom-trail.ts";

/** Air right of the newest time while live, as a share of the view. */
const LIVE_AIR = 0.04;

export interface Actions {
  readonly choices: Choices;
  readonly answers: Answers;
  readonly watch: CollectorWatch;
  /** What the live region says next. */
  readonly spoken: Signal<string>;
}

export class Verbs {
  readonly #parts: Actions;
  readonly #trail: ZoomTrail = new ZoomTrail();
  /** Whether there is a range to go back to, or one that was taken back. */
  readonly canGoBack: Signal<boolean> = signal(false);
  readonly canGoForward: Signal<boolean> = signal(false);
  /** What the table of events shows beyond its first page. */
  readonly eventLimit: Signal<number> = signal(EVENTS_PAGE);

  constructor(parts: Actions) {
    this.#parts = parts;
  }

  say(text: string): void {
    this.#parts.spoken.value = text;
  }

  // ---- View ----

  zoom(factor: number, anchor?: Hlc): void {
    const { viewport, cut } = this.#parts.choices;
    const view = viewport.peek();
    if (view === null) return;
    const middle = ((view.from + view.to) / 2) as Hlc;
    const around = cut.peek();
    const isCutVisible = around !== null && around >= view.from && around <= view.to;
    this.#moveView(zoomed(view, factor, anchor ?? (isCutVisible ? around : middle)));
  }

  pan(share: number): void {
    const view = this.#parts.choices.viewport.peek();
    if (view !== null) this.#moveView(panned(view, share));
  }

  showRange(view: Viewport): void {
    this.#moveView(view);
  }

  centreOn(t: Hlc): void {
    const view = this.#parts.choices.viewport.peek();
    if (view !== null) this.#moveView(centred(view, t));
  }

  centreCut(): void {
    const cut = this.#parts.choices.cut.peek();
    if (cut !== null) this.centreOn(cut);
  }

  /** Shows the whole history. */
  fitAll(): void {
    const extent = this.#parts.watch.facts.peek()?.extent;
    if (extent) this.#moveView(fitted(extent.first, extent.last));
  }

  // ---- Zoom trail ----

  /** The view has come to rest: from here on it can be taken back. */
  noteRest(): void {
    const stop = this.#stopNow();
    if (stop !== undefined) this.#trail.rest(stop);
    this.#tellTrail();
  }

  /** Takes back the last change of range, or repeats one that was taken back. */
  walkTrail(direction: -1 | 1): void {
    const now = this.#stopNow();
    if (now === undefined) return;
    const stop = direction < 0 ? this.#trail.back(now) : this.#trail.forward(now);
    this.#tellTrail();
    if (stop === undefined) {
      this.say(direction < 0 ? "No range before this one." : "No range after this one.");
      return;
    }
    const { choices } = this.#parts;
    batch(() => {
      choices.isFirstSpan.value = false;
      choices.live.value = stop.live;
      choices.viewport.value = stop.view;
    });
    if (stop.live) this.followLive();
    this.say(direction < 0 ? "The range before." : "The range after.");
  }

  /** Whether what is shown is on the trail already. */
  isAtRest(): boolean {
    const stop = this.#stopNow();
    return stop !== undefined && this.#trail.isAt(stop);
  }

  #stopNow(): TrailStop | undefined {
    const { viewport, live } = this.#parts.choices;
    const view = viewport.peek();
    return view === null ? undefined : { view, live: live.peek() };
  }

  #tellTrail(): void {
    this.canGoBack.value = this.#trail.canGoBack;
    this.canGoForward.value = this.#trail.canGoForward;
  }

  #moveView(view: Viewport): void {
    batch(() => {
      this.#parts.choices.live.value = false;
      this.#parts.choices.isFirstSpan.value = false;
      this.#parts.choices.viewport.value = view;
    });
  }

  /** Measures a stretch of time; null puts the measure away. */
  measure(range: Viewport | null): void {
    this.#parts.choices.measured.value = range;
  }

  /** Folds silences, or shows them at their length again. */
  toggleSilences(): void {
    const { foldSilences } = this.#parts.choices;
    foldSilences.value = !foldSilences.peek();
    this.say(foldSilences.peek() ? "Silences are folded." : "Silences are drawn at full length.");
  }

  // ---- Cut ----

  /** Puts the cut at `t`; `reveal` brings it into view. */
  moveCut(t: number, reveal = false): void {
    const { cut, live, viewport } = this.#parts.choices;
    batch(() => {
      live.value = false;
      cut.value = clampTicks(t);
      const view = viewport.peek();
      if (reveal && view !== null) viewport.value = revealing(view, t);
    });
  }

  cutToStart(): void {
    const extent = this.#parts.watch.facts.peek()?.extent;
    if (extent) this.moveCut(extent.first, true);
  }

  /** The last time at which nothing is missing yet. */
  cutToEnd(): void {
    const facts = this.#parts.watch.facts.peek();
    const end = facts?.watermark ?? facts?.extent?.last;
    if (end !== undefined && end !== null) this.moveCut(end, true);
  }

  /** Fixes cut 1 here and opens Diff; the moving cut is then cut 2. */
  fixCut(): void {
    const { cut, fixedCut, tab, live } = this.#parts.choices;
    if (cut.peek() === null) return;
    batch(() => {
      live.value = false;
      fixedCut.value = cut.peek();
      tab.value = "diff";
    });
    this.say("Cut 1 fixed here. Move the cut line to compare.");
  }

  swapCuts(): void {
    const { cut, fixedCut } = this.#parts.choices;
    const one = fixedCut.peek();
    const two = cut.peek();
    if (one === null || two === null) return;
    batch(() => {
      fixedCut.value = two;
      this.moveCut(one, true);
    });
  }

  releaseFixedCut(): void {
    this.#parts.choices.fixedCut.value = null;
  }

  goLive(): void {
    this.#parts.choices.live.value = true;
    this.followLive();
    this.#parts.watch.askNow();
    this.say("Live: following the newest complete time.");
  }

  pause(): void {
    this.#parts.choices.live.value = false;
    this.say("Paused.");
  }

  toggleLive(): void {
    if (this.#parts.choices.live.peek()) this.pause();
    else this.goLive();
  }

  /** How much a live view shows; as long as nobody has zoomed. */
  showSpan(ticks: number): void {
    const { viewport, live } = this.#parts.choices;
    const view = viewport.peek();
    if (view === null || !live.peek() || view.to - view.from === ticks) return;
    viewport.value = { from: clampTicks(view.to - ticks), to: view.to };
    this.followLive();
  }

  /** While live: right edge and cut at the lowest watermark of the live nodes. */
  followLive(): void {
    const { choices, watch } = this.#parts;
    const facts = watch.facts.peek();
    const edge = facts?.watermark ?? facts?.extent?.last;
    if (!choices.live.peek() || edge === undefined || edge === null) return;
    const view = choices.viewport.peek();
    const span = view === null ? DEFAULT_SPAN_TICKS : view.to - view.from;
    const to = clampTicks(edge + span * LIVE_AIR);
    batch(() => {
      choices.viewport.value = { from: clampTicks(to - span), to };
      choices.cut.value = edge;
    });
  }

  // ---- Selection ----

  selectNode(node: string | null): void {
    const { selectedNode } = this.#parts.choices;
    selectedNode.value = selectedNode.peek() === node ? null : node;
  }

  selectEvent(event: EventName | null, open = true): void {
    const { selectedEvent, stretch, tab } = this.#parts.choices;
    batch(() => {
      selectedEvent.value = event;
      if (event === null) return;
      stretch.value = null;
      if (open) tab.value = "event";
    });
  }

  /** Events will list what lies behind one place; the tab that is open stays. */
  keepStretch(stretch: Stretch): void {
    batch(() => {
      this.#parts.choices.selectedEvent.value = null;
      this.#parts.choices.stretch.value = stretch;
    });
  }

  /** Lists what lies behind a glyph that stands for several events. */
  openStretch(stretch: Stretch): void {
    batch(() => {
      this.keepStretch(stretch);
      this.#parts.choices.tab.value = "event";
    });
  }

  clearSelection(): void {
    batch(() => {
      this.#parts.choices.selectedEvent.value = null;
      this.#parts.choices.stretch.value = null;
    });
  }

  openTab(tab: Tab): void {
    this.#parts.choices.tab.value = tab;
  }

  toggleFold(service: string): void {
    const { foldedServices } = this.#parts.choices;
    const folded = foldedServices.peek();
    foldedServices.value = folded.includes(service)
      ? folded.filter((one) => one !== service)
      : [...folded, service];
  }

  /** Opens the history of a variable in State; null goes back to the whole state. */
  openVariable(variable: VariableName | null): void {
    batch(() => {
      this.#parts.choices.variable.value = variable;
      if (variable !== null) this.#parts.choices.tab.value = "state";
    });
  }

  /** Draws a variable below each lane, or no longer. The oldest makes room for a fourth. */
  togglePin({ log, key }: Pin): void {
    const { pins } = this.#parts.choices;
    const others = pins.peek().filter((pin) => pin.log !== log || pin.key !== key);
    if (others.length < pins.peek().length) {
      pins.value = others;
      this.say(`${log} / ${key} is no longer drawn on the lanes.`);
    } else {
      pins.value = [...others, { log, key }].slice(-MAX_PINS);
      this.say(`${log} / ${key} is drawn on every lane that holds it.`);
    }
  }

  toggleAbsent(): void {
    const { showAbsent } = this.#parts.choices;
    showAbsent.value = !showAbsent.peek();
  }

  /** Shows heat map and percentiles below the lanes, or only their name. */
  toggleLatency(): void {
    const { isLatencyShown } = this.#parts.choices;
    isLatencyShown.value = !isLatencyShown.peek();
    this.say(isLatencyShown.peek() ? "Latency is shown below the lanes." : "Latency is folded.");
  }

  /** Undoes the innermost choice: measure, box, stretch, event, variable, bottleneck, node, then cut 1. */
  stepBack(): void {
    const { measured, box, stretch, selectedEvent, variable, selectedEpisode } =
      this.#parts.choices;
    const { selectedNode, fixedCut } = this.#parts.choices;
    const innermost = [
      ...[measured, box, stretch, selectedEvent, variable, selectedEpisode],
      ...[selectedNode, fixedCut],
    ].find((choice) => choice.peek() !== null);
    if (innermost !== undefined) innermost.value = null;
  }
}
