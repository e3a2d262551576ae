/** The parts of the page, put together: choices, answers, verbs, and what is derived from them. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Hlc } from "../../agent/kernel/index.ts";
import { type ApiClient, createClient } from "./api/client.ts";
import { LiveEvents } from "./api/live-events.ts";
import type { Host } from "./host.ts";
import { Verbs } from "./model/actions.ts";
import { type Answers, type CutAnswer, createAnswers } from "./model/answers.ts";
import { Bisector } from "./model/bisector.ts";
import { Bookmarks } from "./model/bookmarks.ts";
import { type Choices, createChoices, type Pin } from "./model/choices.ts";
import { CollectorWatch } from "./model/collector-watch.ts";
import { CutAsker } from "./model/cut-asking.ts";
import { EpisodeBook } from "./model/episode-book.ts";
import { EpisodeVerbs } from "./model/episode-verbs.ts";
import { type KeyChoices, keptKeys } from "./model/key-choices.ts";
import { type LaneLayout, layOutLanes } from "./model/lane-layout.ts";
import { hiddenNodes, LaneVerbs } from "./model/lane-verbs.ts";
import { wasThere } from "./model/nodes.ts";
import { Player } from "./model/player.ts";
import { type ShownCut, shownCutOf } from "./model/shown-cut.ts";
import { silencesIn } from "./model/silences.ts";
import { Stepper } from "./model/stepper.ts";
import type { TimelineFacts } from "./model/timeline-facts.ts";
import { WhyWalker } from "./model/why-walker.ts";
import { FrameLoop } from "./paint/frame-loop.ts";
import type { Picked } from "./paint/picking.ts";
import type { Language } from "./query/language.ts";
import { MonitorDesk } from "./query/monitor-desk.ts";
import { QueryDesk } from "./query/query-desk.ts";
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
  readonly cutAsker: CutAsker;
  readonly watch: CollectorWatch;
  readonly verbs: Verbs;
  readonly stepper: Stepper;
  /** What is known of very short bottlenecks, and what can be done with them. */
  readonly episodes: EpisodeBook;
  readonly bottlenecks: EpisodeVerbs;
  readonly bisector: Bisector;
  readonly bookmarks: Bookmarks;
  readonly player: Player;
  readonly walker: WhyWalker;
  readonly laneVerbs: LaneVerbs;
  readonly query: QueryDesk;
  readonly monitors: MonitorDesk;
  readonly liveEvents: LiveEvents;
  readonly frames: FrameLoop;
  /** Width of the plot in CSS pixels. */
  readonly plotWidth: Signal<number>;
  /** Height of the visible part of the lanes. */
  readonly plotHeight: Signal<number>;
  /** Null until there is something to show. */
  readonly scale: ReadonlySignal<TimeScale | null>;
  readonly layout: ReadonlySignal<LaneLayout>;
  /** Nodes that the person hid or filtered out. */
  readonly hidden: ReadonlySignal<ReadonlySet<string>>;
  readonly timeline: ReadonlySignal<TimelineFacts | null>;
  /** The cut that panels and lines show: bent where it is inconsistent; null before the first answer. */
  readonly shownCut: ReadonlySignal<ShownCut | null>;
  /** While a long state is moved: the cut of the nodes in sight alone. Else null. */
  readonly glance: ReadonlySignal<CutAnswer | null>;
  /** The variables drawn as state tracks: those pinned, else those that the query names. */
  readonly tracks: ReadonlySignal<readonly Pin[]>;
  readonly hover: Signal<Hover | null>;
  /** The message whose row has the pointer or the focus. */
  readonly litMessage: Signal<LitMessage | null>;
  /** What the live region says next. */
  readonly spoken: Signal<string>;
  /** Parts of the opened link that were not understood. */
  readonly ignoredParts: Signal<readonly string[]>;
  readonly isHelpOpen: Signal<boolean>;
  /** What is typed into the omnibox. */
  readonly omniboxText: Signal<string>;
  /** What is typed into the filter of State. */
  readonly stateFilter: Signal<string>;
  /** Keys that the person moved or switched off. */
  readonly keyChoices: Signal<KeyChoices>;
}

/** `reader` makes the tiles: a worker's, so that reading them takes no frame. */
export function createApp(host: Host, reader: TileReader): App {
  const client = createClient(host);
  const choices = createChoices();
  const answers = createAnswers(host, client, reader);
  const cutAsker = new CutAsker(host, choices, answers);
  const watch = new CollectorWatch(host, client, choices.live);
  const spoken = signal("");
  const verbs = new Verbs({ choices, answers, watch, spoken });
  const episodes = new EpisodeBook();
  /** As text, so that a pan that changes nothing about it lays nothing out anew. */
  const absent = computed(() => JSON.stringify(absentNodes(watch, choices)));
  const query = new QueryDesk({ host, client, choices, verbs, loadLanguage });
  const liveEvents = new LiveEvents(host, client);
  const tracks = computed(() => {
    const pins = choices.pins.value;
    return pins.length > 0 ? pins : query.tracks.value;
  });
  const plotWidth = signal(0);
  const plotHeight = signal(0);
  const hidden = computed(() => hiddenNodes(watch.facts.value?.nodes ?? [], choices.lanes.value));
  const layout = computed(() =>
    layOutLanes(watch.facts.value?.nodes ?? [], {
      foldedServices: choices.foldedServices.value,
      room: plotHeight.value,
      absent: new Set(JSON.parse(absent.value) as string[]),
      showAbsent: choices.showAbsent.value,
      trackCount: tracks.value.length,
      hidden: hidden.value,
      pinned: choices.lanes.value.pinned,
      order: choices.lanes.value.order,
    }),
  );
  const stepper = new Stepper(client, choices, verbs);
  const timeline = computed(() => answers.timeline.answered.value?.answer ?? null);
  return {
    host,
    client,
    choices,
    answers,
    cutAsker,
    watch,
    verbs,
    stepper,
    bookmarks: new Bookmarks(choices, verbs),
    player: new Player({ host, choices, verbs, stepper }),
    episodes,
    bottlenecks: new EpisodeVerbs({ choices, verbs, episodes: episodes.list }),
    walker: new WhyWalker({ client, choices, answers, watch, verbs }),
    laneVerbs: new LaneVerbs(choices, verbs),
    bisector: new Bisector(choices, answers, verbs),
    query,
    monitors: new MonitorDesk(host, client, liveEvents),
    liveEvents,
    frames: new FrameLoop(host),
    plotWidth,
    plotHeight,
    scale: computed(() => {
      const view = choices.viewport.value;
      if (view === null || plotWidth.value === 0) return null;
      const plain = new TimeScale(view, plotWidth.value);
      if (!choices.foldSilences.value || timeline.value === null) return plain;
      const folds = silencesIn(timeline.value, layout.value, plain);
      return folds.length === 0 ? plain : new TimeScale(view, plotWidth.value, folds);
    }),
    layout,
    hidden,
    timeline,
    shownCut: computed(() => shownCutOf(answers)),
    glance: cutAsker.glance,
    tracks,
    hover: signal<Hover | null>(null),
    litMessage: signal<LitMessage | null>(null),
    spoken,
    ignoredParts: signal<readonly string[]>([]),
    isHelpOpen: signal(false),
    omniboxText: signal(""),
    stateFilter: signal(""),
    keyChoices: signal(keptKeys(host)),
  };
}

/** Parser and editor are large, and come when somebody opens Query. */
async function loadLanguage(): Promise<Language> {
  const { rqlLanguage } = await import("./rql/rql-language.ts");
  return rqlLanguage;
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
