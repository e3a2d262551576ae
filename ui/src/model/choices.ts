/**
 * What the person has chosen: everything that a link restores, as signals. What the collector
 * answered lives in answers.ts; the verbs that change choices are in actions.ts.
 */
import { type Signal, signal } from "@preact/signals";
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { AskedQuery, RowName } from "../query/names.ts";
import type { Viewport } from "../scale/time-scale.ts";

export const TABS = ["state", "diff", "flight", "query", "bottlenecks", "event"] as const;
export type Tab = (typeof TABS)[number];
export type Theme = "system" | "light" | "dark";
/** How State is arranged: below each node, or each variable across the nodes. */
export type StateOrder = "node" | "variable";

/** Names one event, and says when it was, so that it can be found again without a search. */
export interface EventName {
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly t: Hlc;
}

/** Several events behind one glyph. */
export interface Stretch {
  readonly nodes: readonly string[];
  readonly from: Hlc;
  readonly to: Hlc;
}

/** A variable wherever it is held; a state track shows it on every lane. */
export interface Pin {
  readonly log: string;
  readonly key: string;
}
export const MAX_PINS = 3;
/** Bookmarks that are kept. */
export const MAX_BOOKMARKS = 50;

/** A variable on one node. */
export interface VariableName extends Pin {
  readonly node: string;
}

/** Which lanes are there, and where. Node ids. */
export interface LaneChoices {
  readonly hidden: readonly string[];
  /** Above all services, in this order. */
  readonly pinned: readonly string[];
  /** First in their service, in this order. */
  readonly order: readonly string[];
  /** Only nodes whose name or service holds this text. */
  readonly filter: string;
}

/** The two ends of a bisection: the state is good at one, bad at a later one. */
export interface BisectMarks {
  readonly good: Hlc | null;
  readonly bad: Hlc | null;
}

/** Requests as their servers saw them, or calls as their callers did. */
export type LatencySide = "server" | "caller";

/** A stretch of time, `to` not in it, and a band of latency in microseconds, `highUs` not in it. */
export interface LatencyBox {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly lowUs: number;
  readonly highUs: number;
}

/** How much a fresh live view asks for; what it shows follows from the answer (first-span.ts). */
export const DEFAULT_SPAN_TICKS: number = 10_000 * TICKS_PER_MS;

export interface Choices {
  /** Null until the first answer says what there is to see. */
  readonly viewport: Signal<Viewport | null>;
  /** The asked time: cut 2 where two are compared. */
  readonly cut: Signal<Hlc | null>;
  /** Cut 1: fixed, the other end of Diff. */
  readonly fixedCut: Signal<Hlc | null>;
  /** A time to come back to; the next press of its key moves it. */
  readonly bookmark: Signal<Hlc | null>;
  /** Those that were kept; ascending. */
  readonly bookmarks: Signal<readonly Hlc[]>;
  /** The page chose how much to show, and may choose again; a zoom or a move ends it. */
  readonly isFirstSpan: Signal<boolean>;
  /** View and cut follow the lowest watermark. */
  readonly live: Signal<boolean>;
  readonly tab: Signal<Tab>;
  readonly stateOrder: Signal<StateOrder>;
  /** Steps, and the table of events, keep to this node. */
  readonly selectedNode: Signal<string | null>;
  readonly selectedEvent: Signal<EventName | null>;
  /** A dense column that was clicked; not part of a link. */
  readonly stretch: Signal<Stretch | null>;
  /** Id of an episode; not part of a link, as what is found may change. */
  readonly selectedEpisode: Signal<string | null>;
  readonly foldedServices: Signal<readonly string[]>;
  /** Lanes also for nodes that were not there anywhere in the view. */
  readonly showAbsent: Signal<boolean>;
  /** The variable whose history State shows in place of everything. */
  readonly variable: Signal<VariableName | null>;
  /** Variables drawn as state tracks, the same below each lane; at most `MAX_PINS`. */
  readonly pins: Signal<readonly Pin[]>;
  readonly lanes: Signal<LaneChoices>;
  readonly bisect: Signal<BisectMarks>;
  /** Silences are breaks in the ruler. */
  readonly foldSilences: Signal<boolean>;
  /** The stretch that was measured on the ruler; not part of a link. */
  readonly measured: Signal<Viewport | null>;
  /** Whether heat map and percentiles are shown, and of which side. */
  readonly isLatencyShown: Signal<boolean>;
  readonly latencySide: Signal<LatencySide>;
  /** What was boxed on the heat map. */
  readonly box: Signal<LatencyBox | null>;
  /** What was asked; what is only typed is no choice yet. */
  readonly query: Signal<AskedQuery | null>;
  /** The row of its answer that was gone to. */
  readonly hit: Signal<RowName | null>;
  readonly theme: Signal<Theme>;
}

export function createChoices(): Choices {
  return {
    viewport: signal<Viewport | null>(null),
    cut: signal<Hlc | null>(null),
    fixedCut: signal<Hlc | null>(null),
    bookmark: signal<Hlc | null>(null),
    bookmarks: signal<readonly Hlc[]>([]),
    isFirstSpan: signal(true),
    live: signal(true),
    tab: signal<Tab>("state"),
    stateOrder: signal<StateOrder>("node"),
    selectedNode: signal<string | null>(null),
    selectedEvent: signal<EventName | null>(null),
    stretch: signal<Stretch | null>(null),
    selectedEpisode: signal<string | null>(null),
    foldedServices: signal<readonly string[]>([]),
    showAbsent: signal(false),
    variable: signal<VariableName | null>(null),
    pins: signal<readonly Pin[]>([]),
    lanes: signal<LaneChoices>({ hidden: [], pinned: [], order: [], filter: "" }),
    foldSilences: signal(false),
    measured: signal<Viewport | null>(null),
    bisect: signal<BisectMarks>({ good: null, bad: null }),
    isLatencyShown: signal(false),
    latencySide: signal<LatencySide>("server"),
    box: signal<LatencyBox | null>(null),
    query: signal<AskedQuery | null>(null),
    hit: signal<RowName | null>(null),
    theme: signal<Theme>("system"),
  };
}
