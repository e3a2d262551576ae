/**
 * Messages in flight from what is kept of joined stretches (message-cells.ts), for times whose messages
 * are: the first cut at a place then costs what is in flight there, not the minute around it.
 *
 *     stretch      |        kept        |        kept        |   not yet: message-windows.ts
 *     sends            |T - timeout --------- T|
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { HistoryStore, MessageStretch } from "../store/history-store.ts";
import type { CutLimits } from "./limits.ts";
import { ticksOfMs } from "./limits.ts";
import { LruCache } from "./lru-cache.ts";
import {
  type CellPlan,
  cellPlan,
  decodeCell,
  type SendSpan,
  stretchOf,
  stretchUntil,
} from "./message-cells.ts";
import type { OpenSend } from "./message-window.ts";

/** What a send takes in memory once decoded, about. */
const SEND_BYTES = 300;
const CELL_BYTES = 100;

export class KeptMessages {
  readonly plan: CellPlan;
  readonly #store: HistoryStore;
  readonly #cells: LruCache<string, readonly SendSpan[]>;
  /** The store's list as it was when `#byFrom` was made. */
  #list: readonly MessageStretch[] | undefined;
  #byFrom = new Map<number, MessageStretch>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.#store = store;
    this.plan = cellPlan(ticksOfMs(limits.messageTimeoutMs));
    this.#cells = new LruCache(limits.digestCacheBytes);
  }

  dropCaches(): void {
    this.#cells.clear();
  }

  /** Whether the stretch that begins at `from` is kept, joined with the time-out that is set. */
  has(from: number): boolean {
    this.#renew();
    return this.#byFrom.get(from)?.until === stretchUntil(this.plan, from);
  }

  /** Sends in (t - timeout, t] in flight at `t`; undefined where not all of them are kept. */
  openAt(t: number): OpenSend[] | undefined {
    const { timeout, stretch, widths } = this.plan;
    const first = stretchOf(this.plan, t - timeout + 1);
    for (let from: number = first; from <= t; from += stretch) {
      if (!this.has(from)) return undefined;
    }
    const found: OpenSend[] = [];
    try {
      for (const [level, width] of widths.entries()) {
        const last = Math.floor(t / width);
        for (const index of [last - 1, last]) {
          if (index * width < first) continue;
          for (const send of this.#cell(level, index)) {
            if (send.sentAt > t || send.end <= t || send.sentAt <= t - timeout) continue;
            found.push(send);
          }
        }
      }
    } catch (error) {
      // Damaged: the messages are joined from their events.
      if (error instanceof RetroError) return undefined;
      throw error;
    }
    return found;
  }

  #cell(level: number, index: number): readonly SendSpan[] {
    const key = `${level}/${index}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const start = index * (this.plan.widths[level] as number);
    const bytes = this.#store.messageCell(stretchOf(this.plan, start), level, index);
    const sends = bytes === undefined ? [] : decodeCell(bytes, start);
    this.#cells.set(key, sends, CELL_BYTES + sends.length * SEND_BYTES);
    return sends;
  }

  /** A stretch may have been dropped and joined anew since. */
  #renew(): void {
    const list = this.#store.messageStretches();
    if (list === this.#list) return;
    this.#list = list;
    this.#byFrom = new Map(list.map((one) => [one.from, one]));
    this.#cells.clear();
  }
}
