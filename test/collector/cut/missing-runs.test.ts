/** Runs and logs whose beginning has not arrived: no cut is called complete that they would change. */
import { describe, expect, it } from "vitest";
import type { LostRange } from "../../../agent/kernel/index.ts";
import { atMs, join, receive, set, tellHistory } from "../../support/told-history.ts";

describe("a run whose first events have not arrived", () => {
  it("may have begun before any of them: cuts from the end of the run before are incomplete", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "a", 1)], { closed: atMs(1000) });
    await tell("n2", 11, [set(atMs(200), "l", "b", 11)], { closed: atMs(1000) });
    const hole = { node: "n2", reason: "hole", seq: 1, events: 10, to: atMs(200) };
    expect(history.cutAt(atMs(100))).toMatchObject({ complete: false, inFlightComplete: false });
    expect(history.cutAt(atMs(100)).incomplete).toEqual([hole]);
    expect((await history.diff(atMs(50), atMs(100))).complete).toBe(false);
    const beginning = Array.from({ length: 9 }, (_, i) => set(atMs(41 + i), "l", "b", i));
    await tell("n2", 1, [join(atMs(40)), ...beginning], { closed: atMs(190) });
    expect(history.cutAt(atMs(100))).toMatchObject({ complete: true, members: ["n1", "n2"] });
  });

  it("leaves complete what the run before it is known to have covered", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "a", 1)], { closed: atMs(50) });
    await tell("n1", 5, [set(atMs(200), "l", "a", 2)], { epoch: 2, closed: atMs(300) });
    expect(history.cutAt(atMs(50)).complete).toBe(true);
    expect(history.cutAt(atMs(51)).incomplete).toContainEqual({
      node: "n1",
      reason: "hole",
      seq: 1,
      events: 4,
      from: atMs(50),
      to: atMs(200),
    });
  });

  it("is noticed by what it sent, though its node is known from a run before", async () => {
    const { history, tell } = tellHistory();
    await tell("n2", 1, [join(atMs(0)), set(atMs(1), "l", "b", 1), { t: atMs(10), kind: "leave" }]);
    const rows = [join(atMs(0)), receive(atMs(60), "n2", 2, 5, atMs(50))];
    await tell("n1", 1, rows, { closed: atMs(1000) });
    expect(history.cutAt(atMs(59)).complete).toBe(true);
    expect(history.cutAt(atMs(100)).incomplete).toEqual([
      { node: "n2", reason: "lagging", from: atMs(60) },
    ]);
    await history.checkpointer.idle();
    expect(history.cutAt(atMs(100)).complete).toBe(false);
    await tell("n2", 1, [join(atMs(40)), set(atMs(41), "l", "b", 2)], {
      epoch: 2,
      closed: atMs(1000),
    });
    expect(history.cutAt(atMs(100)).complete).toBe(true);
  });

  it("that was over before the run of the moment changes nothing", async () => {
    const { history, tell } = tellHistory();
    await tell("n2", 1, [join(atMs(70))], { epoch: 3, closed: atMs(1000) });
    const rows = [join(atMs(0)), receive(atMs(60), "n2", 2, 5, atMs(50))];
    await tell("n1", 1, rows, { closed: atMs(1000) });
    expect(history.cutAt(atMs(65)).complete).toBe(false);
    expect(history.cutAt(atMs(100)).complete).toBe(true);
  });

  it("is listed once however many of them messages name", async () => {
    const { history, tell } = tellHistory();
    const ghosts = Array.from({ length: 6_000 }, (_, i) =>
      receive(atMs(1 + i), `ghost-${i}`, 1, 1, atMs(0)),
    );
    await tell("n1", 1, [join(atMs(0)), ...ghosts], { closed: atMs(9_000) });
    const { incomplete, complete } = history.cutAt(atMs(8_000));
    expect(complete).toBe(false);
    // What was not remembered by name is told of the node that received it.
    expect(incomplete.at(-1)).toEqual({ node: "n1", reason: "unknown-node", from: atMs(4_097) });
  });
});

describe("two processes under one node id", () => {
  it("leave every cut incomplete in which both went on, until a run begins above both", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "a", 1)], { closed: atMs(40) });
    const twin = [join(atMs(50)), { t: atMs(60), kind: "leave" as const }];
    await tell("n1", 1, twin, { epoch: 2, closed: atMs(60) });
    expect(history.cutAt(atMs(70))).toMatchObject({ complete: true, members: [] });
    // The first was alive all the time.
    await tell("n1", 3, [set(atMs(80), "l", "a", 3)], { closed: atMs(90) });
    const lagging = { node: "n1", reason: "lagging", from: atMs(50), after: atMs(90) };
    for (const ms of [50, 70, 85, 200]) {
      expect(history.cutAt(atMs(ms)).incomplete, String(ms)).toContainEqual(lagging);
      expect(history.cutAt(atMs(ms)).inFlightComplete).toBe(false);
    }
    expect(history.cutAt(atMs(49)).incomplete).not.toContainEqual(lagging);
    expect((await history.diff(atMs(10), atMs(85))).complete).toBe(false);
    await tell("n1", 1, [join(atMs(100))], { epoch: 3, closed: atMs(300) });
    expect(history.cutAt(atMs(70)).incomplete).toEqual([
      { node: "n1", reason: "lost", from: atMs(50), to: atMs(100) },
    ]);
    expect(history.cutAt(atMs(200))).toMatchObject({ complete: true, members: ["n1"] });
  });

  it("contend no more once the earlier one has left", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0))], { closed: atMs(40) });
    await tell("n1", 1, [join(atMs(50))], { epoch: 2, closed: atMs(300) });
    await tell("n1", 2, [{ t: atMs(80), kind: "leave" }], { closed: atMs(80) });
    expect(history.cutAt(atMs(79)).incomplete).toEqual([
      { node: "n1", reason: "lost", from: atMs(50), to: atMs(80) },
    ]);
    expect(history.cutAt(atMs(80))).toMatchObject({ complete: true, members: ["n1"] });
  });

  it("are one process where a run of its own follows the other", async () => {
    const { history, tell } = tellHistory();
    const joins = (t: number) => ({ ...join(atMs(t)), instance: "same" });
    await tell("n1", 1, [joins(0)], { closed: atMs(60) });
    await tell("n1", 1, [joins(50)], { epoch: 2, closed: atMs(300) });
    expect(history.cutAt(atMs(55)).complete).toBe(true);
  });
});

describe("a loss that names no logs", () => {
  const lost: LostRange = {
    firstSeq: 2,
    lastSeq: 50,
    firstT: atMs(10),
    lastT: atMs(20),
    logs: null,
    messages: true,
    reason: "overflow",
  };

  it("leaves a log incomplete that the node has not shown, until its keyframe", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "x", "a", 1)], { closed: atMs(1000) });
    await tell("n2", 1, [join(atMs(0))]);
    const frameOf = (t: number, log: string) => ({
      t: atMs(t),
      kind: "keyframe" as const,
      log,
      state: new Map([["k", 1]]),
    });
    await tell("n2", 51, [frameOf(30, "y")], { closed: atMs(900), dropped: [lost] });
    expect(history.cutAt(atMs(100), { logs: ["x"] }).incomplete).toEqual([
      expect.objectContaining({ node: "n2", reason: "lost", from: atMs(10) }),
    ]);
    expect((await history.diff(atMs(50), atMs(100), { logs: ["x"] })).complete).toBe(false);
    await tell("n2", 52, [frameOf(901, "x")], { closed: atMs(1000) });
    expect(history.cutAt(atMs(950), { logs: ["x"] }).complete).toBe(true);
  });
});
