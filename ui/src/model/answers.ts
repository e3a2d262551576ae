/** What the collector answered: one slot per panel, and the questions that fill them. */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { BottlenecksJson, LatencyJson } from "../../../collector/api/bottleneck-shapes.ts";
import type {
  CutJson,
  DiffJson,
  EventLineJson,
  EventsJson,
  UnknownJson,
} from "../../../collector/api/shapes.ts";
import { type ApiClient, type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { RequestSlot } from "../api/request-slot.ts";
import type { Host } from "../host.ts";
import { CELLS_PER_DOUBLING, type LatencyQuestion } from "../latency/latency-question.ts";
import type { BoxQuestion, BoxRequests } from "../latency/read-box.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";
import { TileLoader } from "../tiles/tile-loader.ts";
import type { TileReader } from "../tiles/tile-reader.ts";
import type { TileWindow } from "../tiles/tile-window.ts";
import { type BentCut, bentCut, type UnbentCut } from "./bent-cut.ts";
import { type BisectQuestion, type BisectStep, bisect } from "./bisect.ts";
import { isChangeLine } from "./change-lines.ts";
import type { EventName, Pin, Stretch } from "./choices.ts";
import { type DiffSides, diffSides, type SidesQuestion } from "./diff-sides.ts";
import { AROUND_TICKS, type EpisodesQuestion } from "./episode-window.ts";
import { type Measured, measure } from "./measure.ts";
import { unknownAmong } from "./reasons.ts";
import { findHistory, type VariableHistory, type VariableQuestion } from "./variable-history.ts";
import { type Before, findBefore } from "./why.ts";

/** An event line as the panel shows it, or null where the collector knows no such event. */
export type FoundEvent = EventsJson["events"][number] | null;

export interface EventsQuestion extends Stretch {
  readonly limit: number;
}

/** Rows of the table of events asked for at once. */
export const EVENTS_PAGE = 200;

/** The selected event; for a change also the value before it. */
export interface EventDetail {
  readonly line: FoundEvent;
  readonly before: {
    readonly value: Json | undefined;
    readonly unknown: UnknownJson | undefined;
  } | null;
}

export interface GlanceQuestion {
  readonly at: Hlc;
  readonly nodes: readonly string[];
}

export interface TrackQuestion {
  readonly at: Hlc;
  readonly pins: readonly Pin[];
}

export interface Answers {
  readonly timeline: TileWindow;
  /** The whole history in few buckets, for the minimap. */
  readonly overview: TileWindow;
  readonly tiles: TileLoader;
  readonly cut: RequestSlot<Hlc, CutAnswer>;
  /** The cut of the nodes in sight alone, while a long state is moved. */
  readonly glance: RequestSlot<GlanceQuestion, CutAnswer>;
  /** The largest consistent cut inside an inconsistent one. */
  readonly bent: RequestSlot<CutAnswer, BentCut | UnbentCut>;
  readonly diff: RequestSlot<{ readonly from: Hlc; readonly to: Hlc }, DiffJson>;
  /** What differs between the two cuts beside their variables. */
  readonly sides: RequestSlot<SidesQuestion, DiffSides>;
  readonly events: RequestSlot<EventsQuestion, EventsJson>;
  readonly event: RequestSlot<EventName, EventDetail>;
  /** What came before the selected event. */
  readonly before: RequestSlot<EventLineJson, Before>;
  /** What the pinned variables held at the left edge of the timeline answer. */
  readonly trackStart: RequestSlot<TrackQuestion, CutJson>;
  readonly variable: RequestSlot<VariableQuestion, VariableHistory>;
  /** Very short bottlenecks. */
  readonly episodes: RequestSlot<EpisodesQuestion, BottlenecksJson>;
  /** Heat map and percentiles; the requests of a box on it. */
  readonly latency: RequestSlot<LatencyQuestion, LatencyJson>;
  readonly boxed: RequestSlot<BoxQuestion, BoxRequests>;
  /** Where to look next between a good cut and a bad one. */
  readonly bisect: RequestSlot<BisectQuestion, BisectStep>;
  /** The requests of a measured stretch. */
  readonly measure: RequestSlot<Viewport, Measured>;
  /** How many slots wait for an answer. */
  pendingCount(): number;
}

/** A cut with its time in ticks, so that nobody shows a value under another time. */
export interface CutAnswer {
  readonly at: Hlc;
  readonly json: CutJson;
}

export function createAnswers(host: Host, client: ApiClient, reader: TileReader): Answers {
  const tiles = new TileLoader(host, client, reader);
  const slots = {
    timeline: tiles.window(),
    overview: tiles.window(),
    cut: new RequestSlot(host, async (at: Hlc, signal: AbortSignal) => {
      const json = await client.get<CutJson>("/api/cut", { at: hexOf(at) }, signal);
      return { at: ticksOf(json.at), json };
    }),
    glance: new RequestSlot(host, async ({ at, nodes }: GlanceQuestion, signal: AbortSignal) => {
      const json = await client.get<CutJson>("/api/cut", { at: hexOf(at), node: nodes }, signal);
      return { at: ticksOf(json.at), json };
    }),
    bent: new RequestSlot(host, ({ at, json }: CutAnswer, signal: AbortSignal) =>
      bentCut(client, at, json, signal),
    ),
    diff: new RequestSlot(host, ({ from, to }: { from: Hlc; to: Hlc }, signal: AbortSignal) =>
      client.get<DiffJson>("/api/diff", { from: hexOf(from), to: hexOf(to) }, signal),
    ),
    sides: new RequestSlot(host, (question: SidesQuestion, signal: AbortSignal) =>
      diffSides(client, question, signal),
    ),
    events: new RequestSlot(host, (question: EventsQuestion, signal: AbortSignal) =>
      client.get<EventsJson>(
        "/api/events",
        {
          from: hexOf(question.from),
          to: hexOf(question.to),
          node: question.nodes,
          limit: question.limit,
        },
        signal,
      ),
    ),
    event: new RequestSlot(host, (name: EventName, signal: AbortSignal) =>
      findEvent(client, name, signal),
    ),
    before: new RequestSlot(host, (line: EventLineJson, signal: AbortSignal) =>
      findBefore(client, line, signal),
    ),
    trackStart: new RequestSlot(host, ({ at, pins }: TrackQuestion, signal: AbortSignal) =>
      client.get<CutJson>(
        "/api/cut",
        // Logs times keys: a few more than asked for, which nobody reads.
        {
          at: hexOf(at),
          log: [...new Set(pins.map(({ log }) => log))],
          key: [...new Set(pins.map(({ key }) => key))],
        },
        signal,
      ),
    ),
    measure: new RequestSlot(host, (range: Viewport, signal: AbortSignal) =>
      measure(client, range, signal),
    ),
    bisect: new RequestSlot(host, (question: BisectQuestion, signal: AbortSignal) =>
      bisect(client, question, signal),
    ),
    variable: new RequestSlot(host, (question: VariableQuestion, signal: AbortSignal) =>
      findHistory(client, question, signal),
    ),
    latency: new RequestSlot(host, ({ from, to, windowMs }: LatencyQuestion, signal: AbortSignal) =>
      client.get<LatencyJson>(
        "/api/latency",
        {
          from: hexOf(from),
          to: hexOf(to),
          window: `${windowMs}ms`,
          cells: CELLS_PER_DOUBLING,
        },
        signal,
      ),
    ),
    boxed: new RequestSlot(host, async (question: BoxQuestion, signal: AbortSignal) => {
      const { readBox } = await import("../latency/read-box.ts");
      return readBox(client, question, signal);
    }),
    episodes: new RequestSlot(host, ({ from, to }: EpisodesQuestion, signal: AbortSignal) =>
      client.get<BottlenecksJson>(
        "/api/bottlenecks",
        {
          from: hexOf(clampTicks(from - AROUND_TICKS)),
          to: hexOf(clampTicks(to + AROUND_TICKS)),
        },
        signal,
      ),
    ),
  };
  return {
    ...slots,
    tiles,
    pendingCount: () => Object.values(slots).filter(({ pending }) => pending.peek()).length,
  };
}

/** Finds an event by its time and name, and for a change what the variable held before. */
async function findEvent(
  client: ApiReader,
  name: EventName,
  signal: AbortSignal,
): Promise<EventDetail> {
  const moment = { from: hexOf(name.t), to: hexOf(name.t), node: name.node };
  const { events } = await client.get<EventsJson>("/api/events", moment, signal);
  const line = events.find(({ epoch, seq }) => epoch === name.epoch && seq === name.seq) ?? null;
  if (line === null || !isChangeLine(line)) return { line, before: null };
  const { nodes, incomplete } = await client.get<CutJson>(
    "/api/cut",
    {
      at: hexOf((name.t - 1) as Hlc),
      node: name.node,
      log: String(line["log"]),
      key: String(line["key"]),
    },
    signal,
  );
  const value = nodes[name.node]?.logs[String(line["log"])]?.[String(line["key"])];
  const unknown = value === undefined ? unknownAmong(incomplete) : undefined;
  return { line, before: { value, unknown } };
}
