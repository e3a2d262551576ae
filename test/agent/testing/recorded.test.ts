import { AssertionError } from "node:assert";
import { afterEach, describe, expect, it } from "vitest";
import {
  assertAlways,
  assertState,
  changesOf,
  startTestAgent,
  stateOf,
  type TestAgent,
} from "../../../agent/testing.ts";

let test: TestAgent | undefined;
afterEach(() => test?.close());

/** Moves an apple from one shelf to the other, with or without a commit. */
function transfer(agent: TestAgent["agent"], inOneStep: boolean): void {
  const shelves = agent.log("shelves");
  shelves.set("left", 1);
  shelves.set("right", 0);
  const move = (to: { set(key: string, value: number): unknown }): void => {
    to.set("left", 0);
    to.set("right", 1);
  };
  if (inOneStep) shelves.commit(move);
  else move(shelves);
}

const oneApple = (state: ReturnType<typeof stateOf>): boolean => {
  const { left, right } = state["shelves"] ?? {};
  return left === undefined || right === undefined || Number(left) + Number(right) === 1;
};

describe("assertAlways", () => {
  it("holds where the step is a commit, and counts the cuts", async () => {
    test = startTestAgent();
    transfer(test.agent, true);
    expect(assertAlways(await test.events(), oneApple)).toBe(4); // join, two sets, one commit
  });

  it("finds what was only passing through, and names the change", async () => {
    test = startTestAgent();
    transfer(test.agent, false);
    const events = await test.events();
    expect(() => assertAlways(events, oneApple)).toThrow(
      /^does not hold at 2026-01-01T00:00:00.000Z\+\w+, after set shelves.left 0$/,
    );
  });

  it("takes a throw for a broken invariant, and says what was thrown", async () => {
    test = startTestAgent();
    test.agent.mark("here");
    const events = await test.events();
    const broken = (): boolean => {
      throw new Error("no apples at all");
    };
    expect(() => assertAlways(events, broken)).toThrow(/after a join: no apples at all$/);
  });
});

describe("assertState", () => {
  it("compares what is named, sets and absent variables too, and lists what differs", () => {
    test = startTestAgent();
    const stock = test.agent.log("stock");
    stock.set("apples", { red: 1, green: 2 });
    stock.add("owners", "n1");
    const { logs } = test.agent.snapshot();
    assertState(logs, { stock: { apples: { green: 2, red: 1 }, pears: undefined } });
    assertState(logs, { stock: { owners: { $set: ["n1"] } } });
    expect(() => assertState(logs, { stock: { apples: 3, owners: undefined } })).toThrow(
      'stock.apples is {"red":1,"green":2}, not 3; stock.owners is {"$set":["n1"]}, not absent',
    );
    expect(() => assertState(logs, { stock: { pears: 1 } })).toThrow(AssertionError);
  });
});

describe("stateOf and changesOf", () => {
  it("agree with the agent's own snapshots at every cut", async () => {
    test = startTestAgent();
    const { agent, clock } = test;
    const stock = agent.log("stock");
    const times = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => {
      clock.advanceMs(10);
      if (i % 4 === 3) return stock.delete("apples");
      return i % 2 === 0 ? stock.set("apples", i) : stock.add("owners", `n${i}`);
    });
    const events = await test.events();
    for (const t of times) {
      expect(stateOf(events, t)).toEqual({ ...agent.snapshot({ at: t }).logs });
    }
    expect(changesOf(events, { key: "apples" }).map(({ kind, value }) => [kind, value])).toEqual([
      ...[
        ["set", 0],
        ["set", 2],
        ["delete", undefined],
        ["set", 4],
      ],
      ...[
        ["set", 6],
        ["delete", undefined],
      ],
    ]);
    expect(changesOf(events, { log: "other" })).toEqual([]);
  });
});

describe("startTestAgent", () => {
  it("refuses to take over from an agent that runs, and says what to do", () => {
    test = startTestAgent();
    expect(() => startTestAgent()).toThrow("an agent that runs in this process already");
  });
});

describe("what would pass for an answer", () => {
  it("is refused: promises of events, of states and of answers, and snapshots", async () => {
    test = startTestAgent();
    test.agent.log("shelves").set("left", 1);
    const events = await test.events();
    const pending = test.events() as never;
    const rejecting = async () => {
      throw new Error("the host's own");
    };
    expect(() => assertAlways(events, (async () => false) as never)).toThrow(/returned a promise/);
    expect(() => assertAlways(events, rejecting as never)).toThrow(/returned a promise/);
    for (const ask of [
      () => assertAlways(pending, () => true),
      () => stateOf(pending),
      () => changesOf(pending),
    ]) {
      expect(ask).toThrow(/await test\.events\(\)/);
    }
    expect(() => stateOf(test?.agent.events() as never)).toThrow(/not what `agent\.events\(\)`/);
    expect(() => assertState(test?.agent.snapshot() as never, {})).toThrow(/snapshot\(\)\.logs/);
    expect(() => assertState(undefined as never, {})).toThrow(TypeError);
    await pending;
  });
});

describe("a test's agent", () => {
  it("that still runs is told, with how to end it", () => {
    test = startTestAgent();
    expect(() => startTestAgent()).toThrow(/t\.after\(\(\) => test\.close\(\)\)/);
  });

  it("ends with the block that it was declared in", async () => {
    const { agent, [Symbol.asyncDispose]: dispose } = startTestAgent();
    await dispose();
    expect(agent.isClosed).toBe(true);
  });
});
