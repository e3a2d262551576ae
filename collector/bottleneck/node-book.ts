/** One node's pages of a recording book: what came of it, by second, decoded once. */
import {
  decodeLoad,
  decodeResources,
  type LoadCell,
  type ResourceSecond,
  RetroError,
  type SideBlock,
  SLOT_US,
} from "../../agent/kernel/index.ts";
import type {
  GcPause,
  Interval,
  LoadSecond,
  NodeRecording,
  Samples,
  TracedRequest,
  Wait,
} from "./recording.ts";

const SECOND_US = 1_000_000;
/**
 * A gap, pause or wait is cut at this: of a process that stood at a breakpoint for an hour the first minute says all,
 * and a look must not cost the rest.
 */
const LONGEST_US = 60_000_000;

/** A request is remarkable from so many times as long as the slowest lately, and so much more. */
const REMARKABLE_FACTOR = 2;
const REMARKABLE_US = 5_000;
/** By how much the slowest is forgotten with each cell: by half in some seven seconds. */
const FORGOTTEN = 0.999;

interface Page {
  /** Names of the blocks in it. */
  readonly seen: Set<string>;
  readonly cells: LoadCell[];
  readonly resources: ResourceSecond[];
  hasLoad: boolean;
}

export class NodeBook {
  readonly #node: string;
  readonly #service: string;
  readonly #pages = new Map<number, Page>();
  #requests: TracedRequest[] = [];
  /** The slowest request lately, by operation. */
  readonly #slowestUs = new Map<string, number>();
  #isStirred = false;

  constructor(node: string, service: string) {
    this.#node = node;
    this.#service = service;
  }

  get requestCount(): number {
    return this.#requests.length;
  }

  /** When the oldest request that is kept departed; undefined: there is none. */
  get firstRequestUs(): number | undefined {
    return this.#requests.reduce<number | undefined>(
      (first, { endUs }) => (first === undefined || endUs < first ? endUs : first),
      undefined,
    );
  }

  /** Lets all requests go but so many of the newest. */
  keepNewest(count: number): void {
    this.#requests.sort((a, b) => a.endUs - b.endUs);
    this.#requests = count === 0 ? [] : this.#requests.slice(-count);
  }

  get isEmpty(): boolean {
    return this.#pages.size === 0 && this.#requests.length === 0;
  }

  /** The last second of which load has come. */
  get #lastSecond(): number | undefined {
    let last: number | undefined;
    for (const [second, { hasLoad }] of this.#pages) {
      if (hasLoad && (last === undefined || second > last)) last = second;
    }
    return last;
  }

  /** Up to where load is known: the end of its last slot; undefined: nothing is. */
  get loadEndUs(): number | undefined {
    const last = this.#lastSecond;
    if (last === undefined) return undefined;
    const cells = this.#pages.get(last)?.cells ?? [];
    const slot = cells.reduce((most, cell) => Math.max(most, cell.slot), -1);
    return last * SECOND_US + (slot + 1) * SLOT_US;
  }

  /** False: it cannot be read. */
  addBlock(epoch: number, { stream, second, part, bytes }: SideBlock): boolean {
    if (stream === "histogram") return true;
    const page = this.#page(second);
    const name = `${stream} ${epoch} ${part}`;
    if (page.seen.has(name)) return true;
    try {
      if (stream === "load") {
        const cells = decodeLoad(bytes);
        page.cells.push(...cells);
        page.hasLoad = true;
        this.#noteSlowest(cells);
      } else {
        const resources = decodeResources(bytes);
        page.resources.push(resources);
        if (resources.gaps.length > 0) this.#isStirred = true;
      }
    } catch (error) {
      if (error instanceof RetroError) return false;
      throw error;
    }
    page.seen.add(name);
    return true;
  }

  /** Whether a loop was held, or a request took remarkably long, since this was asked last. A hint, and no rule. */
  takeStir(): boolean {
    const isStirred = this.#isStirred;
    this.#isStirred = false;
    return isStirred;
  }

  #noteSlowest(cells: readonly LoadCell[]): void {
    for (const { operation, maxResidenceUs } of cells) {
      const usual = this.#slowestUs.get(operation) ?? 0;
      if (maxResidenceUs > REMARKABLE_FACTOR * usual + REMARKABLE_US) this.#isStirred = true;
      this.#slowestUs.set(operation, Math.max(maxResidenceUs, usual * FORGOTTEN));
    }
  }

  addRequest(request: TracedRequest): void {
    this.#requests.push(request);
  }

  dropBefore(us: number): void {
    for (const second of this.#pages.keys()) {
      if ((second + 1) * SECOND_US <= us) this.#pages.delete(second);
    }
    this.#requests = this.#requests.filter(({ endUs }) => endUs > us);
  }

  recording(): NodeRecording {
    const pages = [...this.#pages].sort(([a], [b]) => a - b);
    // Who says how it was and nothing of load had none; at the end its load may be on its way.
    const last = this.#lastSecond ?? Number.NEGATIVE_INFINITY;
    const load: LoadSecond[] = pages.flatMap(([second, { cells }]) =>
      second <= last ? [{ second, cells }] : [],
    );
    const gaps: Interval[] = [];
    const gc: GcPause[] = [];
    const waits: Wait[] = [];
    const signals = new Map<string, { atUs: number[]; values: number[] }>();
    const unavailable = new Set<string>();
    for (const [second, { resources }] of pages) {
      for (const one of resources) {
        const place = placed(second);
        for (const gap of one.gaps) gaps.push(place(gap));
        for (const { kind, heapBytes, ...pause } of one.gc) {
          gc.push({ ...place(pause), kind, heapBytes });
        }
        for (const { name, kind, downstream, ...wait } of one.waits) {
          waits.push({ ...place(wait), name, kind, downstream });
        }
        for (const signal of one.unavailable) unavailable.add(signal);
        for (const { name, atUs, values } of one.signals) {
          const samples = signals.get(name) ?? { atUs: [], values: [] };
          signals.set(name, samples);
          for (const at of atUs) samples.atUs.push(second * SECOND_US + at);
          for (const value of values) samples.values.push(value);
        }
      }
    }
    return {
      ...{ node: this.#node, service: this.#service, load },
      gaps: gaps.sort(byStart),
      gc: gc.sort(byStart),
      waits: waits.sort(byStart),
      signals: new Map([...signals].map(([name, samples]) => [name, ascending(samples)])),
      unavailable: [...unavailable].sort(),
      requests: this.#requests.sort((a, b) => a.endUs - b.endUs),
    };
  }

  #page(second: number): Page {
    let page = this.#pages.get(second);
    if (page === undefined) {
      page = { seen: new Set(), cells: [], resources: [], hasLoad: false };
      this.#pages.set(second, page);
    }
    return page;
  }
}

function placed(second: number): (one: { startUs: number; lengthUs: number }) => Interval {
  return ({ startUs, lengthUs }) => {
    const start = second * SECOND_US + startUs;
    return { startUs: start, endUs: start + Math.min(lengthUs, LONGEST_US) };
  };
}

function byStart(a: Interval, b: Interval): number {
  return a.startUs - b.startUs || a.endUs - b.endUs;
}

/** Parts of a second come in any order; mostly in theirs. */
function ascending(samples: Samples): Samples {
  const { atUs, values } = samples;
  const isAscending = atUs.every((at, i) => i === 0 || at >= (atUs[i - 1] as number));
  if (isAscending) return samples;
  const order = atUs.map((_, i) => i).sort((a, b) => (atUs[a] as number) - (atUs[b] as number));
  return {
    atUs: order.map((i) => atUs[i] as number),
    values: order.map((i) => values[i] as number),
  };
}
