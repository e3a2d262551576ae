/**
 * One node's state, moved forward from moment to moment: what a walk over every cut is made of. Hot.
 *
 *     batch     | e e e s e s s | s e e |      e: shown (a selected change)   s: silent (all else)
 *     applied   |=======>
 *     next              ^                      the next moment at which something shows
 *
 * Between `next` and what is applied there are only silent events. They change no selected variable,
 * but tell who sends to this node: `settle` applies those up to a time, for whoever asks if a cut is
 * complete. A batch's end without anything shown is a moment too, at which nothing shows.
 */
import {
  type EventBody,
  type Hlc,
  KindCode,
  type LostRange,
  type Value,
  valuesEqual,
} from "../../agent/kernel/index.ts";
import { type EventRows, rowFrom, seqAt } from "../store/segment-rows.ts";
import type { CutContext } from "./context.ts";
import { blocksOfView, indexAfter } from "./epoch-source.ts";
import { EpochView, type Places, placesFor } from "./epoch-view.ts";
import { type LogImage, reasonOf } from "./log-image.ts";
import { type EpochSpan, isActiveAt, type NodeSpans } from "./membership.ts";
import { beginningOf } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import { isChosen } from "./variables.ts";
import type { WalkChange } from "./walk-shapes.ts";

const CHANGE_KINDS = ["set", "delete", "add", "remove"] as const;
const NEVER = Number.POSITIVE_INFINITY;

/** Whether a send or a receive shows, which by itself changes no variable. */
export type ShowsMessage = (body: EventBody) => boolean;

/** What happens next: an event, the end of a batch, a lost range (its index), the run's end or another's beginning. */
type Next = "event" | "flush" | "lost" | "begin" | "end" | "join" | "nothing";

export class NodeReplay {
  readonly spans: NodeSpans;
  /** The run that is the node's state now; undefined: it is no member. */
  span: EpochSpan | undefined;
  view: EpochView | undefined;
  /** The next moment; Infinity: there is none. */
  next: number = NEVER;
  /** How many of the messages that show have been gone through. */
  shownMessages = 0;
  readonly #context: CutContext;
  readonly #chosen: Chosen;
  readonly #to: number;
  readonly #shows: ShowsMessage | undefined;
  #kind: Next = "nothing";
  /** Index of the shown event, or end of the batch. */
  #stop = 0;
  #range: LostRange | undefined;
  /** When the history of the run begins, if that is still to come. */
  #begins: Hlc | undefined;
  /** The run that comes after what was gone through. */
  #following: number;
  #batches: Iterator<EventRows> | undefined;
  #batch: EventRows | undefined;
  #index = 0;
  #places: Places | undefined;
  #wanted: readonly boolean[] = [];

  /** `shows`: asked of every send and receive; without it none shows. */
  constructor(
    context: CutContext,
    spans: NodeSpans,
    from: Hlc,
    to: Hlc,
    chosen: Chosen,
    shows?: ShowsMessage,
  ) {
    this.#context = context;
    this.#chosen = chosen;
    this.#to = to;
    this.#shows = shows;
    this.spans = spans;
    this.#following = spans.spans.findIndex(({ record }) => record.joined > from);
    if (this.#following < 0) this.#following = spans.spans.length;
    const span = spans.spans[this.#following - 1];
    if (span !== undefined && isActiveAt(span, from)) {
      this.span = span;
      this.#open(from, () => context.source.viewAt(span.record, from, chosen.logs));
    }
    this.#look();
  }

  /** Whether it is a member of which retention has taken the state: its view holds nothing, and means nothing. */
  get isBeforeHistory(): boolean {
    return this.#begins !== undefined;
  }

  /** Applies everything at `next` and tells what of it shows; goes on to look for the moment after. */
  advance(changed: WalkChange[]): void {
    const moment = this.next;
    while (this.next <= moment) {
      this.#apply(changed);
      this.#look();
    }
  }

  /** Applies silent events up to `t`, which must lie before `next`. */
  settle(t: Hlc): void {
    const { view } = this;
    const batch = this.#batch;
    if (view === undefined || batch === undefined) return;
    const end = Math.min(this.#stop, indexAfter(batch.events.t, t, batch.events.count));
    if (end <= this.#index) return;
    view.applyEvents(batch, this.#index, end, this.#places);
    this.#index = end;
  }

  /** Ends the reading. */
  close(): void {
    this.#batches?.return?.();
    this.#batches = undefined;
    this.#batch = undefined;
    this.next = NEVER;
  }

  /** Of a run whose beginning retention took nothing is known until its history begins. */
  #open(from: Hlc, start: () => EpochView): void {
    const { record } = this.span as EpochSpan;
    const beginning = beginningOf(this.#context.store, record);
    this.#begins = from < beginning ? beginning : undefined;
    this.view = this.#begins === undefined ? start() : new EpochView(this.#chosen.logs);
    if (this.#begins === undefined) this.#read(from);
  }

  #read(from: Hlc): void {
    this.#batches?.return?.();
    this.#batch = undefined;
    const { record, until } = this.span as EpochSpan;
    const last = Math.min(this.#to, until - 1) as Hlc;
    const start = Math.max(from, record.joined) as Hlc;
    // What a view is made of, and no more: else events before `from` that it skipped would come again.
    const choice = blocksOfView(this.#chosen.logs);
    this.#batches =
      start > last ? undefined : this.#context.source.batches(record.id, start, last, { choice });
    this.#nextBatch();
  }

  #nextBatch(): void {
    const view = this.view as EpochView;
    for (;;) {
      const next = this.#batches?.next();
      if (next === undefined || next.done === true) {
        this.#batch = undefined;
        return;
      }
      const { events } = next.value;
      this.#index = rowFrom(next.value, view.seq + 1);
      if (this.#index >= events.count) continue;
      this.#batch = next.value;
      this.#places = placesFor(next.value);
      this.#wanted = events.variables.map(({ log, key }) => isChosen(this.#chosen, log, key));
      return;
    }
  }

  /** Finds what happens next in the run, or that it ends, or that another begins. */
  #look(): void {
    this.#kind = "nothing";
    this.next = NEVER;
    const { span } = this;
    if (span !== undefined) {
      const last = Math.min(this.#to, span.until - 1);
      if (this.#begins === undefined) this.#lookInside(span, last);
      else this.#nextIs(this.#begins, "begin");
      if (this.next > last) this.#nextIs(span.until, "end");
    } else {
      const following = this.spans.spans[this.#following];
      if (following !== undefined) this.#nextIs(following.record.joined, "join");
    }
    if (this.next > this.#to) this.#nextIs(NEVER, "nothing");
  }

  #nextIs(t: number, kind: Next): void {
    this.next = t;
    this.#kind = kind;
  }

  #lookInside(span: EpochSpan, last: number): void {
    const batch = this.#skipCovered();
    const range = this.#lostNext(span, batch, last);
    if (range !== undefined) {
      const t = batch === undefined ? last : (batch.events.t[this.#index] as number);
      this.#range = range;
      this.#nextIs(Math.max(span.record.joined, Math.min(range.firstT, t)), "lost");
      return;
    }
    if (batch === undefined) return;
    const { events } = batch;
    const { kind, ref, t, count } = events;
    for (let i = this.#index; i < count; i += 1) {
      const code = kind[i] as number;
      const isShown =
        code <= 3
          ? this.#wanted[ref[i] as number] === true
          : code === KindCode.keyframe ||
            this.#isShownMessage(code, events.bodies, ref[i] as number);
      if (!isShown) continue;
      this.#stop = i;
      if ((t[i] as number) <= last) this.#nextIs(t[i] as number, "event");
      return;
    }
    this.#stop = count;
    const end = t[count - 1] as number;
    if (end <= last) this.#nextIs(end, "flush");
  }

  #isShownMessage(code: number, bodies: readonly EventBody[], ref: number): boolean {
    if (this.#shows === undefined) return false;
    const isMessage = code === KindCode.send || code === KindCode.receive;
    return isMessage && this.#shows(bodies[ref] as EventBody);
  }

  /** Folded lost ranges lie over stored events: what they cover is passed over. */
  #skipCovered(): EventRows | undefined {
    for (;;) {
      const batch = this.#batch;
      if (batch === undefined) return undefined;
      const seq = (this.view as EpochView).seq;
      this.#index = Math.max(this.#index, rowFrom(batch, seq + 1));
      if (this.#index < batch.events.count) return batch;
      this.#nextBatch();
    }
  }

  /** The lost range that comes before the next event of the run, if one does. */
  #lostNext(
    { record }: EpochSpan,
    batch: EventRows | undefined,
    last: number,
  ): LostRange | undefined {
    const seq = batch === undefined ? NEVER : seqAt(batch, this.#index);
    return this.#context.source
      .lostRanges(record)
      .find(
        (range) =>
          (this.view as EpochView).awaits(range) &&
          range.firstSeq < seq &&
          (batch !== undefined || range.firstT <= last),
      );
  }

  #apply(changed: WalkChange[]): void {
    if (this.#kind === "event") this.#event(changed);
    else if (this.#kind === "flush") this.#flush();
    else if (this.#kind === "lost") this.#lose(changed);
    else if (this.#kind === "join") this.#join(changed);
    else if (this.#kind === "begin") this.#begin(changed);
    else this.#end(changed);
  }

  #event(changed: WalkChange[]): void {
    const { node } = this.spans;
    const view = this.view as EpochView;
    const batch = this.#batch as EventRows;
    const { events } = batch;
    const stop = this.#stop;
    const code = events.kind[stop] as number;
    const ref = events.ref[stop] as number;
    if (code <= 3) {
      const { log, key } = events.variables[ref] as { readonly log: string; readonly key: string };
      changed.push({ node, log, key, kind: CHANGE_KINDS[code] as (typeof CHANGE_KINDS)[number] });
    } else {
      const body = events.bodies[ref] as EventBody;
      if (body.kind !== "keyframe") this.shownMessages += 1;
      else if (view.follows(body.log)) {
        for (const key of this.#altered(view.image(body.log), body.state)) {
          changed.push({ node, log: body.log, key, kind: "keyframe" });
        }
      }
    }
    view.applyEvents(batch, this.#index, stop + 1, this.#places);
    this.#index = stop + 1;
  }

  #flush(): void {
    const batch = this.#batch as EventRows;
    (this.view as EpochView).applyEvents(batch, this.#index, this.#stop, this.#places);
    this.#index = this.#stop;
  }

  /** The selected keys that hold something else after a keyframe, or become known by it. */
  #altered(image: LogImage, state: ReadonlyMap<string, Value>): string[] {
    const { keys } = this.#chosen;
    const asked = keys ?? new Set([...image.keys(), ...state.keys()]);
    const altered = [...asked].filter(
      (key) => !valuesEqual(image.get(key), state.get(key)) || image.isLost(key),
    );
    // Absent variables become known, though none has a name.
    return altered.length === 0 && keys === undefined && image.lost.length > 0 ? [""] : altered;
  }

  #lose(changed: WalkChange[]): void {
    const view = this.view as EpochView;
    const range = this.#range as LostRange;
    const { node } = this.spans;
    const kind = reasonOf(range);
    const logs = range.logs === null ? [""] : range.logs.filter((log) => view.follows(log));
    for (const log of logs) changed.push({ node, log, key: "", kind });
    view.applyLost(range);
  }

  #begin(changed: WalkChange[]): void {
    const { record } = this.span as EpochSpan;
    const at = this.#begins as Hlc;
    this.#open(at, () => this.#context.source.viewAt(record, at, this.#chosen.logs));
    changed.push({ node: this.spans.node, log: "", key: "", kind: "keyframe" });
  }

  #join(changed: WalkChange[]): void {
    const span = this.spans.spans[this.#following] as EpochSpan;
    this.#following += 1;
    // A run that ended as it joined was never its node's state.
    if (span.until <= span.record.joined) return;
    this.span = span;
    this.#open(span.record.joined, () => new EpochView(this.#chosen.logs));
    changed.push({ node: this.spans.node, log: "", key: "", kind: "join" });
  }

  #end(changed: WalkChange[]): void {
    const span = this.span as EpochSpan;
    this.#batches?.return?.();
    this.#batches = undefined;
    this.#batch = undefined;
    this.span = undefined;
    this.view = undefined;
    this.#begins = undefined;
    const following = this.spans.spans[this.#following];
    // A restart is a join, not an end.
    if (following?.record.joined === span.until && following.until > following.record.joined)
      return;
    changed.push({ node: this.spans.node, log: "", key: "", kind: "leave" });
  }
}
