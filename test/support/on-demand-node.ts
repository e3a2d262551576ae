/**
 * A node that ships on demand, at random: what it did, and the batches that tell of it. Heartbeats declare
 * what was not shipped; islands are captures that begin with keyframes, most of them. Delivery may turn
 * everything around and repeat it. Everything that is said is true, so that a naive replay of what the node
 * did is the judge of every answer.
 */
import {
  type Batch,
  type Hlc,
  type LostRange,
  type RetroEvent,
  toJsonForm,
  type Value,
} from "../../agent/kernel/index.ts";
import { aBatch, type Row } from "./batches.ts";
import type { Draw } from "./random-history.ts";

export const LOGS: readonly string[] = ["a", "b"];
const KEYS = ["x", "y", "z"];
const EPOCH = 1_000;

export interface OnDemandNode {
  /** In order; seq from 1, the first is the join. */
  readonly events: readonly RetroEvent[];
  /** Later than every event. */
  readonly end: Hlc;
  /** In the order in which they were sent. */
  readonly batches: readonly Batch[];
}

export function makeNode(draw: Draw, start: number, size: number): OnDemandNode {
  const events = makeEvents(draw, start, size);
  const end = (timeOf(events, events.length) + 50) as Hlc;
  return { events, end, batches: makeBatches(draw, events, end) };
}

function makeEvents(draw: Draw, start: number, size: number): RetroEvent[] {
  const events: RetroEvent[] = [];
  const state = new Map<string, Map<string, Value>>(LOGS.map((log) => [log, new Map()]));
  let t = start;
  const add = (row: object): void => {
    events.push({ seq: events.length + 1, t: t as Hlc, ...row } as RetroEvent);
  };
  const keyframes = (): void => {
    for (const log of LOGS) add({ kind: "keyframe", log, state: new Map(state.get(log)) });
  };
  add({ kind: "join", service: "shop", tags: {}, instance: "i1" });
  t += 1;
  keyframes();
  while (events.length < size) {
    t += 2 + draw.below(20);
    const kind = draw.below(10);
    const log = draw.one(LOGS);
    const key = draw.one(KEYS);
    const held = state.get(log) as Map<string, Value>;
    if (kind === 0) {
      keyframes();
    } else if (kind === 1) {
      held.delete(key);
      add({ kind: "delete", log, key });
    } else if (kind === 2) {
      const nobody = { to: null, peer: "p", id: null, replaces: null, failed: false };
      add({ kind: "send", channel: "http", ...nobody, streamed: false });
    } else if (kind === 3) {
      const nobody = { from: null, sentT: null, peer: "p", id: null };
      add({ kind: "receive", channel: "http", ...nobody, unverified: false, relayed: false });
    } else {
      // Now and then a commit of several.
      for (let more = kind === 4 ? 3 : 1; more > 0; more -= 1) {
        const name = draw.one(KEYS);
        const value = events.length;
        held.set(name, value);
        add({ kind: "set", log, key: name, value });
      }
    }
  }
  return events;
}

function timeOf(events: readonly RetroEvent[], seq: number): number {
  return (events[seq - 1] as RetroEvent).t;
}

/** A promise that is true of everything after `seq`. */
function promiseAfter(draw: Draw, events: readonly RetroEvent[], seq: number, end: Hlc): Hlc {
  const next = seq < events.length ? timeOf(events, seq + 1) - 1 : end;
  return draw.one([timeOf(events, seq), next, Math.floor((timeOf(events, seq) + next) / 2)]) as Hlc;
}

/** The last seq of the commit that `seq` is in. */
function endOfCommit(events: readonly RetroEvent[], seq: number): number {
  let last = Math.min(seq, events.length);
  while (last < events.length && timeOf(events, last + 1) === timeOf(events, last)) last += 1;
  return last;
}

function makeBatches(draw: Draw, events: readonly RetroEvent[], end: Hlc): Batch[] {
  const batches: Batch[] = [island(draw, events, 1, endOfCommit(events, 1), end)];
  let told = endOfCommit(events, 1);
  const shipped = new Set<number>(events.slice(0, told).map(({ seq }) => seq));
  while (told < events.length) {
    const last = endOfCommit(events, told + 1 + draw.below(15));
    // What is shipped as it is recorded need not be declared.
    if (draw.chance(0.15)) {
      batches.push(island(draw, events, told + 1, last, end));
      for (let seq = told + 1; seq <= last; seq += 1) shipped.add(seq);
    }
    batches.push(heartbeat(draw, events, told + 1, last, shipped, end));
    told = last;
    while (draw.chance(0.3)) {
      for (const [first, until] of window(draw, events, told)) {
        batches.push(island(draw, events, first, until, end));
        for (let seq = first; seq <= until; seq += 1) shipped.add(seq);
      }
    }
  }
  // A quiet end.
  const after = { firstSeq: told + 1, closed: end };
  batches.push(aBatch([], { ...fieldsOf(events), ...after }));
  return batches;
}

/** A capture among the first `told` events, in one or several batches. */
function window(draw: Draw, events: readonly RetroEvent[], told: number): [number, number][] {
  const starts = events
    .slice(0, told)
    .filter(({ kind }, i) => kind === "keyframe" && events[i - 1]?.kind !== "keyframe")
    .map(({ seq }) => seq);
  const isWhole = draw.chance(0.8) && starts.length > 0;
  const any = endOfCommit(events, 1 + draw.below(told)) + 1;
  let first = isWhole ? draw.one(starts) : any;
  const parts: [number, number][] = [];
  for (let count = 1 + draw.below(3); count > 0 && first <= told; count -= 1) {
    const last = Math.min(told, endOfCommit(events, first + draw.below(12)));
    parts.push([first, last]);
    first = last + 1;
  }
  return parts;
}

function fieldsOf(_events: readonly RetroEvent[]) {
  return { node: "n1", epoch: EPOCH, status: { pid: 1, stream: "on-demand" } };
}

function island(
  draw: Draw,
  events: readonly RetroEvent[],
  first: number,
  last: number,
  end: Hlc,
): Batch {
  const rows = events.slice(first - 1, last).map(({ seq: _seq, ...row }) => row as Row);
  const closed = promiseAfter(draw, events, last, end);
  return aBatch(rows, { ...fieldsOf(events), firstSeq: first, closed });
}

/** Declares what was not shipped of [first, last]: exactly, or with what was; with names, or without. */
function heartbeat(
  draw: Draw,
  events: readonly RetroEvent[],
  first: number,
  last: number,
  shipped: ReadonlySet<number>,
  end: Hlc,
): Batch {
  const from = draw.chance(0.3) ? Math.max(2, first - draw.below(10)) : first;
  const dropped: LostRange[] = [];
  const isExact = draw.chance(0.7);
  const cutAt = draw.chance(0.3) ? draw.below(last) : 0;
  let run: RetroEvent[] = [];
  const declare = (): void => {
    if (run.length > 0) dropped.push(rangeOf(draw, run));
    run = [];
  };
  for (const event of events.slice(from - 1, last)) {
    if (isExact && shipped.has(event.seq)) declare();
    else run.push(event);
    if (event.seq === cutAt) declare();
  }
  declare();
  const closed = promiseAfter(draw, events, last, end);
  return aBatch([], { ...fieldsOf(events), firstSeq: last + 1, closed, dropped });
}

function rangeOf(draw: Draw, run: readonly RetroEvent[]): LostRange {
  const [first, last] = [run[0] as RetroEvent, run.at(-1) as RetroEvent];
  const changed = run.flatMap((one) => ("log" in one && one.kind !== "keyframe" ? [one.log] : []));
  return {
    firstSeq: first.seq,
    lastSeq: last.seq,
    firstT: first.t,
    lastT: last.t,
    logs: draw.chance(0.5) ? null : [...new Set(changed)],
    messages: run.some(({ kind }) => kind === "send" || kind === "receive"),
    reason: "not-captured",
  };
}

/** What the node held at `t`: everything replayed, variable by variable. */
export function truthAt(
  events: readonly RetroEvent[],
  t: number,
): Record<string, Record<string, unknown>> {
  const logs: Record<string, Record<string, unknown>> = {};
  for (const event of events) {
    if (event.t > t) break;
    if (event.kind !== "set" && event.kind !== "delete") continue;
    const held = logs[event.log] ?? {};
    logs[event.log] = held;
    if (event.kind === "set") held[event.key] = toJsonForm(event.value);
    else delete held[event.key];
  }
  return Object.fromEntries(
    Object.entries(logs).filter(([, held]) => Object.keys(held).length > 0),
  );
}
