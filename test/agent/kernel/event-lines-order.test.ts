/** The order of lines: times that fall, that tie, and receives before their sends. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventsOf, formatHlc, formatHlcDisplay, type Hlc } from "../../../agent/kernel/index.ts";
import { eventsIn, read, T } from "./lines.ts";

describe("order", () => {
  const hexPlus = (t: number, low: number): string =>
    formatHlc(t as Hlc).slice(0, 15) + low.toString(16);
  const send = (node: string, t: unknown, id = "m"): object => ({ node, t, kind: "send", id });
  const receive = (node: string, t: unknown, id = "m"): object => ({
    node,
    t,
    kind: "receive",
    id,
  });
  const stamps = (lines: readonly object[]): { t: Record<string, number[]>; bumped: number } => {
    const { batches, counts } = read(lines.map((one) => ({ epoch: 1, ...one })));
    const t: Record<string, number[]> = {};
    for (const batch of batches) {
      const list = t[batch.header.node] ?? [];
      t[batch.header.node] = list;
      list.push(...eventsIn([batch]).map((event) => event.t - T));
    }
    return { t, bumped: counts.bumped };
  };
  const iso = "2026-11-21T16:00:00.000Z";
  const mark = (t: unknown): object => ({ node: "a", t, kind: "mark", text: "x" });
  const cases: ReadonlyArray<
    readonly [why: string, lines: object[], t: Record<string, number[]>, bumped: number]
  > = [
    ["equal t on one node is one commit", [mark(iso), mark(iso)], { a: [0, 0] }, 0],
    [
      "foreign stamps are rounded up, and bumped where two fall on one tick",
      [mark(hexPlus(T, 1)), mark(hexPlus(T, 2)), mark(hexPlus(T + 1, 0)), mark(hexPlus(T + 1, 0))],
      { a: [1, 2, 3, 3] },
      3,
    ],
    [
      "a bump carries over a commit, which stays one",
      [mark(hexPlus(T, 1)), mark(hexPlus(T, 2)), mark(hexPlus(T, 2)), mark(hexPlus(T, 9))],
      { a: [1, 2, 2, 3] },
      3,
    ],
    [
      "nanoseconds within a tick keep their order",
      [mark("2026-11-21T16:00:00.000000001Z"), mark("2026-11-21T16:00:00.000000101Z")],
      { a: [0, 1] },
      1,
    ],
    [
      "a wall-clock tie leaves the order of send and receive to us",
      [receive("b", iso), send("a", iso)],
      { b: [1], a: [0] },
      1,
    ],
    [
      "what follows a bumped receive at the same time moves with it",
      [receive("b", iso), { ...mark(iso), node: "b" }, send("a", iso)],
      { b: [1, 1], a: [0] },
      2,
    ],
    [
      "a chain of messages in one millisecond gets one tick each",
      [receive("c", iso, "2"), receive("b", iso, "1"), send("b", iso, "2"), send("a", iso, "1")],
      { c: [2], b: [1, 1], a: [0] },
      3,
    ],
    [
      "exact stamps are left as they are: a tie is a violation",
      [send("a", formatHlc(T)), receive("b", formatHlcDisplay(T))],
      { a: [0], b: [0] },
      0,
    ],
    [
      "a receive before its send is a violation, and stays one",
      [send("a", "2026-11-21T16:00:00.300Z"), receive("b", iso)],
      { a: [300 * 4_096], b: [0] },
      0,
    ],
    [
      "a file that contradicts itself is read to its end",
      [receive("a", iso, "2"), send("a", iso, "1"), receive("b", iso, "1"), send("b", iso, "2")],
      { a: [0, 0], b: [1, 1] },
      2,
    ],
  ];
  it.each(cases)("%s", (_why, lines, t, bumped) => {
    expect(stamps(lines)).toEqual({ t, bumped });
  });

  it("is strict wherever the file is, and never puts a receive before its send", () => {
    const event = fc.record({
      node: fc.constantFrom("a", "b", "c"),
      step: fc.nat({ max: 20 }), // sixteenths of a tick
      id: fc.nat({ max: 8 }),
      kind: fc.constantFrom("send", "receive", "mark"),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const now: Record<string, number> = {};
        const sent = new Set<number>();
        const lines = events.map(({ node, step, id, kind }) => {
          const sixteenths = (now[node] ?? 0) + step;
          now[node] = sixteenths;
          const t = hexPlus(T + Math.floor(sixteenths / 16), sixteenths % 16);
          const isSecondSend = kind === "send" && sent.has(id);
          if (kind === "send") sent.add(id);
          const what = isSecondSend ? { kind: "mark" } : { kind };
          return { node, t, id: `${id}`, text: `${sixteenths}`, epoch: 1, ...what };
        });
        const { batches } = read(lines);
        const tOf = new Map<string, number>();
        for (const { header, events: columns } of batches) {
          for (const one of eventsOf({ header, events: columns })) {
            tOf.set(`${header.node}/${one.seq}`, one.t);
          }
        }
        const seqs: Record<string, number> = {};
        const raw = new Map<string, number>();
        for (const { node, text } of lines) {
          seqs[node] = (seqs[node] ?? 0) + 1;
          raw.set(`${node}/${seqs[node]}`, Number(text));
        }
        for (const [place, t] of tOf) {
          const [node, seq] = place.split("/") as [string, string];
          const before = `${node}/${Number(seq) - 1}`;
          const rise = t - (tOf.get(before) ?? t - 1);
          expect(rise > 0 || (rise === 0 && raw.get(before) === raw.get(place))).toBe(true);
        }
        for (const { header, events: columns } of batches) {
          for (const one of eventsOf({ header, events: columns })) {
            if (one.kind !== "receive" || one.from === null) continue;
            const sentRaw = raw.get(`${one.from.node}/${one.from.seq}`) ?? 0;
            const ownRaw = raw.get(`${header.node}/${one.seq}`) ?? 0;
            const isOurs = ownRaw > sentRaw;
            if (isOurs) expect(one.t).toBeGreaterThan(one.sentT ?? Number.NaN);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
