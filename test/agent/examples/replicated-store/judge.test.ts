import { describe, expect, it } from "vitest";
import {
  brokenPairs,
  prefixLength,
  stateAfter,
  stateDifferences,
} from "../../../../agent/examples/replicated-store/check/judge.ts";
import {
  type JournalChange,
  type NodeJournal,
  readJournal,
} from "../../../../agent/examples/replicated-store/check/read-journals.ts";
import { ProcessClock } from "../../../../agent/examples/replicated-store/vector-clock.ts";

/** Two processes: a writes x, tells b, b writes y; b's wall clock is 100 ms behind. */
function aCausedHistory(): { a: NodeJournal; b: NodeJournal } {
  const clockA = new ProcessClock("a");
  const clockB = new ProcessClock("b");
  const change = (
    key: string,
    t: string,
    wall: number,
    clock: JournalChange["clock"],
  ): JournalChange => ({ log: "kv", key, value: 1, t, wall, clock });
  const x = change("x", "0000000000001000", 1_000, clockA.tick());
  const message = clockA.tick();
  clockB.receive(message);
  const y = change("y", "0000000000001020", 905, clockB.tick());
  const journal = (node: string, changes: readonly JournalChange[]): NodeJournal => ({
    node,
    changes,
    messageCount: 0,
    end: undefined,
  });
  return { a: journal("a", [x]), b: journal("b", [y]) };
}

describe("the demo's judge", () => {
  it("finds no fault with a cut that holds the cause of its effect", () => {
    const { a, b } = aCausedHistory();
    for (const lengths of [
      [0, 0],
      [1, 0],
      [1, 1],
    ]) {
      expect(brokenPairs([a, b], lengths)).toEqual([]);
    }
  });

  it("finds the effect without its cause", () => {
    const { a, b } = aCausedHistory();
    expect(brokenPairs([a, b], [0, 1])).toEqual([{ cause: "a", effect: "b" }]);
  });

  it("finds it in a cut by wall clocks that disagree", () => {
    const { a, b } = aCausedHistory();
    const lengths = [a, b].map(({ changes }) => prefixLength(changes, (c) => c.wall <= 950));
    expect(brokenPairs([a, b], lengths)).toEqual([{ cause: "a", effect: "b" }]);
  });

  it("calls concurrent changes consistent either way", () => {
    const { a, b } = aCausedHistory();
    const alone = { ...b, changes: b.changes.map((c) => ({ ...c, clock: { b: 1 } })) };
    expect(brokenPairs([a, alone], [0, 1])).toEqual([]);
    expect(brokenPairs([a, alone], [1, 0])).toEqual([]);
  });

  it("names every variable that differs, is missing or is too many", () => {
    const { a } = aCausedHistory();
    const expected = stateAfter(a.changes, 1);
    expect(stateDifferences(expected, { kv: { x: 1 } })).toEqual([]);
    expect(stateDifferences(expected, { kv: { x: 2 } })).toEqual(["kv.x: journal 1, answer 2"]);
    expect(stateDifferences(expected, {})).toEqual(["kv.x: journal 1, answer nothing"]);
    expect(stateDifferences(expected, { kv: { x: 1, z: 0 } })).toEqual([
      "kv.z: journal nothing, answer 0",
    ]);
  });

  it("does not mind the order of an object's keys", () => {
    const { a } = aCausedHistory();
    const changes = [{ ...(a.changes[0] as JournalChange), value: { b: 2, a: [1, null] } }];
    expect(stateDifferences(stateAfter(changes, 1), { kv: { x: { a: [1, null], b: 2 } } })).toEqual(
      [],
    );
  });

  it("reads a journal whose process was killed as one without an end", () => {
    const journal = readJournal('{"kind":"start","node":"n"}\n{"kind":"send","id":"n-1"}\n');
    expect(journal).toMatchObject({ node: "n", changes: [], messageCount: 1, end: undefined });
  });
});
