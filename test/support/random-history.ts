/**
 * Random histories for the cut engine: what several nodes did, and what of it reached the store.
 *
 * Nodes restart, leave, fall silent, are imported; clocks are skewed; messages arrive, arrive late, too
 * early, twice or never; events are lost and declared so, or missing, or come late as a repair.
 * Knows the events (agent/kernel) and the store port; shares no code with the cut engine.
 */
import {
  type EventRef,
  type Hlc,
  type LostRange,
  type RetroEvent,
  type Value,
  ValueSet,
} from "../../agent/kernel/index.ts";
import { seededRandom } from "./seeded-random.ts";

/** A run of a node with all that it did; `fates` says what became of each event, by index. */
export interface ModelEpoch {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly imported: boolean;
  readonly events: RetroEvent[];
  fates: Fate[];
  /** The clock's last reading: nothing later was recorded. */
  closed: Hlc;
  expiredAt: Hlc | null;
  readonly lastArrivalMs: number;
  readonly unstamped: readonly { peer: string; direction: "in" | "out"; count: number }[];
}

/** `late`: stored by a second write, as a repair of a hole or of a loss. */
export type Fate = "stored" | "lost" | "missing" | "late-missing" | "late-lost";

export interface ModelHistory {
  readonly epochs: ModelEpoch[];
  /** Every time anything happened, and the ticks around it: what is worth asking about. */
  readonly times: readonly Hlc[];
  readonly nowMs: number;
}

export type Random = () => number;

export const MESSAGE_TIMEOUT_MS = 1;
const TIMEOUT_TICKS = MESSAGE_TIMEOUT_MS * 4096;
const LOGS = ["stock", "ring", "odd"];
const KEYS = ["a", "b", "c", "d", "__proto__"];

/** Helpers to draw from a generator. */
export class Draw {
  readonly random: Random;
  constructor(random: Random) {
    this.random = random;
  }
  below(count: number): number {
    return Math.floor(this.random() * count);
  }
  chance(share: number): boolean {
    return this.random() < share;
  }
  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

interface RunningNode {
  readonly name: string;
  readonly skew: number;
  readonly imported: boolean;
  run: ModelEpoch | undefined;
  last: number;
  nextEpoch: number;
}

interface Pending {
  readonly from: EventRef;
  readonly sentT: Hlc;
  readonly id: string | null;
  readonly to: string;
}

/** A history of about `size` events. */
export function makeHistory(seed: number, size: number): ModelHistory {
  const draw = new Draw(seededRandom(seed));
  const epochs: ModelEpoch[] = [];
  const nodes = Array.from(
    { length: 1 + draw.below(4) },
    (_, index): RunningNode => ({
      name: `n${index}`,
      skew: draw.chance(0.5) ? 0 : draw.below(8_000) - 4_000,
      imported: draw.chance(0.15),
      run: undefined,
      last: 0,
      nextEpoch: 1,
    }),
  );
  const pending: Pending[] = [];
  let physical = 100_000;
  for (let step = 0; step < size; step += 1) {
    physical += draw.chance(0.02) ? draw.below(20_000) : draw.below(600);
    const node = draw.one(nodes);
    const t = Math.max(node.last + 1, physical + node.skew);
    node.last = t;
    if (node.run === undefined) {
      node.run = openRun(draw, node, t as Hlc);
      epochs.push(node.run);
    } else {
      act(draw, node, node.run, t as Hlc, pending, nodes);
    }
  }
  for (const run of epochs) decideFates(draw, run);
  const times = [...new Set(epochs.flatMap(timesOf).flatMap((t) => [t - 1, t, t + 1]))];
  return { epochs, times: times.sort((a, b) => a - b) as Hlc[], nowMs: 100_000 };
}

function openRun(draw: Draw, node: RunningNode, t: Hlc): ModelEpoch {
  const service = draw.chance(0.5) ? "kv" : "web";
  const epoch = node.imported ? 7 : node.nextEpoch;
  node.nextEpoch += 1 + draw.below(3);
  const run: ModelEpoch = {
    node: node.name,
    service,
    epoch,
    imported: node.imported,
    events: [],
    fates: [],
    closed: t,
    expiredAt: null,
    lastArrivalMs: draw.chance(0.5) ? 99_500 : 50_000,
    unstamped: draw.chance(0.2) ? [{ peer: "10.0.0.9:80", direction: "in", count: 3 }] : [],
  };
  if (draw.chance(0.9)) {
    run.events.push({ seq: 1, t, kind: "join", service, tags: {}, instance: `i${epoch}` });
  } else {
    run.events.push(changeAt(draw, 1, t));
  }
  return run;
}

function act(
  draw: Draw,
  node: RunningNode,
  run: ModelEpoch,
  t: Hlc,
  pending: Pending[],
  nodes: readonly RunningNode[],
): void {
  run.closed = t;
  const seq = run.events.length + 1;
  const what = draw.random();
  if (what < 0.5) {
    const count = draw.chance(0.25) ? 2 + draw.below(4) : 1;
    for (let i = 0; i < count; i += 1) run.events.push(changeAt(draw, seq + i, t));
  } else if (what < 0.62) {
    send(draw, node, run, seq, t, pending, nodes);
  } else if (what < 0.76) {
    receive(draw, node, run, seq, t, pending);
  } else if (what < 0.84) {
    run.events.push({ seq, t, kind: "keyframe", log: draw.one(LOGS), state: stateOf(draw) });
  } else if (what < 0.88) {
    run.events.push({ seq, t, kind: "mark", text: "note" });
  } else if (what < 0.92) {
    const residenceUs = draw.below(9_000);
    const rest = { outcome: "ok", calls: [], waits: [] };
    run.events.push({ seq, t, kind: "request", operation: "GET /", residenceUs, ...rest });
  } else if (what < 0.96 && !node.imported) {
    endRun(draw, node, run, seq, t);
  }
}

function endRun(draw: Draw, node: RunningNode, run: ModelEpoch, seq: number, t: Hlc): void {
  const how = draw.random();
  if (how < 0.4) run.events.push({ seq, t, kind: "leave" });
  else if (how < 0.7) run.expiredAt = (t + 1 + draw.below(5_000)) as Hlc;
  node.run = undefined;
  if (draw.chance(0.5)) node.last += draw.below(8_000);
}

function changeAt(draw: Draw, seq: number, t: Hlc): RetroEvent {
  const place = { seq, t, log: draw.one(LOGS), key: draw.one(KEYS) };
  const what = draw.random();
  if (what < 0.5) return { ...place, kind: "set", value: valueFrom(draw) };
  if (what < 0.65) return { ...place, kind: "delete" };
  return { ...place, kind: what < 0.85 ? "add" : "remove", value: draw.one([1, 2, "x", null]) };
}

function valueFrom(draw: Draw): Value {
  const kinds: (() => Value)[] = [
    () => draw.below(1_000) - 500,
    () => draw.random() * 1e9,
    () => draw.one([true, false, null, -0, 2 ** 53 - 1]),
    () => draw.one(["", "text", "ü\n"]),
    () => ({ list: [draw.below(3)], $odd: 1 }),
    () => ValueSet.of([draw.below(3), "x"]),
  ];
  return draw.one(kinds)();
}

function stateOf(draw: Draw): ReadonlyMap<string, Value> {
  return new Map(KEYS.filter(() => draw.chance(0.5)).map((key) => [key, valueFrom(draw)]));
}

function send(
  draw: Draw,
  node: RunningNode,
  run: ModelEpoch,
  seq: number,
  t: Hlc,
  pending: Pending[],
  nodes: readonly RunningNode[],
): void {
  const earlier = run.events.filter(({ kind }) => kind === "send").at(-1);
  const replaces = earlier !== undefined && draw.chance(0.2) ? earlier.seq : null;
  const failed = draw.chance(0.1);
  const id = draw.chance(0.2) ? `m${node.name}${run.epoch}-${seq}` : null;
  const to = draw.one(nodes).name;
  const known = draw.chance(0.5);
  const ends = { to: known ? to : null, peer: known ? null : "10.0.0.1:80" };
  const rest = { channel: "http", id, replaces, failed, streamed: false };
  run.events.push({ seq, t, kind: "send", ...ends, ...rest });
  const from = { node: node.name, epoch: run.epoch, seq };
  if (!failed) pending.push({ from, sentT: t, id, to });
}

function receive(
  draw: Draw,
  node: RunningNode,
  run: ModelEpoch,
  seq: number,
  t: Hlc,
  pending: Pending[],
): void {
  const rest = { channel: "http", peer: null, unverified: false };
  if (draw.chance(0.03)) {
    const from = { node: "stranger", epoch: 1, seq: 1 };
    const event = { from, sentT: (t - 5) as Hlc, id: null, relayed: false, ...rest };
    run.events.push({ seq, t, kind: "receive", ...event });
    return;
  }
  const index = pending.findIndex(({ to }) => to === node.name);
  const message = pending[index];
  if (message === undefined) return;
  if (draw.chance(0.9)) pending.splice(index, 1);
  // Merged: later than the send. Now and then not: a violation.
  const isMerged = draw.chance(0.85);
  const at = (isMerged ? Math.max(t, message.sentT + 1) : t) as Hlc;
  node.last = Math.max(node.last, at);
  run.closed = at;
  const byId = message.id !== null && draw.chance(0.5);
  const origin = byId
    ? { from: null, sentT: null, id: message.id }
    : { from: message.from, sentT: message.sentT, id: null };
  run.events.push({ seq, t: at, kind: "receive", ...origin, relayed: draw.chance(0.05), ...rest });
}

/** Whole commits share a fate, as a batch never splits one. */
function decideFates(draw: Draw, run: ModelEpoch): void {
  const isFaulty = draw.chance(0.6);
  let fate: Fate = "stored";
  run.fates = run.events.map((event, index) => {
    const before = run.events[index - 1];
    if (before !== undefined && before.t === event.t) return fate;
    const roll = draw.random();
    if (!isFaulty || roll < 0.85) fate = "stored";
    else if (roll < 0.91) fate = "lost";
    else if (roll < 0.94) fate = "late-lost";
    else if (roll < 0.97) fate = "late-missing";
    else fate = "missing";
    return fate;
  });
  run.closed = (run.closed + draw.below(300)) as Hlc;
  if (run.expiredAt !== null) run.expiredAt = Math.max(run.expiredAt, run.closed + 1) as Hlc;
}

function timesOf(run: ModelEpoch): number[] {
  const times: number[] = run.events.map(({ t }) => t);
  times.push(run.closed, run.closed + 3_000, ...(run.expiredAt === null ? [] : [run.expiredAt]));
  times.push(...times.slice(-2).map((t) => t + TIMEOUT_TICKS));
  return times;
}

/** The lost ranges of a run: neighbours with the fate, one range per declared stretch. */
export function lostRangesOf(run: ModelEpoch, isLost: (fate: Fate) => boolean): LostRange[] {
  const ranges: LostRange[] = [];
  let stretch: RetroEvent[] = [];
  const flush = (): void => {
    const [first] = stretch;
    const last = stretch.at(-1);
    if (first === undefined || last === undefined) return;
    const logs = new Set(stretch.flatMap((event) => ("log" in event ? [event.log] : [])));
    // The agent does not always know which logs a stretch touched.
    const isKnown = first.seq % 3 !== 0;
    ranges.push({
      firstSeq: first.seq,
      lastSeq: last.seq,
      firstT: first.t,
      lastT: last.t,
      logs: isKnown ? [...logs].sort() : null,
      messages: stretch.some(({ kind }) => kind === "send" || kind === "receive"),
      reason: "overflow",
    });
    stretch = [];
  };
  for (const [index, event] of run.events.entries()) {
    if (isLost(run.fates[index] as Fate)) stretch.push(event);
    else flush();
  }
  flush();
  return ranges;
}
