/** Runs and logs whose beginning has not arrived: no cut is called complete that they would change. */
import { describe, expect, it } from "vitest";
import {
  encodeBatch,
  type Hlc,
  type LostRange,
  TICKS_PER_MS,
} from "../../../agent/kernel/index.ts";
import type { AmendedRange } from "../../../collector/cut/amendments.ts";
import { aBatch } from "../../support/batches.ts";
import { atMs, join, receive, set, tellHistory } from "../../support/told-history.ts";
import { anIngest } from "../ingest/support.ts";

/** The epoch of a process that starts then. */
const epochAt = (ms: number): number => atMs(ms) / TICKS_PER_MS;

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

  it("may have begun, by its epoch, beside the run before: cuts from there on are incomplete", async () => {
    const { history, tell } = tellHistory();
    const amended: AmendedRange[] = [];
    history.onAmended((ranges) => amended.push(...ranges));
    const rows = [join(atMs(0)), set(atMs(1), "l", "a", 1), set(atMs(110), "l", "a", 2)];
    await tell("n1", 1, rows, {
      epoch: epochAt(0),
      closed: atMs(150),
    });
    expect(history.cutAt(atMs(120)).complete).toBe(true);
    await tell("n1", 5, [set(atMs(200), "l", "a", 2)], {
      epoch: epochAt(100),
      closed: atMs(300),
    });
    const beforeIt = (atMs(100) - 1) as Hlc;
    expect(amended).toContainEqual(expect.objectContaining({ node: "n1", from: beforeIt }));
    expect(history.cutAt(beforeIt).complete).toBe(true);
    const hole = { node: "n1", reason: "hole", seq: 1, events: 4, from: beforeIt, to: atMs(200) };
    expect(history.cutAt(atMs(120)).incomplete).toEqual([hole]);
    const changes: [Hlc, boolean][] = [];
    for await (const { time, complete } of history.walk({ from: atMs(90), to: atMs(150) })) {
      changes.push([time, complete]);
    }
    expect(changes).toEqual([
      [atMs(90), true],
      [atMs(110), false],
    ]);
    await tell(
      "n1",
      1,
      Array.from({ length: 4 }, (_, i) => set(atMs(140 + i), "l", "a", i)),
      {
        epoch: epochAt(100),
        closed: atMs(190),
      },
    );
    expect(history.cutAt(atMs(139)).complete).toBe(true);
  });

  it("has left when its goodbye is all that came, and history begins with that", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 3, [{ t: atMs(10), kind: "leave" }]);
    await tell("n1", 1, [join(atMs(100))], { epoch: 2, closed: atMs(1000) });
    for (const ms of [10, 99]) {
      const cut = history.cutAt(atMs(ms), { nodes: ["n1"] });
      expect([ms, cut.complete, cut.members, cut.nodes.get("n1")?.status]).toEqual([
        ms,
        true,
        [],
        "left",
      ]);
    }
    expect(history.nodes()[0]?.retainedFrom).toBeNull();
    expect(() => history.cutAt(atMs(9))).toThrow(
      expect.objectContaining({ code: "outside-retention" }),
    );
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

describe("a run that only messages tell of", () => {
  it("is waited for until it expires, and cuts from there on do without it", async () => {
    const told = tellHistory();
    const { history, tell, pass, restart, store } = told;
    const rows = [join(atMs(0)), receive(atMs(60), "n7", 5, 9, atMs(50))];
    await tell("n1", 1, rows, { closed: atMs(1_000_000) });
    const waits = { node: "n7", reason: "unknown-node", from: atMs(60) };
    await pass(59_000);
    expect(history.cutAt(atMs(500_000)).incomplete).toEqual([waits]);
    // Time in which the collector could not listen is not silence.
    await restart();
    await pass(30_000);
    expect(history.cutAt(atMs(500_000)).incomplete).toEqual([waits]);
    await pass(40_000);
    const ended = history.cutAt(atMs(500_000));
    expect(ended).toMatchObject({ complete: true, members: ["n1"] });
    expect(history.cutAt(atMs(100_000)).incomplete).toEqual([waits]);
    expect(history.nodes().map(({ node }) => node)).toEqual(["n1"]);
    expect(store.epochs().find(({ node }) => node === "n7")).toMatchObject({ named: true });
  });

  it("is missing from every answer about all nodes, not from cuts alone", async () => {
    const { history, tell, pass } = tellHistory();
    const rows = [
      join(atMs(0)),
      receive(atMs(60), "n7", 5, 9, atMs(50)),
      set(atMs(90), "l", "a", 1),
    ];
    await tell("n1", 1, rows, { closed: atMs(1_000_000) });
    const waits = { node: "n7", reason: "unknown-node", from: atMs(60) };
    const range = { from: atMs(70), to: atMs(100) };
    const told = async () => [
      history.cutAt(range.to).incomplete,
      (await history.diff(range.from, range.to)).incomplete,
      (await history.events({ ...range, limit: 10 })).incomplete,
      history.missing(range),
      (await history.causality(range)).incomplete,
    ];
    expect(await told()).toEqual(Array(5).fill([waits]));
    // Of a node that is named nothing is missing.
    const selection = { nodes: ["n1"] };
    expect((await history.diff(range.from, range.to, selection)).complete).toBe(true);
    expect(history.missing(range, selection)).toEqual([]);
    // A range that ends before anybody has heard of it lacks nothing that is known to be missing.
    expect(history.missing({ from: atMs(1), to: atMs(59) })).toEqual([]);
    // It was still waited for when the range began, if no longer when it ended.
    await pass(70_000);
    const late = await history.diff(atMs(100), atMs(500_000));
    expect([history.cutAt(atMs(500_000)).complete, late.incomplete]).toEqual([true, [waits]]);
  });

  it("is waited for anew when it sends again, and is like any other once it is heard", async () => {
    const { history, tell, pass } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), receive(atMs(60), "n7", 5, 9, atMs(50))]);
    await pass(62_000);
    const again = receive(atMs(80_000), "n7", 5, 20, atMs(79_000));
    await tell("n1", 3, [again], { closed: atMs(500_000) });
    expect(history.cutAt(atMs(90_000)).complete).toBe(false);
    await tell("n7", 1, [join(atMs(40)), set(atMs(41), "l", "a", 1)], {
      epoch: 5,
      closed: atMs(500_000),
    });
    expect(history.cutAt(atMs(90_000))).toMatchObject({ complete: true, members: ["n1", "n7"] });
    expect(history.nodes().map(({ node, joined }) => [node, joined])).toEqual([
      ["n1", atMs(0)],
      ["n7", atMs(40)],
    ]);
  });

  it("does not hold up a node that restarted with a lower epoch", async () => {
    const { history, tell, pass } = tellHistory();
    await tell("n2", 1, [join(atMs(70))], { epoch: 3, closed: atMs(1_000_000) });
    const rows = [join(atMs(0)), receive(atMs(60), "n2", 5, 5, atMs(50))];
    await tell("n1", 1, rows, { closed: atMs(1_000_000) });
    expect(history.cutAt(atMs(500_000)).complete).toBe(false);
    await pass(62_000);
    expect(history.cutAt(atMs(500_000))).toMatchObject({ complete: true, members: ["n1", "n2"] });
  });

  it("raises nobody's epoch, and there are not many of them", async () => {
    const { tell, store } = tellHistory();
    const forged = Array.from({ length: 200 }, (_, i) =>
      receive(atMs(1 + i), "n2", 2 ** 50 + i, 1, atMs(0)),
    );
    await tell("n1", 1, [join(atMs(0)), ...forged]);
    expect(store.epochs().filter(({ named }) => named)).toHaveLength(64);
    const { ingest } = anIngest({ store });
    const joining = encodeBatch(
      aBatch([join(atMs(300))], { node: "n2", firstSeq: 1, epoch: 2, service: "kv" }),
    );
    const reply = await ingest.submit(joining);
    expect(reply.commands).toEqual([]);
    expect(reply.acks[0]?.known).toBeUndefined();
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
