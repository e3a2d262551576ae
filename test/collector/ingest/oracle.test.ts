/**
 * Random histories of deliveries against a naive oracle: a map of identity to event, watermarks by
 * brute force. Batches come in any order, again, overlapping, cut differently, with holes, with
 * ranges declared lost that then come after all; several nodes and epochs at a time.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBatch,
  eventsOf,
  type Hlc,
  type LostRange,
  MIN_HLC,
  type RetroEvent,
} from "../../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, aLostRange, anIngest, atTick, joined } from "./support.ts";

interface Delivery {
  readonly node: string;
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly closed: number;
  readonly dropped: readonly LostRange[];
}

const SEQS = 40;
/** Time of a seq: uneven, and apart enough that a promise fits between. */
const tOf = (seq: number): number => seq * 10 + (seq % 4);

const delivery: fc.Arbitrary<Delivery> = fc
  .record({
    node: fc.constantFrom("n1", "n2"),
    epoch: fc.constantFrom(1_000, 2_000),
    first: fc.integer({ min: 1, max: SEQS }),
    length: fc.oneof(fc.nat(3), fc.nat(15)),
    promise: fc.nat(5),
    lost: fc.option(fc.tuple(fc.integer({ min: 1, max: SEQS }), fc.nat(6)), { nil: null }),
  })
  .map(({ node, epoch, first, length, promise, lost }) => {
    const last = first + length - 1;
    return {
      node,
      epoch,
      first,
      last,
      closed: tOf(last) + promise,
      dropped: lost === null ? [] : [aLostRange([lost[0], lost[0] + lost[1]])],
    };
  });

/** What must be known of an epoch after so many deliveries. */
class Oracle {
  readonly events = new Map<number, RetroEvent>();
  readonly #declared = new Set<number>();
  /** Promises by the lastSeq of their batch. */
  readonly #promises: {
    readonly lastSeq: number;
    readonly closed: Hlc;
    readonly isForgettable: boolean;
  }[] = [];
  watermark: Hlc = MIN_HLC;

  take(one: Delivery): void {
    const body = decodeBatch(bytesOf(one));
    for (const event of eventsOf(body))
      if (!this.events.has(event.seq)) this.events.set(event.seq, event);
    for (const { firstSeq, lastSeq } of one.dropped) {
      for (let seq = firstSeq; seq <= lastSeq; seq += 1) this.#declared.add(seq);
    }
    this.#promises.push({
      lastSeq: one.last,
      closed: atTick(one.closed),
      isForgettable: one.last < one.first && !this.events.has(one.last),
    });
    const reached = this.contiguousSeq();
    for (const promise of this.#promises) {
      // What an empty batch says of a seq that is not stored is not kept: the next comes in a second.
      const isForgotten = promise.isForgettable && promise !== this.#promises.at(-1);
      if (promise.lastSeq <= reached && !isForgotten) {
        this.watermark = Math.max(this.watermark, promise.closed) as Hlc;
      }
    }
  }

  contiguousSeq(): number {
    let seq = 0;
    while (this.events.has(seq + 1) || this.#declared.has(seq + 1)) seq += 1;
    return seq;
  }

  lostSeqs(): number[] {
    return [...this.#declared].filter((seq) => !this.events.has(seq)).sort((a, b) => a - b);
  }
}

function bytesOf({ node, epoch, first, last, closed, dropped }: Delivery): Uint8Array {
  return aBatch({ node, epoch, seqs: [first, last], tOf, closed, dropped });
}

function storedEvents(store: HistoryStore, { id }: EpochRecord): RetroEvent[] {
  return [...store.batches(id, { from: MIN_HLC, to: atTick(1e9) })].flatMap((batch) => {
    const events = [...eventsOf(decodeBatch(batch.bytes))];
    expect([events[0]?.seq, events.at(-1)?.seq]).toEqual([batch.firstSeq, batch.lastSeq]);
    expect([events[0]?.t, events.at(-1)?.t]).toEqual([batch.firstT, batch.lastT]);
    return events;
  });
}

function seqsOf(ranges: readonly { readonly first: number; readonly last: number }[]): number[] {
  return ranges.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
}

function check(store: HistoryStore, oracles: ReadonlyMap<string, Oracle>): void {
  for (const record of store.epochs()) {
    const oracle = oracles.get(`${record.node}/${record.epoch}`) as Oracle;
    const expected = [...oracle.events.values()].sort((a, b) => a.seq - b.seq);
    expect(storedEvents(store, record)).toEqual(expected);
    expect(seqsOf(record.stored)).toEqual(expected.map((event) => event.seq));
    expect(record.eventCount).toBe(expected.length);
    expect(record.contiguousSeq).toBe(oracle.contiguousSeq());
    expect(record.watermark).toBe(oracle.watermark);
    const lost = record.lost.map(({ firstSeq, lastSeq }) => ({ first: firstSeq, last: lastSeq }));
    expect(seqsOf(lost)).toEqual(oracle.lostSeqs());
    const changes = expected.filter((event) => event.kind === "set");
    expect(record.logs["stock"]?.changeCount ?? 0).toBe(changes.length);
    if (changes.length > 0) {
      expect(record.logs["stock"]?.firstT).toBe(changes[0]?.t);
      expect(record.logs["stock"]?.lastT).toBe(changes.at(-1)?.t);
    }
    for (const [i, range] of record.stored.entries()) {
      expect(range.firstT).toBe(atTick(tOf(range.first)));
      expect(range.lastT).toBe(atTick(tOf(range.last)));
      const next = record.stored[i + 1];
      if (next !== undefined) expect(next.first).toBeGreaterThan(range.last + 1);
    }
  }
}

describe("ingest against an oracle", () => {
  it("knows what a map of identities and a brute-force watermark know", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(delivery, { minLength: 1, maxLength: 4 }), { maxLength: 25 }),
        async (requests) => {
          const store = new MemoryStore();
          const { ingest } = anIngest({ store });
          const oracles = new Map<string, Oracle>();
          for (const request of requests) {
            // A delivery that breaks a promise made before is refused; the oracle is not told of it.
            try {
              await ingest.submit(joined(...request.map(bytesOf)));
            } catch (error) {
              expect(error).toMatchObject({ code: "bad-batch" });
              check(store, oracles);
              continue;
            }
            for (const one of request) {
              const key = `${one.node}/${one.epoch}`;
              const isKnown = oracles.has(key);
              if (!isKnown && one.last < one.first && one.dropped.length === 0) continue;
              const oracle = oracles.get(key) ?? new Oracle();
              oracles.set(key, oracle);
              oracle.take(one);
            }
          }
          check(store, oracles);
          await ingest.close();
        },
      ),
      { numRuns: 300 },
    );
  });

  it("ends the same whatever the order and the groups in which batches arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(1_000), { minLength: 30, maxLength: 30 }),
        async (lengths, keys) => {
          let next = 1;
          const batches = lengths.map((length) => {
            const first = next;
            next += length;
            return aBatch({ seqs: [first, next - 1], tOf });
          });
          // Each batch twice, shuffled, several submitted at a time.
          const order = [...batches, ...batches]
            .map((bytes, i) => ({ bytes, key: keys[i % keys.length] as number }))
            .sort((a, b) => a.key - b.key);
          const store = new MemoryStore();
          const { ingest } = anIngest({ store });
          for (let i = 0; i < order.length; i += 3) {
            await Promise.all(order.slice(i, i + 3).map(({ bytes }) => ingest.submit(bytes)));
          }
          const [record] = store.epochs();
          expect(record).toMatchObject({
            contiguousSeq: next - 1,
            eventCount: next - 1,
            watermark: atTick(tOf(next - 1)),
            joined: atTick(tOf(1)),
            instance: "i1",
          });
          expect(record?.stored).toHaveLength(1);
          expect(ingest.counts.conflictCount).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
