/**
 * Violations and slow messages of the LMDB store, as stretches of time by class of length (stretches.ts).
 * A damaged one cannot be made up for: reading it throws `data-damaged`.
 */
import {
  HIGHEST_KEY_NUMBER,
  LOWEST_KEY_NUMBER,
  SLOW_MESSAGE,
  stretchEndOfKey,
  stretchesStarting,
  VIOLATION,
} from "./keys.ts";
import type { RecordReader } from "./record-reader.ts";
import { earliestStart, STRETCH_CLASS_COUNT, stretchSlot } from "./stretches.ts";

export class StretchReader {
  readonly #records: RecordReader;
  /** Kinds and classes that hold any. */
  readonly #slots = new Set<number>();

  constructor(records: RecordReader) {
    this.#records = records;
    for (const kind of [VIOLATION, SLOW_MESSAGE]) {
      for (let ofClass = 0; ofClass < STRETCH_CLASS_COUNT; ofClass += 1) {
        const all = stretchesStarting(kind, ofClass, LOWEST_KEY_NUMBER, HIGHEST_KEY_NUMBER);
        if (records.firstKey(all) !== undefined) this.#slots.add(stretchSlot(kind, ofClass));
      }
    }
  }

  /** Kinds and classes that a transaction has put, as `stretchSlot` numbers. */
  learn(slots: Iterable<number>): void {
    for (const slot of slots) this.#slots.add(slot);
  }

  /**
   * Stretches [start, end], or [start, end) unless `withEnd`, that touch [from, to]: the first `limit`
   * by start, of those that start at `earliest` or later.
   */
  touching<Stretch>(
    kind: number,
    from: number,
    to: number,
    limit: number,
    withEnd: boolean,
    earliest: number = Number.NEGATIVE_INFINITY,
  ): Stretch[] {
    const least = withEnd ? from : from + 1;
    const found: { readonly order: Buffer; readonly key: Buffer }[] = [];
    for (let ofClass = 0; ofClass < STRETCH_CLASS_COUNT; ofClass += 1) {
      if (!this.#slots.has(stretchSlot(kind, ofClass))) continue;
      let ofThisClass = 0;
      for (const key of this.#records.keys(
        stretchesStarting(kind, ofClass, Math.max(earliest, earliestStart(ofClass, from)), to),
      )) {
        if (stretchEndOfKey(key) < least) continue;
        if (ofThisClass >= limit) break;
        ofThisClass += 1;
        // The class stands before the start: order by what comes after it.
        found.push({ order: key.subarray(2), key });
      }
    }
    found.sort((a, b) => Buffer.compare(a.order, b.order));
    if (found.length > limit) found.length = limit;
    return found.map(({ key }) => JSON.parse(this.#records.mustRead(key).toString()) as Stretch);
  }
}
