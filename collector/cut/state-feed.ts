/**
 * Every state of a range as what differs (feed-shapes.ts): merges the nodes' moments (node-replay.ts) with
 * the ticks at which what is missing may change (feed-gaps.ts).
 *
 *     n1      |--m--------m-----|      m: a followed variable, the membership, a message if asked for
 *     n2      |------m----m---m-|
 *     edges   |----------e------|      e: a watermark ends, a run is over, ..
 *     steps   ^  ^   ^   ^^   ^        the first at `from`; one where nothing differs is left out
 *
 * The work is a generator that may be paused anywhere, run in turns with all other long questions
 * (turns.ts); between two turns it holds no read of the store.
 */
import {
  type EventBody,
  type Hlc,
  MIN_HLC,
  messageId,
  RetroError,
} from "../../agent/kernel/index.ts";
import { countsAt } from "./completeness.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import { endWith } from "./feed-end.ts";
import { FeedGaps, NOBODY } from "./feed-gaps.ts";
import { Moment } from "./feed-moment.ts";
import { planOf } from "./feed-plan.ts";
import type {
  ColumnStretch,
  FeedChange,
  FeedChunk,
  FeedLastChange,
  FeedMessage,
  FeedMissing,
  FeedOptions,
  FeedPlan,
  FeedStanding,
  FeedStep,
  StateFeed,
} from "./feed-shapes.ts";
import {
  ColumnIndex,
  changesOf,
  isSameStanding,
  NodeColumns,
  noteTouched,
  standingAt,
} from "./feed-state.ts";
import { inFlightAt, inFlightGaps } from "./in-flight.ts";
import { lastChangesOf } from "./last-changes.ts";
import type { Membership, NodeSpans } from "./membership.ts";
import { NextFirst } from "./next-first.ts";
import { NodeReplay } from "./node-replay.ts";
import { Marks, unpruned } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import type { Turns, Work } from "./turns.ts";

/** Changes in a chunk, about. */
const CHUNK_CHANGES = 2_048;
/** A chunk is given after so long, whatever is in it: somebody waits for rows and for progress. */
const CHUNK_MS = 25;
const NEVER = Number.POSITIVE_INFINITY;

/** @throws RetroError `bad-parameter` if the range ends before it begins */
export function openFeed(context: CutContext, turns: Turns, options: FeedOptions): StateFeed {
  if (!(options.from <= options.to)) {
    throw new RetroError("bad-parameter", "a range ends before it begins", {
      hint: "Give the earlier time first.",
    });
  }
  return new Feed(context, turns, options);
}

class Feed implements StateFeed {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
  readonly #context: CutContext;
  readonly #turns: Turns;
  readonly #membership: Membership;
  readonly #chosen: Chosen;
  /** By place: the node's runs, and whether it counts (else only its messages do). */
  readonly #spans: readonly NodeSpans[];
  readonly #isCounted: readonly boolean[];
  readonly #index: ColumnIndex;
  readonly #withMessages: boolean;
  readonly #marks: Marks;
  readonly #gaps: FeedGaps;
  readonly #replays: NodeReplay[] = [];
  readonly #columns: NodeColumns[] = [];
  readonly #standings: (FeedStanding | undefined)[] = [];
  /** What was told last to be missing, as text, by place. */
  readonly #missing = new Map<number, string>();
  readonly #views = new Map<number, EpochView>();
  readonly #steps: Generator<FeedStep | undefined, void, void>;
  #reached: Hlc;
  #isOver = false;
  /** Some receive, gone through or next, tells of a run that is not known. */
  #hasHeardStranger = false;

  constructor(context: CutContext, turns: Turns, options: FeedOptions) {
    this.#context = context;
    this.#turns = turns;
    this.from = options.from;
    this.to = options.to;
    this.#reached = options.from;
    this.#withMessages = options.messages === true;
    this.#membership = membersNow(context);
    const names = options.nodes === undefined ? undefined : new Set(options.nodes);
    const isNamed = ({ node }: NodeSpans): boolean => names === undefined || names.has(node);
    const all = [...this.#membership.values()];
    this.#spans = this.#withMessages ? all : all.filter(isNamed);
    this.#isCounted = this.#spans.map(isNamed);
    this.#chosen = {
      nodes: all.filter(isNamed),
      logs: new Set(options.columns.map(({ log }) => log)),
      keys: new Set(options.columns.map(({ key }) => key)),
      namesNodes: names !== undefined,
      namesEachNode: names !== undefined,
    };
    this.nodes = this.#spans.map(({ node }) => node);
    this.services = [
      ...new Set(this.#spans.flatMap(({ spans }) => spans.map(({ record }) => record.service))),
    ];
    this.#index = new ColumnIndex(options.columns);
    this.#marks = new Marks(context.store);
    this.#gaps = new FeedGaps(context, this.#membership, this.#chosen);
    this.#steps = this.#walk();
  }

  next(signal?: AbortSignal): Promise<FeedChunk | undefined> {
    return this.#run(this.#chunk(), signal);
  }

  lastChanges(
    columns: readonly number[],
    signal?: AbortSignal,
  ): Promise<readonly FeedLastChange[]> {
    const spans = this.#spans.map((one, node) =>
      this.#isCounted[node] === true ? one : undefined,
    );
    const wanted = columns.map((column) => ({ column, ...this.#column(column) }));
    const context = this.#context;
    // It looks at what is earlier than the range, and retention may take that while it does.
    const look = (): Work<FeedLastChange[]> => lastChangesOf(context, spans, wanted, this.from);
    return this.#run(unpruned(context.store, MIN_HLC, look), signal);
  }

  plan(stretches: readonly ColumnStretch[], signal?: AbortSignal): Promise<FeedPlan> {
    const { from, to } = this;
    return this.#run(planOf(this.#context, this.#chosen, { from, to, stretches }), signal);
  }

  endWith(events: number, signal?: AbortSignal): Promise<Hlc> {
    return this.#run(endWith(this.#context, this.#chosen, this.from, this.to, events), signal);
  }

  close(): void {
    this.#isOver = true;
    this.#steps.return();
    for (const replay of this.#replays) replay.close();
  }

  async #run<Answer>(work: Work<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
    try {
      return await this.#turns.run(work, signal);
    } finally {
      // Replays go on with their reads: none may outlive this turn.
      this.#context.source.pauseReads();
    }
  }

  *#chunk(): Work<FeedChunk | undefined> {
    if (this.#isOver) return undefined;
    const { timers } = this.#context;
    const startMs = timers.nowMs();
    const steps: FeedStep[] = [];
    let size = 0;
    for (;;) {
      this.#refusePruned();
      const { value: step, done } = this.#steps.next();
      if (done === true) {
        this.#isOver = true;
        return { steps, reached: this.to };
      }
      if (step !== undefined) {
        steps.push(step);
        size += 1 + step.changes.length + (step.inFlight?.length ?? 0);
      }
      const spentMs = timers.nowMs() - startMs;
      if (size >= CHUNK_CHANGES || spentMs < 0 || spentMs >= CHUNK_MS) {
        return { steps, reached: this.#reached };
      }
      yield;
    }
  }

  /** Steps, and undefined where nothing is to be told: everywhere the work may be paused. */
  *#walk(): Generator<FeedStep | undefined, void, void> {
    const { from, to } = this;
    const noLogs: Chosen = { ...this.#chosen, logs: new Set() };
    const isStranger = this.#isStranger();
    const shows = (body: EventBody): boolean => {
      const isNews = isStranger(body);
      if (isNews) this.#hasHeardStranger = true;
      return isNews || this.#withMessages;
    };
    for (const [node, spans] of this.#spans.entries()) {
      const chosen = this.#isCounted[node] === true ? this.#chosen : noLogs;
      this.#replays.push(new NodeReplay(this.#context, spans, from, to, chosen, shows));
      this.#columns.push(new NodeColumns(this.#index));
      yield;
    }
    yield this.#first();
    const counted = this.#spans.map((one, node) =>
      this.#isCounted[node] === true ? one : undefined,
    );
    const edges = this.#gaps.edges(counted, from, to);
    const order = new NextFirst(this.#replays);
    const places = new Map(this.nodes.map((node, place) => [node, place] as const));
    let edge = 0;
    for (;;) {
      const t = Math.min(order.time, edges[edge]?.t ?? NEVER) as Hlc;
      if (t > to) return;
      const moment = new Moment(t);
      while (order.time === t) moment.advance(order, places, this.#index);
      for (let next = edges[edge]; next?.t === t; next = edges[edge]) {
        moment.judged.add(next.node);
        edge += 1;
      }
      this.#reached = t;
      yield this.#step(moment);
    }
  }

  #first(): FeedStep {
    const moment = new Moment(this.from);
    moment.judged.add(NOBODY);
    for (const node of this.nodes.keys()) {
      moment.judged.add(node);
      moment.moved.add(node);
      noteTouched(moment.touched, node, this.#index.all);
    }
    return this.#told(moment);
  }

  #step(moment: Moment): FeedStep | undefined {
    const step = this.#told(moment);
    const { standings, changes, missing, messaging } = step;
    const isNews = standings.length + changes.length + missing.length + messaging.length > 0;
    return isNews ? step : undefined;
  }

  #told({ t, touched, moved, judged, messaging }: Moment): FeedStep {
    const standings: FeedStanding[] = [];
    const changes: FeedChange[] = [];
    const missing: FeedMissing[] = [];
    for (const node of new Set([...moved, ...judged])) {
      if (node === NOBODY) continue;
      const replay = this.#replays[node] as NodeReplay;
      const standing = standingAt(this.#context, node, replay, t);
      if (standing !== undefined && !isSameStanding(standing, this.#standings[node])) {
        standings.push(standing);
      }
      this.#standings[node] = standing;
    }
    for (const node of moved) this.#noteView(node);
    for (const [node, columns] of touched) {
      if (this.#isCounted[node] !== true) continue;
      const held = this.#columns[node] as NodeColumns;
      const replay = this.#replays[node] as NodeReplay;
      for (const change of changesOf(node, held, replay, columns)) changes.push(change);
    }
    const isAnybodyUnknown = (this.#missing.get(NOBODY) ?? "[]") !== "[]";
    // Who sent may be known by now, or be no member any more.
    const isNobodyJudged =
      judged.has(NOBODY) ||
      (this.#hasHeardStranger && messaging.size > 0) ||
      (isAnybodyUnknown && moved.size > 0);
    if (isNobodyJudged) this.#judge(NOBODY, t, missing);
    for (const node of new Set([...moved, ...judged])) {
      if (node !== NOBODY && this.#isCounted[node] === true) this.#judge(node, t, missing);
    }
    const step = { t, standings, changes, missing };
    if (!this.#withMessages) return { ...step, messaging: [] };
    return { ...step, messaging: [...messaging], inFlight: this.#inFlight(t) };
  }

  #judge(node: number, t: Hlc, missing: FeedMissing[]): void {
    const incomplete =
      node === NOBODY
        ? this.#gaps.missingOfNobody(this.#views, t)
        : this.#gaps.missingFrom(this.#spans[node] as NodeSpans, t);
    const text = JSON.stringify(incomplete);
    if (text === (this.#missing.get(node) ?? "[]")) return;
    this.#missing.set(node, text);
    missing.push({ node, incomplete });
  }

  /** The node's state is that of another run now, or of none. */
  #noteView(node: number): void {
    const { spans, span, view } = this.#replays[node] as NodeReplay;
    for (const { record } of spans.spans) this.#views.delete(record.id);
    if (span !== undefined && view !== undefined) this.#views.set(span.record.id, view);
  }

  /** Null where messages may be missing that nobody will bring. */
  #inFlight(t: Hlc): readonly FeedMessage[] | null {
    const counts = (record: Parameters<typeof countsAt>[0]): boolean =>
      countsAt(record, t, this.#chosen, this.#membership);
    const gaps = inFlightGaps(this.#context, this.#membership, t, counts);
    const isLost = gaps.some(({ reason }) => LOST_REASONS.has(reason));
    if (isLost || this.#context.slow.isCutShortAt(t)) return null;
    const found = inFlightAt(this.#context, this.#membership, this.#views, t, () => true);
    return found.map(({ from, to }) => ({ from, to }));
  }

  /** A receive that tells of a run that is not known, or that went on after it was taken for ended. */
  #isStranger(): (body: EventBody) => boolean {
    if (this.#chosen.namesNodes) return () => false;
    const ends = new Map<string, number>();
    for (const { spans } of this.#membership.values()) {
      for (const { record } of spans) {
        const run = messageId({ node: record.node, epoch: record.epoch, seq: 0 });
        ends.set(run, record.end?.t ?? NEVER);
      }
    }
    return (body) => {
      if (body.kind !== "receive" || body.from === null) return false;
      const end = ends.get(messageId({ ...body.from, seq: 0 }));
      return end === undefined || (body.sentT !== null && body.sentT >= end);
    };
  }

  #column(column: number): { readonly log: string; readonly key: string } {
    return this.#index.columns[column] as { readonly log: string; readonly key: string };
  }

  #refusePruned(): void {
    if (!this.#marks.haveRisenPast(this.#reached)) return;
    throw new RetroError("outside-retention", "retention has removed what was being searched", {
      retriable: true,
      hint: "Search a later range.",
    });
  }
}

const LOST_REASONS: ReadonlySet<string> = new Set(["lost", "not-captured", "outside-retention"]);
