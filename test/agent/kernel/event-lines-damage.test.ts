/** Bad lines: each is named, counted and, where it was an event, lost; and batches beyond their bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../../agent/kernel/index.ts";
import { formatHlc, parseTime, readEventLines } from "../../../agent/kernel/index.ts";
import { eventsIn, line, read, set, T } from "./lines.ts";

describe("many bad lines", () => {
  const unreadable = (t: number, kind = "set", log: unknown = "l"): object =>
    line({ kind, log, key: 5 }, t);

  it("become one lost range where they follow each other, however many they are", () => {
    const bad = Array.from({ length: 5_000 }, (_, i) => unreadable(T + 1 + i));
    const { batches, counts } = read([set("a", 1), ...bad, set("a", 2, T + 9_000)]);
    expect(counts.skippedCount).toBe(5_000);
    expect(eventsIn(batches)).toHaveLength(3); // with the join
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped).toMatchObject([{ firstSeq: 3, lastSeq: 5_002, logs: ["l"] }]);
  });

  it("are folded where each names another log, and then name none", () => {
    const bad = Array.from({ length: 5_000 }, (_, i) => unreadable(T + 1 + i, "set", `log${i}`));
    const { batches } = read([set("a", 1), ...bad, set("a", 2, T + 9_000)]);
    expect(eventsIn(batches)).toHaveLength(3);
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0)).toBe(
      5_000,
    );
    expect(dropped.at(-1)).toMatchObject({ lastSeq: 5_002, logs: null });
  });

  it("stay apart where seqs are missing between them, in as many batches as it takes", () => {
    const bad = Array.from({ length: 3_000 }, (_, i) =>
      line({ kind: "set", log: "l", epoch: 5, seq: 2 + 2 * i }, T + 1 + i),
    );
    const first = line({ kind: "set", log: "l", key: "a", value: 1, epoch: 5, seq: 1 });
    const { batches } = read([first, ...bad]);
    expect(eventsIn(batches)).toHaveLength(1);
    expect(batches.flatMap(({ header }) => header.dropped)).toHaveLength(3_000);
  });

  it("cannot push seqs beyond what a number holds", () => {
    const lost = line({ kind: "lost", events: Number.MAX_SAFE_INTEGER }, T + 1);
    const { batches, counts } = read([set("a", 1), lost, set("a", 2, T + 2)]);
    expect(counts.skipped).toEqual([{ line: 2, reason: "its seqs go beyond 2^53" }]);
    expect(eventsIn(batches)).toHaveLength(3);
  });
});

describe("bad lines", () => {
  const long = "k".repeat(257);
  const deep = JSON.parse(`${"[".repeat(17)}${"]".repeat(17)}`) as unknown;
  const cases: ReadonlyArray<readonly [line: string | object, reason: RegExp, isLost: boolean]> = [
    ["{", /not JSON/, false],
    ["[1]", /not an object/, false],
    [{ t: 1, kind: "mark", text: "x" }, /node is missing/, false],
    [{ node: "", t: 1, kind: "mark" }, /node is empty/, false],
    [{ node: "n".repeat(257), t: 1 }, /node is longer than 256 bytes/, false],
    [{ node: "n1", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "-5s", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "now", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "2026-11-21T16:00:00", kind: "leave" }, /t is not a time/, false],
    [line({ kind: "leave", epoch: -1 }), /epoch is not a whole number/, false],
    [line({ kind: "leave", seq: 0 }), /seq is not a whole number/, false],
    [line({ kind: "explode" }), /unknown kind "explode"/, true],
    [line({ kind: "set", log: "l", key: "k" }), /value is missing/, true],
    [line({ kind: "set", log: "l", value: 1 }), /key is missing/, true],
    [line({ kind: "set", log: "l", key: long, value: 1 }), /key is longer/, true],
    [set("k", deep), /depth of a value/, true],
    [set("k", "x".repeat(40_000)), /bytes of a string/, true],
    [JSON.stringify(set("k", 0)).replace('"value":0', '"value":1e999'), /Infinity/, true],
    [line({ kind: "add", log: "l", key: "k", value: { $set: [] } }), /set inside a set/, true],
    [line({ kind: "keyframe", log: "l", state: [] }), /state is not an object/, true],
    [line({ kind: "request", operation: "o", residenceUs: -1 }), /residenceUs/, true],
    [line({ kind: "lost" }), /events is missing/, true],
    [line({ kind: "mark", text: 3 }), /text is not a text/, true],
  ];
  it.each(cases)("%j", (bad, reason, isLost) => {
    const { batches, counts } = read([set("k", 1), bad, set("k", 2, T + 9)]);
    expect(counts.skipped).toEqual([{ line: 2, reason: expect.stringMatching(reason) }]);
    expect(eventsIn(batches).filter((event) => event.kind === "set")).toHaveLength(2);
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped).toHaveLength(isLost ? 1 : 0);
  });

  it("a time before the node's line before: skipped, and lost from its own time on", () => {
    const { batches, counts } = read([set("a", 1, T + 50), set("b", 2, T), set("a", 3, T + 60)]);
    expect(counts.skipped).toEqual([
      { line: 2, reason: expect.stringMatching(/its time is before/) },
    ]);
    expect(batches.flatMap(({ header }) => header.dropped)).toMatchObject([
      { firstSeq: 3, lastSeq: 3, firstT: T, lastT: T + 50, logs: ["l"], messages: false },
    ]);
  });

  it("names a thousand of them and counts the rest", () => {
    const { counts } = read(Array.from({ length: 1_500 }, () => "garbage"));
    expect(counts.skipped).toHaveLength(1_000);
    expect(counts).toMatchObject({ skippedCount: 1_500, lines: 1_500, events: 0, nodes: 0 });
  });

  it("never throws, whatever a line holds", () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom("set", "n1", formatHlc(T), "lost", 5));
    const keys =
      "node t kind log key value epoch seq service id from send events logs state calls tags";
    const anyLine = fc.oneof(
      fc.string(),
      fc
        .dictionary(fc.constantFrom(...keys.split(" ")), field)
        .map((fields) => JSON.stringify({ node: "n", t: 5, ...fields })),
    );
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 20 }), (lines) => {
        eventsIn(readEventLines(lines, { epoch: 1 }).batches);
      }),
      { numRuns: 500 },
    );
  });
});

describe("batches", () => {
  it("are cut at commits, however many events there are", () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      set(`k${i % 9}`, i, T + Math.floor(i / 7)),
    );
    const { batches } = read(lines);
    expect(batches.length).toBeGreaterThan(3);
    expect(eventsIn(batches)).toHaveLength(20_001);
    for (let i = 1; i < batches.length; i += 1) {
      const [before, batch] = [batches[i - 1] as Batch, batches[i] as Batch];
      expect(batch.header.firstSeq).toBe(before.header.lastSeq + 1);
      expect(batch.header.firstT).toBeGreaterThan(before.header.closed);
    }
  });

  it("reach from 1970 to 2089", () => {
    const { batches } = read([
      set("k", 1, parseTime("0", T)),
      set("k", 2, Number.MAX_SAFE_INTEGER),
    ]);
    expect(eventsIn(batches).map((event) => event.t)).toEqual([
      -6_462_819_532_800_000,
      -6_462_819_532_800_000,
      Number.MAX_SAFE_INTEGER,
    ]);
  });
});
