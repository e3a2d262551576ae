/**
 * The captures that are kept: in memory for answers, in the store over restarts. Bounded: the oldest
 * make room. A capture is durable before anybody is asked; what becomes of it follows behind, the
 * latest state of each, one write at a time.
 */
import type { Json } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoredCapture } from "../store/history-store.ts";
import { type Capture, stateOf } from "./capture-record.ts";

/** Captures kept. */
export const MAX_CAPTURES = 1_000;
/** Nodes in all captures kept: a capture of thousands of nodes takes the room of many. */
export const MAX_CAPTURE_NODES_KEPT = 50_000;

export class CaptureShelf {
  readonly #store: HistoryStore;
  readonly #onFailure: (error: unknown) => void;
  /** Ascending by number. */
  readonly #byId = new Map<string, Capture>();
  #nodeCount = 0;
  #lastNumber = 0;
  readonly #changed = new Set<string>();
  readonly #removed = new Set<number>();
  #saving: Promise<void> | undefined;

  constructor(store: HistoryStore, onFailure: (error: unknown) => void) {
    this.#store = store;
    this.#onFailure = onFailure;
    for (const { number, body } of store.captures()) {
      const capture = body as unknown as Capture;
      this.#byId.set(capture.id, capture);
      this.#nodeCount += capture.nodes.length;
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
  }

  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  get(id: string): Capture | undefined {
    return this.#byId.get(id);
  }

  /** The latest, newest first. */
  latest(limit: number): readonly Capture[] {
    return [...this.#byId.values()].slice(-limit).reverse();
  }

  /** A new capture; resolves when it is durable. Errors as `HistoryStore.write`; it is then not kept. */
  async add(capture: Capture): Promise<void> {
    await this.#store.writeCaptures({ put: [stored(capture)], remove: [] });
    this.#byId.set(capture.id, capture);
    this.#nodeCount += capture.nodes.length;
    this.#makeRoom(capture.id);
  }

  /** What became of a capture. Durable some time after; a failure is told to `onFailure` and tried again. */
  update(capture: Capture): void {
    const before = this.#byId.get(capture.id);
    if (before === undefined) return;
    this.#nodeCount += capture.nodes.length - before.nodes.length;
    this.#byId.set(capture.id, capture);
    this.#changed.add(capture.id);
    this.#save();
  }

  /** Lets captures go that ended before `t` and of which nothing is awaited. */
  forgetBefore(t: number): void {
    for (const [id, capture] of this.#byId) {
      if (capture.to >= t || stateOf(capture) === "asked") continue;
      this.#forget(id, capture);
    }
  }

  #forget(id: string, { number, nodes }: Capture): void {
    this.#byId.delete(id);
    this.#changed.delete(id);
    this.#nodeCount -= nodes.length;
    this.#removed.add(number);
    this.#save();
  }

  /** Resolves when nothing is on its way to the store. */
  async idle(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
  }

  #makeRoom(latest: string): void {
    for (const [id, capture] of this.#byId) {
      const isFull = this.#byId.size > MAX_CAPTURES || this.#nodeCount > MAX_CAPTURE_NODES_KEPT;
      if (!isFull || id === latest) return;
      this.#forget(id, capture);
    }
  }

  #save(): void {
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined;
    });
  }

  async #write(): Promise<void> {
    // The turn may change more.
    await Promise.resolve();
    while (this.#changed.size > 0 || this.#removed.size > 0) {
      const ids = [...this.#changed];
      const remove = [...this.#removed];
      this.#changed.clear();
      const put = ids.flatMap((id) => {
        const capture = this.#byId.get(id);
        return capture === undefined ? [] : [stored(capture)];
      });
      try {
        await this.#store.writeCaptures({ put, remove });
        for (const number of remove) this.#removed.delete(number);
      } catch (error) {
        // With the next change: a full disk may have room by then.
        for (const id of ids) if (this.#byId.has(id)) this.#changed.add(id);
        this.#onFailure(error);
        return;
      }
    }
  }
}

function stored(capture: Capture): StoredCapture {
  return { number: capture.number, body: capture as unknown as Json };
}
