import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  eventAt,
  eventsOf,
  type Hlc,
  KindCode,
  type RetroEvent,
  ValueTag,
} from "../../../agent/kernel/index.ts";
import type { SegmentWrite } from "../../../collector/store/history-store.ts";
import { SegmentBuilder } from "../../../collector/store/segment-builder.ts";
import { BlockKind, decodeSegmentHeader } from "../../../collector/store/segment-header.ts";
import {
  type BlockChoice,
  isChosenBlock,
  readStored,
} from "../../../collector/store/segment-reader.ts";
import { eventOfRow, partOf, rowFrom, seqAt } from "../../../collector/store/segment-rows.ts";
import { aBatch, batchArbitrary, exactJson, type Row } from "../../support/batches.ts";
import { blocksOf, sealed, stored } from "../../support/segments.ts";

/** Batches that follow each other: the events of any batches, moved behind one another. */
const historyArbitrary = fc
  .tuple(
    fc.array(batchArbitrary, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 2 ** 40 }),
  )
  .map(([batches, firstSeq]) => following(batches, firstSeq));

function following(batches: readonly Batch[], first: number): Batch[] {
  const done: Batch[] = [];
  let seq = first;
  let t = Number.NEGATIVE_INFINITY;
  for (const batch of batches) {
    const { events } = batch;
    if (events.count === 0) continue;
    const shift = t >= (events.t[0] as number) ? t + 1 - (events.t[0] as number) : 0;
    const times = events.t.slice(0, events.count).map((one) => one + shift);
    const lastT = times[times.length - 1] as number;
    if (lastT > 2 ** 52) continue;
    // A send can only replace an earlier one, and a replaced seq moves along.
    const bodies = events.bodies.map((body) =>
      body.kind === "send" && body.replaces !== null ? { ...body, replaces: seq } : body,
    );
    const isFirstReplacing = firstReplacing(batch);
    const header = {
      ...batch.header,
      node: "n",
      service: "s",
      epoch: 3,
      dropped: [],
      status: null,
    };
    const moved: Batch = {
      header: {
        ...header,
        imported: false,
        firstSeq: seq,
        lastSeq: seq + events.count - 1,
        firstT: times[0] as Hlc,
        lastT: lastT as Hlc,
        closed: lastT as Hlc,
      },
      events: { ...events, t: times, bodies: isFirstReplacing ? withoutReplaces(bodies) : bodies },
    };
    done.push(decodeBatch(encodeBatch(moved)));
    seq += events.count;
    t = lastT;
  }
  return done;
}

function firstReplacing({ events }: Batch): boolean {
  const body = events.bodies[0];
  return body?.kind === "send" && body.replaces !== null && events.kind[0] === KindCode.send;
}

function withoutReplaces(bodies: Batch["events"]["bodies"]): Batch["events"]["bodies"] {
  return bodies.map((body) => (body.kind === "send" ? { ...body, replaces: null } : body));
}

const text = (event: RetroEvent): string => exactJson(event);

function textsOf(batches: readonly Batch[]): string[] {
  return batches.flatMap((batch) => [...eventsOf(batch)].map(text));
}

describe("a segment", () => {
  it("gives back every event of the batches it was made from, in every detail", () => {
    fc.assert(
      fc.property(historyArbitrary, (batches) => {
        if (batches.length === 0) return;
        const write = sealed(batches.map((batch) => stored(batch)));
        const { rows, damaged } = readStored(write.segment, blocksOf(write));
        expect(damaged).toEqual([]);
        expect([...eventsOf(rows)].map(text)).toEqual(textsOf(batches));
      }),
      { numRuns: 250 },
    );
  });

  it("gives back bodies so much alike that they deflate to less than a byte each", () => {
    const shared = { channel: "http", peer: null, id: null } as const;
    const send = { kind: "send", to: "m", replaces: null, failed: false, streamed: false } as const;
    const batches = Array.from({ length: 20 }, (_, k) => {
      const builder = new BatchBuilder();
      for (let i = 0; i < 400; i += 1)
        builder.body((1_000 * k + 2 * i) as Hlc, { ...send, ...shared });
      const fields = { node: "n", service: "s", epoch: 3, firstSeq: 400 * k + 1 };
      return decodeBatch(
        encodeBatch(builder.build({ ...fields, closed: (1_000 * k + 999) as Hlc })),
      );
    });
    const write = sealed(batches.map((batch) => stored(batch)));
    const { rows, damaged } = readStored(write.segment, blocksOf(write));
    expect(write.blocks[0]?.length).toBeLessThan(8_000);
    expect(damaged).toEqual([]);
    expect([...eventsOf(rows)].map(text)).toEqual(textsOf(batches));
  });

  it("is made in small steps, beside another, of thousands of variables and much text", () => {
    const batchesOf = (name: string): Batch[] =>
      Array.from({ length: 6 }, (_, k) => {
        const builder = new BatchBuilder();
        for (let i = 0; i < 1_500; i += 1) {
          const key = `${name} ${(i * 7_919 + k * 104_729) % 9_001} é${i % 3}`;
          const value = i % 10 === 0 ? `${key} `.repeat(15) : i;
          builder.change((10_000 * k + i) as Hlc, KindCode.set, "l", key, value);
        }
        const fields = { node: "n", service: "s", epoch: 3, firstSeq: 1_500 * k + 1 };
        return builder.build({ ...fields, closed: (10_000 * k + 9_999) as Hlc });
      });
    const stepsOf = (batches: readonly Batch[]): ReturnType<SegmentBuilder["finish"]> => {
      const builder = new SegmentBuilder();
      for (const batch of batches) builder.add(stored(batch), batch);
      return builder.finish();
    };
    const [one, other] = [batchesOf("a"), batchesOf("b")];
    const running = [stepsOf(one), stepsOf(other)] as const;
    const made: SegmentWrite[] = [];
    let steps = 0;
    for (let i = 0; made.length < 2; i += 1) {
      const { value, done } = (running[i % 2] as (typeof running)[0]).next();
      if (done === true && value !== undefined) made.push(value);
      steps += 1;
    }
    // Sorting, merging, hashing and writing each of 9,000 keys, a thousand at a time; texts by 64 KiB.
    expect(steps).toBeGreaterThan(2 * 40);
    for (const [index, batches] of [one, other].entries()) {
      const write = made[index] as SegmentWrite;
      expect(sealed(batches.map((batch) => stored(batch))).blocks).toEqual(write.blocks);
      const { rows, damaged } = readStored(write.segment, blocksOf(write));
      expect(damaged).toEqual([]);
      expect([...eventsOf(rows)].map(text)).toEqual(textsOf(batches));
    }
  });

  it("gives what is asked for of it, each event under its own seq, and nothing else", () => {
    const choices = fc.record({
      logs: fc.option(fc.uniqueArray(fc.constantFrom("l", "a", "b", "stock", "", "__proto__")), {
        nil: undefined,
      }),
      messages: fc.boolean(),
      rest: fc.boolean(),
    });
    fc.assert(
      fc.property(historyArbitrary, choices, (batches, { logs, messages, rest }) => {
        if (batches.length === 0) return;
        const names = new Set(batches.flatMap(logsIn));
        const some = logs && new Set([...logs, ...[...names].slice(0, logs.length)]);
        const choice: BlockChoice = { logs: some, messages, rest };
        const write = sealed(batches.map((batch) => stored(batch)));
        const { rows } = readStored(write.segment, blocksOf(write), choice);
        const wanted = batches.flatMap((batch) => [...eventsOf(batch)].filter(isWanted(choice)));
        const found = Array.from({ length: rows.events.count }, (_, row) => eventOfRow(rows, row));
        expect(found.map(text)).toEqual(wanted.map(text));
        for (const [row, { seq }] of wanted.entries()) {
          expect(seqAt(rows, row)).toBe(seq);
          expect(rowFrom(rows, seq)).toBe(row);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("can be cut into parts by seq", () => {
    fc.assert(
      fc.property(
        historyArbitrary,
        fc.nat(100),
        fc.nat(100),
        fc.boolean(),
        (batches, a, b, all) => {
          if (batches.length === 0) return;
          const write = sealed(batches.map((batch) => stored(batch)));
          const choice = { logs: all ? undefined : new Set<string>(), messages: true, rest: all };
          const { rows } = readStored(write.segment, blocksOf(write), choice);
          const first = rows.header.firstSeq + Math.min(a, b);
          const last = Math.min(rows.header.lastSeq, rows.header.firstSeq + Math.max(a, b));
          if (first > last) return;
          const part = partOf(rows, first, last);
          const whole = Array.from({ length: rows.events.count }, (_, row) =>
            eventOfRow(rows, row),
          );
          const found = Array.from({ length: part.events.count }, (_, row) =>
            eventOfRow(part, row),
          );
          const expected = whole.filter(({ seq }) => seq >= first && seq <= last);
          expect(found.map(text)).toEqual(expected.map(text));
          expect([part.header.firstSeq, part.header.lastSeq]).toEqual([first, last]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("says in its header what is in each block, so that a reader can do without it", () => {
    fc.assert(
      fc.property(historyArbitrary, (batches) => {
        if (batches.length === 0) return;
        const write = sealed(batches.map((batch, i) => stored(batch, 1, 1_000 + i)));
        const header = decodeSegmentHeader(write.segment.bytes);
        expect(header.batchCount).toBe(batches.length);
        expect(header.firstArrivalMs).toBe(1_000);
        expect(write.segment.arrivalMs).toBe(999 + batches.length);
        const { rows } = readStored(write.segment, blocksOf(write));
        for (const [index, summary] of header.blocks.entries()) {
          expect(summary.byteCount).toBe(write.blocks[index]?.length);
          const own = { logs: new Set([summary.log]), messages: false, rest: false };
          const choice =
            summary.kind === BlockKind.log
              ? own
              : {
                  ...own,
                  logs: new Set<string>(),
                  [summary.kind === 1 ? "messages" : "rest"]: true,
                };
          const seqs: number[] = [];
          const numbers: number[] = [];
          for (let i = 0; i < rows.events.count; i += 1) {
            if (!isWanted(choice)(eventAt(rows, i))) continue;
            seqs.push(seqAt(rows, i));
            if (rows.events.valueTag[i] !== ValueTag.number) continue;
            numbers.push(rows.events.valueNumber[i] as number);
          }
          expect(summary.count).toBe(seqs.length);
          expect(header.firstSeq + summary.firstOffset).toBe(seqs[0]);
          expect(summary.numberCount).toBe(numbers.length);
          if (numbers.length === 0) continue;
          expect(summary.least === Math.min(...numbers)).toBe(true);
          expect(summary.greatest === Math.max(...numbers)).toBe(true);
          expect(isChosenBlock(summary, choice)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("keeps every number as it was, bit for bit", () => {
    const numbers = [
      ...[0, -0, 1, -1, 0.1, 0.2, 0.1 + 0.2, 1.1, 12.34, -12.34, 1e-7, 5e-324, 1.7e308],
      ...[2 ** 51, -(2 ** 51), 2 ** 53 - 1, 2 ** 53, 1e21, 123456.789, 0.000001, 99.99, 1 / 3],
      ...[1_763_700_000_000, 4.35, 1.005, 8.41, 1e15 + 0.3, -0.000001, 1234567890.123456],
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom(...numbers),
            fc.double({ noNaN: true, noDefaultInfinity: true }),
          ),
          {
            minLength: 1,
            maxLength: 600,
          },
        ),
        fc.nat(3),
        (drawn, keys) => {
          const rows = drawn.map((value, i): Row => {
            return { kind: "set", t: (100 + i) as Hlc, log: "l", key: `k${i % (keys + 1)}`, value };
          });
          const write = sealed([stored(aBatch(rows))]);
          const { events } = readStored(write.segment, blocksOf(write)).rows;
          const found = [...events.valueNumber.subarray(0, events.count)];
          expect(found.every((value, i) => Object.is(value, drawn[i]))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("without a block gives the others, and names the one that is missing", () => {
    const at = (i: number): Hlc => (100 + i) as Hlc;
    const rows: Row[] = ["a", "b", "a", "b", "a"].map((log, i) => {
      return { kind: "set", t: at(i), log, key: "k", value: i };
    });
    const write = sealed([stored(aBatch(rows, { firstSeq: 11 }))]);
    const { rows: read, damaged } = readStored(write.segment, blocksOf(write, [0]));
    expect(damaged.map(({ log, count }) => [log, count])).toEqual([["a", 3]]);
    const found = Array.from({ length: read.events.count }, (_, row) => eventOfRow(read, row));
    expect(found.map(({ seq }) => seq)).toEqual([12, 14]);
  });

  it("with a block that says other things than its header counts as damaged", () => {
    const rowsOf = (count: number): Row[] =>
      Array.from({ length: count }, (_, i) => {
        return { kind: "set", t: (100 + i) as Hlc, log: "a", key: "k", value: i };
      });
    const write = sealed([stored(aBatch(rowsOf(9)))]);
    const other = sealed([stored(aBatch(rowsOf(8)))]);
    const { rows, damaged } = readStored(write.segment, blocksOf(other));
    expect(damaged).toHaveLength(1);
    expect(rows.events.count).toBe(0);
  });
});

function isWanted({ logs, messages, rest }: BlockChoice): (event: RetroEvent) => boolean {
  return (event) => {
    if ("log" in event) return logs === undefined || logs.has(event.log);
    return event.kind === "send" || event.kind === "receive" ? messages : rest;
  };
}

function logsIn(batch: Batch): string[] {
  return [...eventsOf(batch)].flatMap((event) => ("log" in event ? [event.log] : []));
}
