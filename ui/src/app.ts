/**
 * Puts the parts together: choices, answers, verbs, and the few rules that tie them. A rule is an
 * effect: it runs again whenever a signal that it read has changed.
 */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type ApiClient, createClient } from "./api/client.ts";
import type { Host } from "./host.ts";
import { Verbs } from "./model/actions.ts";
import { type Answers, createAnswers } from "./model/answers.ts";
import { type Choices, createChoices } from "./model/choices.ts";
import { CollectorWatch } from "./model/collector-watch.ts";
import { type LaneLayout, layOutLanes } from "./model/lane-layout.ts";
import { keepLink, restoreLink } from "./model/link.ts";
import { keepAsking } from "./model/questions.ts";
import { Stepper } from "./model/stepper.ts";
import type { TimelineFacts } from "./model/timeline-facts.ts";
import { FrameLoop } from "./paint/frame-loop.ts";
import type { Picked } from "./paint/picking.ts";
import { fitted, TimeScale } from "./scale/time-scale.ts";

/** What the pointer rests on, and where on the plot. */
export interface Hover {
  readonly picked: Picked;
  readonly x: number;
  readonly y: number;
}

export interface App {
  readonly host: Host;
  readonly client: ApiClient;
  readonly choices: Choices;
  readonly answers: Answers;
  readonly watch: CollectorWatch;
  readonly verbs: Verbs;
  readonly stepper: Stepper;
  readonly frames: FrameLoop;
  /** Width of the plot in CSS pixels. */
  readonly plotWidth: Signal<number>;
  /** Height of the visible part of the lanes. */
  readonly plotHeight: Signal<number>;
  /** Null until there is something to show. */
  readonly scale: ReadonlySignal<TimeScale | null>;
  readonly layout: ReadonlySignal<LaneLayout>;
  readonly timeline: ReadonlySignal<TimelineFacts | null>;
  readonly hover: Signal<Hover | null>;
  /** The message row under the pointer or focus in the In flight panel: `from to sentAt`. */
  readonly litMessage: Signal<string | null>;
  /** What the live region says next. */
  readonly spoken: Signal<string>;
  /** Parts of the opened link that were not understood. */
  readonly ignoredParts: Signal<readonly string[]>;
  readonly isHelpOpen: Signal<boolean>;
}

export function createApp(host: Host): App {
  const client = createClient(host);
  const choices = createChoices();
  const answers = createAnswers(host, client);
  const watch = new CollectorWatch(host, client, choices.live);
  const spoken = signal("");
  const verbs = new Verbs({ choices, answers, watch, spoken });
  const plotWidth = signal(0);
  const plotHeight = signal(0);
  const app: App = {
    host,
    client,
    choices,
    answers,
    watch,
    verbs,
    stepper: new Stepper(client, choices, verbs),
    frames: new FrameLoop(host),
    plotWidth,
    plotHeight,
    scale: computed(() => {
      const view = choices.viewport.value;
      return view === null || plotWidth.value === 0 ? null : new TimeScale(view, plotWidth.value);
    }),
    layout: computed(() =>
      layOutLanes(watch.facts.value?.nodes ?? [], choices.foldedServices.value, plotHeight.value),
    ),
    timeline: computed(() => answers.timeline.answered.value?.answer ?? null),
    hover: signal<Hover | null>(null),
    litMessage: signal<string | null>(null),
    spoken,
    ignoredParts: signal<readonly string[]>([]),
    isHelpOpen: signal(false),
  };
  return app;
}

/** Restores the link, starts asking, and keeps address, panels and canvases up to date. */
export function startApp(app: App): void {
  restoreLink(app);
  keepAsking(app);
  effect(() => chooseFirstView(app));
  effect(() => {
    if (app.watch.facts.value !== null) app.verbs.followLive();
  });
  effect(() => repaintOnChange(app));
  keepLink(app);
  app.watch.askNow();
}

/** The first answer decides what an untouched page shows: live where anything lives, else all. */
function chooseFirstView({ watch, choices, verbs }: App): void {
  const facts = watch.facts.value;
  if (!facts?.extent) return;
  const hasLive = facts.nodes.some(({ status }) => status === "live" || status === "suspect");
  if (choices.live.peek() && !hasLive) {
    choices.live.value = false;
    choices.viewport.value = fitted(facts.extent.first, facts.extent.last);
    if (choices.cut.peek() === null) choices.cut.value = facts.extent.last;
    return;
  }
  if (choices.viewport.peek() === null) {
    const cut = choices.cut.peek();
    if (cut !== null) choices.viewport.value = fitted(facts.extent.first, facts.extent.last);
    else verbs.followLive();
  }
  if (choices.cut.peek() === null) choices.cut.value = facts.watermark ?? facts.extent.last;
}

function repaintOnChange(app: App): void {
  const { choices, answers } = app;
  // Read, so that this runs again when any of them changes.
  void [app.scale.value, app.layout.value, app.timeline.value, choices.selectedNode.value];
  void [choices.cut.value, choices.fixedCut.value, answers.cut.answered.value, app.hover.value];
  void [choices.selectedEvent.value, app.litMessage.value, answers.overview.answered.value];
  app.frames.markAll();
}
