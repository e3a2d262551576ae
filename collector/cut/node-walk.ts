/**
 * Everything that happens to the selected variables of one node in (from, to], in order, with the
 * values before and after: what steps and variable histories are made of.
 *
 *     epochs     |join ...events... lost ...events...|end        |join ...events
 *     replayed   |-------- one view, forward --------|vanish     |-- the next view --
 */
import {
  type Batch,
  type EventBody,
  type Hlc,
  KindCode,
  type LostRange,
  type Value,
  type VariableRef,
  valuesEqual,
} from "../../agent/kernel/index.ts";
import { type EventRows, rowFrom, seqAt } from "../store/segment-rows.ts";
import type { CutContext } from "./context.ts";
import { indexAfter } from "./epoch-source.ts";
import { EpochView, touches } from "./epoch-view.ts";
import type { StepChange, UnknownReason } from "./history.ts";
import { type LogImage, reasonOf } from "./log-image.ts";
import { compareText, type EpochSpan, type NodeSpans } from "./membership.ts";
import { beginningOf } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import type { Work } from "./turns.ts";
import { beforeAfter, type Held, isChosen, NOT_THERE } from "./variables.ts";

/** One thing that happened to one variable (or, with an empty log and key, to the node). */
export interface Happening {
  readonly t: Hlc;
  readonly epoch: number;
  readonly seq: number;
  readonly change: StepChange;
  /** Why the variable is not known after it; undefined if it is, or is not there. */
  readonly unknown: UnknownReason | undefined;
}

const CHANGE_KINDS = ["set", "delete", "add", "remove"] as const;

/**
 * In order of time, then seq. Replays lazily: stop early and the rest is not read. Between batches comes
 * an undefined: a place where one may pause.
 */
export function* happenings(
  context: CutContext,
  node: NodeSpans,
  from: Hlc,
  to: Hlc,
  chosen: Chosen,
): Generator<Happening | undefined> {
  let before: EpochWalk | undefined;
  for (const span of node.spans) {
    const { record, until } = span;
    if (record.joined > to) return;
    if (until <= from) continue;
    const walk = new EpochWalk(context, span, chosen);
    if (record.joined > from && before?.span.until === record.joined) {
      yield* before.vanish("join", record.joined, record.epoch, 1);
    }
    before = undefined;
    // An epoch that ended as it joined was never its node's state.
    if (until <= record.joined) continue;
    if (record.joined > from) yield walk.membership("join", record.joined, 1);
    yield* walk.run(from, Math.min(to, until - 1) as Hlc);
    if (record.end === null || until !== record.end.t) {
      before = walk;
    } else if (until <= to) {
      const last = record.stored.at(-1)?.last ?? 0;
      yield* walk.vanish("leave", until, record.epoch, last);
      yield walk.membership("leave", until, last);
    }
  }
}

class EpochWalk {
  readonly span: EpochSpan;
  readonly #context: CutContext;
  readonly #chosen: Chosen;
  view: EpochView;

  constructor(context: CutContext, span: EpochSpan, chosen: Chosen) {
    this.#context = context;
    this.span = span;
    this.#chosen = chosen;
    this.view = new EpochView(chosen.logs);
  }

  /** What happens in (from, to], starting from the state at `from`. */
  *run(from: Hlc, to: Hlc): Generator<Happening | undefined> {
    const { source } = this.#context;
    const { record } = this.span;
    const beginning = beginningOf(this.#context.store, record);
    if (from >= beginning) this.view = source.viewAt(record, from, this.#chosen.logs);
    else if (beginning > record.joined) yield* this.#begin(beginning, to);
    const choice = { logs: this.#chosen.logs, messages: false, rest: false };
    for (const batch of source.batches(record.id, from, to, { choice })) {
      const { events } = batch;
      const end = indexAfter(events.t, to, events.count);
      const start = rowFrom(batch, this.view.seq + 1);
      if (end <= start) continue;
      yield* this.#lostBefore(seqAt(batch, start), events.t[start] as Hlc);
      yield* this.#events(batch, start, end);
      yield undefined;
    }
    yield* this.#lostBefore(Number.POSITIVE_INFINITY, to);
  }

  /** Where history begins inside the range: what is known there becomes known, as by a keyframe. */
  *#begin(t: Hlc, to: Hlc): Generator<Happening> {
    const { record } = this.span;
    if (t > to) {
      this.view = this.#context.source.viewAt(record, to, this.#chosen.logs);
      return;
    }
    this.view = this.#context.source.viewAt(record, t, this.#chosen.logs);
    for (const { log, key, held } of this.#known(() => true)) {
      if (held.value === undefined) continue;
      const change = this.#change(log, key, "keyframe", { unknown: "lost" }, held);
      yield { t, epoch: record.epoch, seq: this.view.seq, change, unknown: undefined };
    }
  }

  *#lostBefore(seq: number, latest: Hlc): Generator<Happening> {
    for (const range of this.#context.source.lostRanges(this.span.record)) {
      if (!this.view.awaits(range) || range.firstSeq >= seq) continue;
      if (seq === Number.POSITIVE_INFINITY && range.firstT > latest) continue;
      // The first events of an epoch may be lost: to this node nothing happens before it joined.
      const t = Math.max(this.span.record.joined, Math.min(range.firstT, latest));
      yield* this.#lose(range, t as Hlc);
    }
  }

  *#lose(range: LostRange, t: Hlc): Generator<Happening> {
    const { epoch } = this.span.record;
    const known = this.#known((name) => touches(range, name));
    this.view.applyLost(range);
    for (const { log, key, held } of known) {
      const unknown = this.view.unknownOf(log, key);
      // What was not captured may turn out to be lost for good, which is another answer.
      if (held.unknown === unknown) continue;
      const change = this.#change(log, key, reasonOf(range), held, { unknown });
      yield { t, epoch, seq: range.firstSeq, change, unknown };
    }
  }

  *#events(batch: EventRows, start: number, end: number): Generator<Happening> {
    const { events } = batch;
    const wanted = events.variables.map(({ log, key }) => isChosen(this.#chosen, log, key));
    for (let i = start; i < end; i += 1) {
      const code = events.kind[i] as number;
      const seq = seqAt(batch, i);
      if (code <= 3) {
        if (wanted[events.ref[i] as number]) yield this.#applyChange(batch, i, seq, code);
      } else if (code === KindCode.keyframe) {
        const body = events.bodies[events.ref[i] as number] as EventBody;
        if (body.kind === "keyframe" && this.view.follows(body.log)) {
          yield* this.#applyKeyframe(body.log, body.state, seq, events.t[i] as Hlc);
        }
      }
      this.view.seq = Math.max(this.view.seq, seq);
    }
  }

  #applyChange({ events }: Batch, i: number, seq: number, code: number): Happening {
    const { log, key } = events.variables[events.ref[i] as number] as VariableRef;
    const image = this.view.image(log);
    const slot = image.slotFor(key);
    const before = heldIn(image, key);
    image.applyChange(slot, code, events, i);
    const after = heldIn(image, key);
    const kind = CHANGE_KINDS[code] as (typeof CHANGE_KINDS)[number];
    return {
      t: events.t[i] as Hlc,
      epoch: this.span.record.epoch,
      seq,
      change: this.#change(log, key, kind, before, after),
      unknown: after.unknown,
    };
  }

  *#applyKeyframe(
    log: string,
    state: ReadonlyMap<string, Value>,
    seq: number,
    t: Hlc,
  ): Generator<Happening> {
    const image = this.view.image(log);
    // Before all is replaced: what an absent variable was is known only of the old image.
    const present = this.#chosen.keys ?? new Set([...image.keys(), ...state.keys()]);
    const keys = [...present].sort(compareText);
    const held = keys.map((key) => heldIn(image, key));
    const isAsked = this.#chosen.keys !== undefined && this.#chosen.logs !== undefined;
    image.replace(state);
    for (const [i, key] of keys.entries()) {
      const before = held[i] as Held;
      const after = heldIn(image, key);
      const isFound = isAsked && before.unknown !== undefined;
      if (!isFound && valuesEqual(before.value, after.value)) continue;
      const change = this.#change(log, key, "keyframe", before, after);
      yield { t, epoch: this.span.record.epoch, seq, change, unknown: undefined };
    }
  }

  /** The node's state goes away: every variable known, or known to be lost, with it. */
  *vanish(kind: "join" | "leave", t: Hlc, epoch: number, seq: number): Generator<Happening> {
    for (const { log, key, held } of this.#known(() => true)) {
      if (held.value === undefined && held.unknown === undefined) continue;
      const change = this.#change(log, key, kind, held, NOT_THERE);
      yield { t, epoch, seq, change, unknown: undefined };
    }
  }

  membership(kind: "join" | "leave", t: Hlc, seq: number): Happening {
    const { epoch } = this.span.record;
    const change = this.#change("", "", kind, NOT_THERE, NOT_THERE);
    return { t, epoch, seq: Math.max(1, seq), change, unknown: undefined };
  }

  #known(isAsked: (log: string) => boolean): Known[] {
    const logs = new Set([...this.view.logs.keys(), ...(this.#chosen.logs ?? [])]);
    return [...logs]
      .filter(isAsked)
      .sort(compareText)
      .flatMap((log) => this.#held(log, this.view.image(log)));
  }

  /** The chosen variables that exist, or are asked for by name and lost; by key. */
  #held(log: string, image: LogImage): Known[] {
    const { keys } = this.#chosen;
    return [...(keys ?? image.keys())].sort(compareText).flatMap((key) => {
      const held = heldIn(image, key);
      const isAsked = keys !== undefined && this.#chosen.logs !== undefined;
      return held.value !== undefined || isAsked ? [{ log, key, held }] : [];
    });
  }

  #change(
    log: string,
    key: string,
    kind: StepChange["kind"],
    before: Held,
    after: Held,
  ): StepChange {
    return { node: this.span.record.node, log, key, kind, ...beforeAfter(before, after) };
  }
}

interface Known {
  readonly log: string;
  readonly key: string;
  readonly held: Held;
}

function heldIn(image: LogImage, key: string): Held {
  const value = image.get(key);
  return value === undefined ? { unknown: image.unknownOf(key) } : { value };
}

/**
 * The latest times at or before `from` at which something may have happened to the selection, at most
 * `count`, latest first. A hint where to replay: a time may turn out empty.
 */
export function* candidateTimes(
  context: CutContext,
  node: NodeSpans,
  from: Hlc,
  count: number,
  chosen: Chosen,
): Work<Hlc[]> {
  const times = new Set<Hlc>();
  for (const span of node.spans) {
    const { record } = span;
    if (record.joined > from) continue;
    times.add(record.joined);
    const beginning = beginningOf(context.store, record);
    if (beginning <= Math.min(from, span.until - 1)) times.add(beginning);
    if (record.end !== null) times.add(record.end.t);
    for (const { firstT } of context.source.lostRanges(record)) times.add(firstT);
    let found = 0;
    let latest: Hlc | undefined;
    const last = Math.min(from, span.until - 1) as Hlc;
    const choice = { logs: chosen.logs, messages: false, rest: false };
    const options = { choice, reverse: true };
    for (const batch of context.source.batches(record.id, record.joined, last, options)) {
      for (const t of timesIn(batch, last, chosen)) {
        if (t === latest) continue;
        latest = t;
        times.add(t);
        found += 1;
        if (found > count) break;
      }
      if (found > count) break;
      yield;
    }
  }
  return [...times]
    .filter((t) => t <= from)
    .sort((a, b) => b - a)
    .slice(0, count);
}

function* timesIn({ events }: Batch, last: Hlc, chosen: Chosen): Generator<Hlc> {
  const wanted = events.variables.map(({ log, key }) => isChosen(chosen, log, key));
  for (let i = indexAfter(events.t, last, events.count) - 1; i >= 0; i -= 1) {
    const code = events.kind[i] as number;
    const isChange = code <= 3 && wanted[events.ref[i] as number] === true;
    if (isChange || code === KindCode.keyframe) yield events.t[i] as Hlc;
  }
}
