/** The parts of the page, put together: choices, answers, verbs, and what is derived from them. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Hlc } from "../../agent/kernel/index.ts";
import { type ApiClient, createClient } from "./api/client.ts";
import type { Host } from "./host.ts";
import { Verbs } from "./model/actions.ts";
import { type Answers, createAnswers } from "./model/answers.ts";
import { type Choices, createChoices } from "./model/choices.ts";
import { CollectorWatch } from "./model/collector-watch.ts";
import { type LaneLayout, layOutLanes } from "./model/lane-layout.ts";
import { wasThere } from "./model/nodes.ts";
import { type ShownCut, shownCutOf } from "./model/shown-cut.ts";
import { Stepper } from "./model/stepper.ts";
import type { TimelineFacts } from "./model/timeline-facts.ts";
import { FrameLoop } from "./paint/frame-loop.ts";
import type { Picked } from "./paint/picking.ts";
import { TimeScale } from "./scale/time-scale.ts";
import type { TileReader } from "./tiles/tile-reader.ts";

/** What the pointer rests on, and where on the plot. */
export interface Hover {
  readonly picked: Picked;
  readonly x: number;
  readonly y: number;
}

/** A message to be lit on the lanes; `receivedAt` null where the row does not say. */
export interface LitMessage {
  readonly from: string;
  readonly to: string | null;
  readonly sentAt: Hlc;
  readonly receivedAt: Hlc | null;
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
  /** The cut that panels and lines show: bent where it is inconsistent; null before the first answer. */
  readonly shownCut: ReadonlySignal<ShownCut | null>;
  readonly hover: Signal<Hover | null>;
  /** The message whose row has the pointer or the focus. */
  readonly litMessage: Signal<LitMessage | null>;
  /** What the live region says next. */
  readonly spoken: Signal<string>;
  /** Parts of the opened link that were not understood. */
  readonly ignoredParts: Signal<readonly string[]>;
  readonly isHelpOpen: Signal<boolean>;
}

/** `reader` makes the tiles: a worker's, so that reading them takes no frame. */
export function createApp(host: Host, reader: TileReader): App {
  const client = createClient(host);
  const choices = createChoices();
  const answers = createAnswers(host, client, reader);
  const watch = new CollectorWatch(host, client, choices.live);
  const spoken = signal("");
  const verbs = new Verbs({ choices, answers, watch, spoken });
  /** As text, so that a pan that changes nothing about it lays nothing out anew. */
  const absent = computed(() => JSON.stringify(absentNodes(watch, choices)));
  const plotWidth = signal(0);
  const plotHeight = signal(0);
  return {
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
      layOutLanes(watch.facts.value?.nodes ?? [], {
        foldedServices: choices.foldedServices.value,
        room: plotHeight.value,
        absent: new Set(JSON.parse(absent.value) as string[]),
        showAbsent: choices.showAbsent.value,
        trackCount: choices.pins.value.length,
      }),
    ),
    timeline: computed(() => answers.timeline.answered.value?.answer ?? null),
    shownCut: computed(() => shownCutOf(answers)),
    hover: signal<Hover | null>(null),
    litMessage: signal<LitMessage | null>(null),
    spoken,
    ignoredParts: signal<readonly string[]>([]),
    isHelpOpen: signal(false),
  };
}

/** The nodes without a lane: not there anywhere in the view, and not selected. */
function absentNodes(watch: CollectorWatch, choices: Choices): string[] {
  const view = choices.viewport.value;
  if (view === null) return [];
  const nodes = watch.facts.value?.nodes ?? [];
  return nodes
    .filter((one) => !wasThere(one, view) && one.node !== choices.selectedNode.value)
    .map(({ node }) => node);
}
