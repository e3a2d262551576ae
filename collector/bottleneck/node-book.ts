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

  constructor(node: string, service: string) {
    this.#node = node;
    this.#service = service;
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
        page.cells.push(...decodeLoad(bytes));
        page.hasLoad = true;
      } else {
        page.resources.push(decodeResources(bytes));
      }
    } catch (error) {
      if (error instanceof RetroError) return false;
      throw error;
    }
    page.seen.add(name);
    return true;
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
    const signals = new Map<string, { at: number; value: number }[]>();
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
          const samples = signals.get(name) ?? [];
          signals.set(name, samples);
          atUs.forEach((at, i) => {
            samples.push({ at: second * SECOND_US + at, value: values[i] as number });
          });
        }
      }
    }
    return {
      ...{ node: this.#node, service: this.#service, load },
      gaps: gaps.sort(byStart),
      gc: gc.sort(byStart),
      waits: waits.sort(byStart),
      signals: new Map([...signals].map(([name, samples]) => [name, columnsOf(samples)])),
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
    return { startUs: start, endUs: start + lengthUs };
  };
}

function byStart(a: Interval, b: Interval): number {
  return a.startUs - b.startUs || a.endUs - b.endUs;
}

function columnsOf(samples: { at: number; value: number }[]): Samples {
  samples.sort((a, b) => a.at - b.at);
  return { atUs: samples.map(({ at }) => at), values: samples.map(({ value }) => value) };
}
