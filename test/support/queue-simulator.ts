/**
 * A small queue model of a chain of services, and what its agents would have recorded: for tests of detection.
 *
 *     open-loop arrivals --> gateway --> service --> store        each one loop: one task at a time, in order
 *
 * A node's loop can be stalled (nothing runs, nothing is read from its sockets), its handlers can be made to
 * sleep, and a link can be made slow. What each fault looks like to the agents follows from the model; nothing
 * is made to look like what detection expects.
 */
import {
  type LoadCell,
  latencyBucketUs,
  SLOT_US,
  SLOTS_PER_SECOND,
} from "../../agent/kernel/index.ts";
import type {
  GcPause,
  Interval,
  LoadSecond,
  NodeRecording,
  TracedCall,
  TracedRequest,
} from "../../collector/bottleneck/recording.ts";
import { requestTimes } from "../../collector/bottleneck/request-times.ts";
import { seededRandom } from "./seeded-random.ts";

export const CHAIN = ["gateway", "service", "store"] as const;
export type ChainNode = (typeof CHAIN)[number];

export interface SimulatedFault extends Interval {
  readonly kind: "run" | "gc" | "freeze" | "sleep" | "network";
  /** Of `network`: who is called. */
  readonly node: ChainNode;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly faults?: readonly SimulatedFault[];
  /** Stretches in which so many times as many requests come. */
  readonly bursts?: readonly (Interval & { readonly factor: number })[];
  /** Requests that take their time on a node, and normally so: of all, so large a share. */
  readonly slow?: { readonly node: ChainNode; readonly share: number; readonly us: number };
  /** How far each node's clock is ahead, us. */
  readonly skewUs?: Partial<Record<ChainNode, number>>;
}

/** When the simulation begins, us: a whole second of 2026. */
export const START_US: number = Date.UTC(2026, 10, 21, 16) * 1_000;

const WIRE_US = 150;
const CPU_US = { gateway: 300, service: 500, store: 700 } as const;
const POST_US = 100;
/** A store waits for a disk, without holding its loop. */
const STORE_WAIT_US = 1_500;

interface Open {
  readonly node: ChainNode;
  readonly level: number;
  arrivedUs: number;
  callUs: number;
  readonly calls: TracedCall[];
  readonly done: (departedUs: number, arrivedUs: number) => void;
}

export function simulate(options: SimulationOptions): NodeRecording[] {
  const { seed, seconds, perSecond, faults = [], bursts = [], slow, skewUs = {} } = options;
  const random = seededRandom(seed);
  const endUs = START_US + seconds * 1e6;
  const events = new EventQueue();
  const loops = new Map(CHAIN.map((node) => [node, new Loop(stallsOf(node, faults))]));
  const requests = new Map<ChainNode, TracedRequest[]>(CHAIN.map((node) => [node, []]));
  const extraWire = (node: ChainNode, us: number): number => {
    const held = faults.find(
      (fault) => fault.kind === "network" && fault.node === node && within(fault, us),
    );
    return held === undefined ? 0 : held.endUs - us;
  };
  const sleeps = (node: ChainNode, us: number): number => {
    const held = faults.find(
      (fault) => fault.kind === "sleep" && fault.node === node && within(fault, us),
    );
    const usually = slow?.node === node && random() < slow.share ? slow.us : 0;
    return Math.max(usually, held === undefined ? 0 : held.endUs - us);
  };
  /** Comes to a socket at `us`; read when the loop is free. */
  const receive = (level: number, us: number, done: Open["done"]): void => {
    const node = CHAIN[level] as ChainNode;
    events.at(us, () => {
      const cost = CPU_US[node] * (0.6 + 0.8 * random());
      const task = (loops.get(node) as Loop).run(us, cost);
      const open: Open = { node, level, arrivedUs: task.startUs, callUs: 0, calls: [], done };
      events.at(task.endUs, () => handled(open, task.endUs));
    });
  };
  const handled = (open: Open, us: number): void => {
    const { node, level } = open;
    const slept = us + sleeps(node, us);
    if (level + 1 === CHAIN.length) {
      const readyUs = slept + Math.round(STORE_WAIT_US * (0.5 + random()));
      events.at(readyUs, () => depart(open, readyUs));
      return;
    }
    events.at(slept, () => {
      const callee = CHAIN[level + 1] as ChainNode;
      const there = slept + WIRE_US + extraWire(callee, slept);
      receive(level + 1, there, (departedUs, arrivedUs) => {
        const backUs = departedUs + WIRE_US;
        events.at(backUs, () => {
          const task = (loops.get(node) as Loop).run(backUs, POST_US);
          const residenceUs = departedUs - arrivedUs;
          const skew = skewUs[callee] ?? 0;
          open.calls.push({
            peer: callee,
            startUs: slept,
            endUs: task.startUs,
            callee: { node: callee, arrivedUs: arrivedUs + skew, residenceUs },
          });
          events.at(task.endUs, () => depart(open, task.endUs));
        });
      });
    });
  };
  const depart = ({ node, arrivedUs, calls, done }: Open, us: number): void => {
    requests.get(node)?.push({
      ...{ operation: "GET /", startUs: arrivedUs, endUs: us, calls, waits: [] },
    });
    done(us, arrivedUs);
  };
  let us = START_US;
  for (;;) {
    const factor = bursts.find((burst) => within(burst, us))?.factor ?? 1;
    us += (-Math.log(1 - random()) * 1e6) / (perSecond * factor);
    if (us >= endUs) break;
    receive(0, Math.floor(us), () => {});
  }
  events.run();
  return CHAIN.map((node) => {
    return recordingOf(node, requests.get(node) ?? [], faults, seconds, skewUs[node] ?? 0);
  });
}

function within({ startUs, endUs }: Interval, us: number): boolean {
  return us >= startUs && us < endUs;
}

function stallsOf(node: ChainNode, faults: readonly SimulatedFault[]): Interval[] {
  return faults.filter(
    (fault) => fault.node === node && fault.kind !== "sleep" && fault.kind !== "network",
  );
}

/** Tasks one after the other; while the loop is stalled none begins, and one that has begun stands still. */
class Loop {
  readonly #stalls: readonly Interval[];
  #freeUs = 0;

  constructor(stalls: readonly Interval[]) {
    this.#stalls = stalls;
  }

  run(readyUs: number, costUs: number): Interval {
    let startUs = Math.max(readyUs, this.#freeUs);
    for (const stall of this.#stalls) if (within(stall, startUs)) startUs = stall.endUs;
    let endUs = startUs + costUs;
    for (const stall of this.#stalls) {
      if (stall.startUs >= startUs && stall.startUs < endUs) endUs += stall.endUs - stall.startUs;
    }
    startUs = Math.floor(startUs);
    endUs = Math.ceil(endUs);
    this.#freeUs = endUs;
    return { startUs, endUs };
  }
}

/** A binary heap by time; ties in order of coming. */
class EventQueue {
  readonly #heap: { readonly us: number; readonly order: number; readonly step: () => void }[] = [];
  #order = 0;

  at(us: number, step: () => void): void {
    this.#order += 1;
    this.#heap.push({ us, order: this.#order, step });
    let i = this.#heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  run(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      const last = this.#heap.pop() as typeof first;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#sink();
      }
      first.step();
    }
  }

  #sink(): void {
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.us < b.us || (a.us === b.us && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return;
    this.#heap[i] = b;
    this.#heap[j] = a;
  }
}

function recordingOf(
  node: ChainNode,
  requests: readonly TracedRequest[],
  faults: readonly SimulatedFault[],
  seconds: number,
  skewUs: number,
): NodeRecording {
  const shifted = requests
    .map((request) => moved(request, skewUs))
    .sort((a, b) => a.endUs - b.endUs);
  const mine = stallsOf(node, faults) as SimulatedFault[];
  const gaps = mine
    .map(({ startUs, endUs }) => ({ startUs: startUs + skewUs, endUs: endUs + skewUs }))
    .filter(({ startUs, endUs }) => endUs - startUs >= 10_000);
  const gc: GcPause[] = mine
    .filter(({ kind }) => kind === "gc")
    .map(({ startUs, endUs }) => {
      return { startUs: startUs + skewUs, endUs: endUs + skewUs, kind: "major", heapBytes: 2e8 };
    });
  return {
    ...{ node: `${node}-1`, service: node, load: cellsOf(shifted), gaps, gc, waits: [] },
    signals: samplesOf(mine, seconds, skewUs),
    unavailable: [],
    requests: shifted.map(named),
  };
}

/** Nodes are named after their service. */
function named(request: TracedRequest): TracedRequest {
  return {
    ...request,
    calls: request.calls.map(({ callee, ...call }) => ({
      ...call,
      callee: callee && { ...callee, node: `${callee.node}-1` },
    })),
  };
}

function moved(request: TracedRequest, us: number): TracedRequest {
  return {
    ...request,
    startUs: request.startUs + us,
    endUs: request.endUs + us,
    calls: request.calls.map((call) => {
      return { ...call, startUs: call.startUs + us, endUs: call.endUs + us };
    }),
  };
}

type Draft = { -readonly [Field in keyof LoadCell]: LoadCell[Field] };

/** What interval cells say of requests: integrals, counts, residences. */
export function cellsOf(requests: readonly TracedRequest[]): LoadSecond[] {
  const slots = new Map<number, Draft>();
  const cellAt = (slot: number): Draft => {
    let cell = slots.get(slot);
    if (cell === undefined) {
      const zero = { arrivals: 0, completions: 0, exclusiveUs: 0, maxResidenceUs: 0 };
      const integrals = { inFlightUs: 0, downstreamUs: 0, poolUs: 0 };
      const place = { operation: "GET /", slot: slot % SLOTS_PER_SECOND, lengthUs: SLOT_US };
      cell = { ...place, ...zero, ...integrals, residences: [] };
      slots.set(slot, cell);
    }
    return cell;
  };
  const spread = ({ startUs, endUs }: Interval, field: "inFlightUs" | "downstreamUs"): void => {
    const last = Math.floor((endUs - 1) / SLOT_US);
    for (let slot = Math.floor(startUs / SLOT_US); slot <= last; slot += 1) {
      const from = Math.max(startUs, slot * SLOT_US);
      cellAt(slot)[field] += Math.min(endUs, (slot + 1) * SLOT_US) - from;
    }
  };
  for (const request of requests) {
    const { residenceUs, exclusiveUs } = requestTimes(request);
    cellAt(Math.floor(request.startUs / SLOT_US)).arrivals += 1;
    const end = cellAt(Math.floor(request.endUs / SLOT_US));
    end.completions += 1;
    end.exclusiveUs += exclusiveUs;
    end.maxResidenceUs = Math.max(end.maxResidenceUs, residenceUs);
    end.residences = [...end.residences, [latencyBucketUs(residenceUs), 1]];
    spread(request, "inFlightUs");
    for (const call of request.calls) spread(call, "downstreamUs");
  }
  const bySecond = new Map<number, LoadCell[]>();
  for (const [slot, cell] of [...slots].sort(([a], [b]) => a - b)) {
    const second = Math.floor(slot / SLOTS_PER_SECOND);
    const cells = bySecond.get(second) ?? [];
    bySecond.set(second, cells);
    cells.push({ ...cell, residences: merged(cell.residences) });
  }
  const seconds = [...bySecond.keys()];
  const [first = 0, last = -1] = [Math.min(...seconds), Math.max(...seconds)];
  return Array.from({ length: last - first + 1 }, (_, i) => {
    return { second: first + i, cells: bySecond.get(first + i) ?? [] };
  });
}

function merged(residences: LoadCell["residences"]): LoadCell["residences"] {
  const counts = new Map<number, number>();
  for (const [us, count] of residences) counts.set(us, (counts.get(us) ?? 0) + count);
  return [...counts].sort(([a], [b]) => a - b);
}

/** A sampler of 5 ms: the main thread runs a tenth of the time, and all of it while a script or GC holds it. */
function samplesOf(
  stalls: readonly SimulatedFault[],
  seconds: number,
  skewUs: number,
): NodeRecording["signals"] {
  const atUs: number[] = [];
  const run: number[] = [];
  const queued: number[] = [];
  const age: number[] = [];
  let ran = 0;
  for (let us = START_US; us < START_US + seconds * 1e6; us += 5_000) {
    const stall = stalls.find((one) => within(one, us));
    if (stall?.kind === "freeze") continue;
    ran += stall === undefined ? 500 : 5_000;
    atUs.push(us + 5_000 + skewUs);
    run.push(ran);
    queued.push(0);
    age.push(stall === undefined ? 1_000 : us - stall.startUs);
  }
  return new Map([
    ["run", { atUs, values: run }],
    ["run-queue", { atUs, values: queued }],
    ["heartbeat", { atUs, values: age }],
  ]);
}
