/**
 * The naive oracle of the cut engine: arrays of events, filtered and replayed variable by variable,
 * everything from the beginning each time. Slow and obvious. It takes nothing from the engine but the
 * nouns (event.ts and the value types), and answers in plain JSON, so that answers can be compared.
 */
import {
  type Hlc,
  type Json,
  type LostRange,
  messageId,
  type RetroEvent,
  toJsonForm,
  type Value,
  ValueSet,
} from "../../agent/kernel/index.ts";
import { MESSAGE_TIMEOUT_MS } from "./random-history.ts";
import type { KnownEpoch } from "./store-history.ts";

const TIMEOUT = MESSAGE_TIMEOUT_MS * 4096;
const SUSPECT_MS = 3_000;

export interface Asked {
  readonly nodes?: readonly string[];
  readonly services?: readonly string[];
  readonly logs?: readonly string[];
  readonly keys?: readonly string[];
}

/** Either an event or the beginning of a lost range. */
type Item = { readonly seq: number; readonly t: Hlc } & (
  | { readonly event: RetroEvent }
  | { readonly range: LostRange }
);

export type Cell =
  | { readonly state: "absent" }
  | { readonly state: "lost" }
  | { readonly state: "value"; readonly value: Value };

export class CutOracle {
  readonly epochs: readonly KnownEpoch[];
  readonly nowMs: number;

  constructor(epochs: readonly KnownEpoch[], nowMs: number) {
    this.epochs = epochs;
    this.nowMs = nowMs;
  }

  nodeNames(asked: Asked = {}): string[] {
    const names = [...new Set(this.epochs.map(({ model }) => model.node))].sort();
    return names.filter(
      (node) =>
        (!asked.nodes?.length || asked.nodes.includes(node)) &&
        (!asked.services?.length ||
          this.runsOf(node).some(({ model }) => asked.services?.includes(model.service))),
    );
  }

  runsOf(node: string): KnownEpoch[] {
    return this.epochs
      .filter(({ model }) => model.node === node)
      .sort((a, b) => a.record.joined - b.record.joined || a.model.epoch - b.model.epoch);
  }

  /** The run that had joined last by t. */
  runAt(node: string, t: number): KnownEpoch | undefined {
    return this.runsOf(node)
      .filter(({ record }) => record.joined <= t)
      .at(-1);
  }

  nextOf(run: KnownEpoch): KnownEpoch | undefined {
    const runs = this.runsOf(run.model.node);
    return runs[runs.indexOf(run) + 1];
  }

  isMember(run: KnownEpoch | undefined, t: number): run is KnownEpoch {
    return run !== undefined && (run.record.end === null || t < run.record.end.t);
  }

  /** Everything of a run up to t, in seq order: a loss counts from its first event. */
  items(run: KnownEpoch, t: number): Item[] {
    const events = run.events.filter((event) => event.t <= t);
    const lastSeq = events.at(-1)?.seq ?? 0;
    const ranges = run.lost.filter(({ firstT, firstSeq }) => firstT <= t || firstSeq < lastSeq);
    return [
      ...events.map((event): Item => ({ seq: event.seq, t: event.t, event })),
      ...ranges.map((range): Item => ({ seq: range.firstSeq, t: range.firstT, range })),
    ].sort((a, b) => a.seq - b.seq);
  }

  variablesOf(run: KnownEpoch): { log: string; key: string }[] {
    const names = new Map<string, { log: string; key: string }>();
    const note = (log: string, key: string): void => {
      names.set(JSON.stringify([log, key]), { log, key });
    };
    for (const event of run.events) {
      if (event.kind === "keyframe") for (const key of event.state.keys()) note(event.log, key);
      else if ("log" in event) note(event.log, event.key);
    }
    return [...names.values()];
  }

  cell(items: readonly Item[], log: string, key: string): Cell {
    let cell: Cell = { state: "absent" };
    for (const item of items) {
      if ("range" in item) {
        if (item.range.logs === null || item.range.logs.includes(log)) cell = { state: "lost" };
        continue;
      }
      const { event } = item;
      if (!("log" in event) || event.log !== log) continue;
      if (event.kind === "keyframe") {
        const value = event.state.get(key);
        cell = value === undefined ? { state: "absent" } : { state: "value", value };
      } else if (event.key === key) {
        cell = changed(cell, event);
      }
    }
    return cell;
  }

  stateOf(run: KnownEpoch, t: number, asked: Asked): Record<string, Record<string, Json>> {
    const logs: Record<string, Record<string, Json>> = {};
    const items = this.items(run, t);
    for (const { log, key } of this.variablesOf(run)) {
      if (!isAsked(asked, log, key)) continue;
      const cell = this.cell(items, log, key);
      if (cell.state !== "value") continue;
      logs[log] ??= Object.create(null) as Record<string, Json>;
      logs[log][key] = toJsonForm(cell.value);
    }
    return logs;
  }

  statusNow(node: string): string {
    const { record, model } = this.runsOf(node).at(-1) as KnownEpoch;
    if (record.end !== null) return record.end.kind;
    if (model.imported) return "imported";
    return this.nowMs - model.lastArrivalMs > SUSPECT_MS ? "suspect" : "live";
  }

  /** Whether the run is to be complete at t: an imported one only inside its file, or when named. */
  counts(run: KnownEpoch, t: number, asked: Asked): boolean {
    if (!run.model.imported || asked.nodes?.length || asked.services?.length) return true;
    const file = this.epochs.filter(
      (one) => one.model.imported && one.model.epoch === run.model.epoch,
    );
    return file.some(({ record }) => t <= record.closed || t <= record.lastT);
  }

  /** Reasons as sorted texts `node reason from to events seq after logs`. */
  incomplete(t: number, asked: Asked): string[] {
    const found: string[] = [];
    for (const node of this.nodeNames(asked)) {
      const run = this.runAt(node, t);
      found.push(...this.unknownBeginning(node, run, t, asked));
      found.push(...this.contended(node, run, t));
      if (!this.isMember(run, t) || !this.counts(run, t, asked)) continue;
      found.push(...this.missing(run, t), ...this.lost(run, t, asked));
    }
    if (!asked.nodes?.length) found.push(...this.strangers(t, asked));
    return found.sort();
  }

  /** The next run may have begun by t: its first events are missing. */
  unknownBeginning(node: string, run: KnownEpoch | undefined, t: number, asked: Asked): string[] {
    const runs = this.runsOf(node);
    const next = runs[run === undefined ? 0 : runs.indexOf(run) + 1];
    if (next === undefined || next.record.contiguousSeq > 0) return [];
    if (!this.counts(next, t, asked)) return [];
    const left = run?.record.end?.kind === "left" ? run.record.end.t : undefined;
    const from = left ?? run?.record.closed;
    if (from !== undefined && t <= from) return [];
    const seqs = [...next.events.map(({ seq }) => seq), ...next.lost.map((one) => one.firstSeq)];
    const first = Math.min(...seqs);
    const to = this.timeOfSeq(next, first);
    return [reason({ node, reason: "hole", from, to, events: first - 1, seq: 1 })];
  }

  /** Another process's run went on after the run of the moment had begun, and has not ended by t. */
  contended(node: string, run: KnownEpoch | undefined, t: number): string[] {
    if (run === undefined || run.model.imported) return [];
    const runs = this.runsOf(node);
    const rival = runs.slice(0, runs.indexOf(run)).find(({ model, record }) => {
      const { end, instance, lastT, closed } = record;
      if (model.imported || (instance !== "" && instance === run.record.instance)) return false;
      if (end !== null && end.t <= t) return false;
      const reached = end?.kind === "left" ? end.t : Math.max(lastT, closed);
      return reached >= run.record.joined;
    });
    if (rival === undefined) return [];
    const from = run.record.joined;
    const next = this.nextOf(run)?.record.joined;
    const { end, watermark } = rival.record;
    if (end !== null && end.t <= (next ?? end.t)) {
      return [reason({ node, reason: end.kind === "left" ? "lost" : "expired", from, to: end.t })];
    }
    if (next !== undefined) return [reason({ node, reason: "lost", from, to: next })];
    const isSuspect = end === null && this.nowMs - rival.model.lastArrivalMs > SUSPECT_MS;
    return [reason({ node, reason: isSuspect ? "suspect" : "lagging", from, after: watermark })];
  }

  missing(run: KnownEpoch, t: number): string[] {
    const { record, model } = run;
    const { node } = model;
    if (t <= record.watermark) return [];
    const found: string[] = [];
    const have = new Set<number>(run.events.map(({ seq }) => seq));
    for (const { firstSeq, lastSeq } of run.lost) {
      for (let seq = firstSeq; seq <= lastSeq; seq += 1) have.add(seq);
    }
    const highest = Math.max(...have);
    for (let seq = 1; seq <= highest; seq += 1) {
      if (have.has(seq)) continue;
      const first = seq;
      while (!have.has(seq)) seq += 1;
      const from = this.promisedAfter(run, first - 1);
      if (from !== undefined && from >= t) continue;
      const to = this.timeOfSeq(run, seq);
      found.push(reason({ node, reason: "hole", from, to, events: seq - first, seq: first }));
    }
    if (t <= record.closed && found.length > 0) return found;
    const next = this.nextOf(run)?.record.joined;
    const { closed, end } = record;
    if (end?.kind === "expired" && (next === undefined || end.t <= next)) {
      found.push(reason({ node, reason: "expired", from: closed, to: end.t }));
    } else if (next !== undefined) {
      found.push(reason({ node, reason: "lost", from: closed, to: next }));
    } else {
      const isSilent = !model.imported && this.nowMs - model.lastArrivalMs > SUSPECT_MS;
      const isSuspect = isSilent && end === null;
      found.push(
        reason({ node, reason: isSuspect ? "suspect" : "lagging", after: record.watermark }),
      );
    }
    return found;
  }

  /** Up to when nothing later than this seq can be; undefined before the first. */
  promisedAfter(run: KnownEpoch, seq: number): number | undefined {
    if (seq === 0) return undefined;
    const { record } = run;
    if (seq === record.contiguousSeq) return record.watermark;
    const stored = record.stored.find(({ last }) => last === seq);
    return stored?.closed ?? run.lost.find(({ lastSeq }) => lastSeq === seq)?.lastT;
  }

  timeOfSeq(run: KnownEpoch, seq: number): number {
    const event = run.events.find((one) => one.seq === seq);
    return event?.t ?? (run.lost.find(({ firstSeq }) => firstSeq === seq)?.firstT as number);
  }

  lost(run: KnownEpoch, t: number, asked: Asked): string[] {
    const items = this.items(run, t);
    const seen = new Set(run.events.flatMap((event) => ("log" in event ? [event.log] : [])));
    const named = items.flatMap((item) => ("range" in item ? (item.range.logs ?? []) : []));
    const nameless = items.some((item) => "range" in item && item.range.logs === null);
    const stake = new Set([...seen, ...named, ...(nameless ? (asked.logs ?? []) : [])]);
    const open = new Set<LostRange>();
    for (const [at, item] of items.entries()) {
      if (!("range" in item)) continue;
      for (const log of stake) {
        if (asked.logs?.length && !asked.logs.includes(log)) continue;
        if (item.range.logs !== null && !item.range.logs.includes(log)) continue;
        const isOver = items
          .slice(at + 1)
          .some((one) => "event" in one && one.event.kind === "keyframe" && one.event.log === log);
        const keys = asked.keys ?? [];
        const isKnown =
          keys.length > 0 && keys.every((key) => this.cell(items, log, key).state !== "lost");
        if (!isOver && !isKnown) open.add(item.range);
      }
      if (seen.size === 0 && !asked.logs?.length && item.range.logs === null) open.add(item.range);
    }
    return [...open].map((range) =>
      reason({
        node: run.model.node,
        reason: "lost",
        from: range.firstT,
        to: range.lastT,
        events: range.lastSeq - range.firstSeq + 1,
        ...(range.logs === null ? {} : { logs: range.logs }),
      }),
    );
  }

  strangers(t: number, asked: Asked): string[] {
    const first = new Map<string, { readonly why: string; readonly from: number }>();
    for (const run of this.epochs) {
      if (!this.counts(run, t, asked)) continue;
      for (const event of run.events) {
        if (event.kind !== "receive" || event.t > t || event.from === null) continue;
        const { node, epoch } = event.from;
        const runs = this.runsOf(node);
        // A run before the one at t is over, whether it is known or not.
        if (epoch < (this.runAt(node, t)?.model.epoch ?? 0)) continue;
        if (runs.some(({ model }) => model.epoch === epoch)) continue;
        const why = runs.length === 0 ? "unknown-node" : "lagging";
        const known = first.get(node);
        if (known === undefined || event.t < known.from) first.set(node, { why, from: event.t });
      }
    }
    return [...first].map(([node, { why, from }]) => reason({ node, reason: why, from }));
  }

  /** `receive seq > send seq` of every receive inside whose send lies outside. */
  violations(t: number, asked: Asked): string[] {
    const names = this.nodeNames(asked);
    return this.epochs
      .flatMap(({ model, events }) =>
        events.flatMap((event) => {
          if (event.kind !== "receive" || event.from === null || event.relayed) return [];
          if (!(event.t <= t && t < (event.sentT as number))) return [];
          if (!names.includes(model.node) && !names.includes(event.from.node)) return [];
          const receive = { node: model.node, epoch: model.epoch, seq: event.seq };
          return [`${messageId(event.from)} -> ${messageId(receive)}`];
        }),
      )
      .sort();
  }

  /** `id from to peer sentAt` of the messages in flight. */
  inFlight(t: number, asked: Asked): string[] {
    const names = this.nodeNames(asked);
    const found: string[] = [];
    for (const { model, events } of this.epochs) {
      for (const send of events) {
        if (send.kind !== "send" || send.t > t || send.failed) continue;
        const isDead = events.some(
          (other) =>
            other.kind === "send" &&
            other.replaces === send.seq &&
            other.t >= send.t &&
            other.t - send.t <= TIMEOUT,
        );
        if (isDead) continue;
        const own = messageId({ node: model.node, epoch: model.epoch, seq: send.seq });
        const arrival = this.firstReceive(own, send.id, send.t);
        if (arrival !== undefined ? arrival.t <= t : t - send.t >= TIMEOUT) continue;
        const to = arrival?.node ?? send.to;
        if (!names.includes(model.node) && !(to !== null && names.includes(to))) continue;
        found.push([send.id ?? own, model.node, to, send.peer, send.t].join(" "));
      }
    }
    return found.sort();
  }

  /** By its foreign id a message is found only within the timeout: only stamps have a slow index. */
  firstReceive(
    own: string,
    id: string | null,
    sentT: number,
  ): { t: number; node: string } | undefined {
    const arrivals = this.epochs.flatMap(({ model, events }) =>
      events.flatMap((event) => {
        if (event.kind !== "receive" || event.relayed) return [];
        const isOwn = event.from !== null && messageId(event.from) === own;
        const isForeign = event.from === null && id !== null && event.id === id;
        if (!isOwn && !isForeign) return [];
        if (isForeign && (event.t < sentT || event.t > sentT + TIMEOUT)) return [];
        return [{ t: event.t, node: model.node }];
      }),
    );
    return arrivals.sort((a, b) => a.t - b.t)[0];
  }

  inFlightComplete(t: number, asked: Asked): boolean {
    const from = t - TIMEOUT;
    return this.epochs.every((run) => {
      const { record } = run;
      const before = this.runAt(run.model.node, t);
      if (this.unknownBeginning(run.model.node, before, t, asked).length > 0) return false;
      if (this.contended(run.model.node, before, t).length > 0) return false;
      const until = Math.min(
        this.nextOf(run)?.record.joined ?? Infinity,
        record.end?.t ?? Infinity,
      );
      if (record.joined > t || until <= from || !this.counts(run, t, asked)) return true;
      // A promise that came without the seqs before it says nothing of where those end.
      const heard = Math.max(0, ...run.events.map(({ seq }) => seq));
      const told = this.promisedAfter(run, heard) ?? -Infinity;
      const lostUntil = Math.max(-Infinity, ...run.lost.map(({ lastT }) => lastT));
      if (Math.min(t, until - 1) > Math.max(record.watermark, told, lostUntil)) return false;
      if (run.lost.some((one) => one.messages && one.firstT <= t && one.lastT > from)) return false;
      const have = new Set<number>(run.events.map(({ seq }) => seq));
      for (const one of run.lost) {
        for (let seq = one.firstSeq; seq <= one.lastSeq; seq += 1) have.add(seq);
      }
      for (let seq = 1; seq <= Math.max(...have); seq += 1) {
        if (have.has(seq)) continue;
        const start = seq;
        while (!have.has(seq)) seq += 1;
        const after = this.promisedAfter(run, start - 1) ?? -Infinity;
        if (after < t && this.timeOfSeq(run, seq) > from) return false;
      }
      return true;
    });
  }
}

function changed(cell: Cell, event: RetroEvent): Cell {
  if (event.kind === "set") return { state: "value", value: event.value };
  if (event.kind === "delete") return { state: "absent" };
  if (cell.state === "lost" || (event.kind !== "add" && event.kind !== "remove")) return cell;
  const held = cell.state === "value" && cell.value instanceof ValueSet ? cell.value.members : [];
  const member = JSON.stringify(event.value);
  const others = held.filter((one) => JSON.stringify(one) !== member);
  const members = event.kind === "add" ? [...others, event.value] : others;
  return { state: "value", value: ValueSet.of(members) };
}

export function isAsked(asked: Asked, log: string, key: string): boolean {
  return (
    (!asked.logs?.length || asked.logs.includes(log)) &&
    (!asked.keys?.length || asked.keys.includes(key))
  );
}

/** A reason as text, fields in a fixed order. */
export function reason(one: {
  readonly node: string;
  readonly reason: string;
  readonly from?: number | undefined;
  readonly to?: number;
  readonly events?: number;
  readonly seq?: number;
  readonly after?: number;
  readonly logs?: readonly string[];
}): string {
  const { node, from, to, events, seq, after, logs } = one;
  return JSON.stringify([node, one.reason, { from, to, events, seq, after, logs }]);
}
