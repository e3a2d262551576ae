/** Runs of which not even the record is left: what comes again of them, and what is known beside them. */
import { afterEach, describe, expect, it } from "vitest";
import { formatHlc } from "../../../agent/kernel/index.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { aWrite } from "../store/history-store.contract.ts";
import { asked, closeScenes, opened, type Scene, shown, stateAt } from "./support.ts";

afterEach(closeScenes);

/** `n1` lives; the run 1500 of `n2`, there at ticks 410 to 500, has left and is forgotten. */
async function withForgotten(): Promise<Scene> {
  const scene = opened({ retentionMs: 60_000 });
  await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
  const tOf = (seq: number) => 400 + seq * 10;
  await scene.ingest.submit(aBatch({ node: "n2", epoch: 1_500, seqs: [1, 10], leaves: true, tOf }));
  await scene.history.idle();
  scene.timers.advance(61_000);
  await scene.keeping.retention.round();
  scene.timers.advance(61_000);
  await scene.ingest.submit(aBatch({ seqs: [2, 1], closed: 9_001 }));
  await scene.keeping.retention.round();
  expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1"]);
  return scene;
}

/** A run of `n2` with a clock that is behind. */
function behind(seqs: readonly [number, number]): Uint8Array {
  return aBatch({ node: "n2", epoch: 1_400, seqs, joins: "late", tOf: (seq) => seq * 50 });
}

describe("runs that are forgotten", () => {
  // Simulator, seed 71009925: a first batch that came again left a hole after it that was never filled.
  it("takes nothing again of what was forgotten of a run that goes on", async () => {
    const scene = await withForgotten();
    const tOf = (seq: number) => 9_000 + seq;
    const goesOn = { node: "n2", epoch: 1_500, tOf } as const;
    await scene.ingest.submit(aBatch({ ...goesOn, seqs: [11, 13] }));
    const before = scene.history.nodes();
    const again = { node: "n2", epoch: 1_500, tOf: (seq: number) => 400 + seq * 10 };
    const late = scene.ingest.submit(aBatch({ ...again, seqs: [1, 2] }));
    await expect(late).rejects.toMatchObject({ code: "too-old" });
    expect(scene.history.nodes()).toEqual(before);
    // Whoever goes on is still told to begin anew.
    const { commands } = await scene.ingest.submit(aBatch({ ...goesOn, seqs: [14, 14] }));
    expect(commands).toMatchObject([{ command: "rejoin", node: "n2", reason: "unknown-epoch" }]);
  });

  // Simulator, seed 61000573: what had come after the run was displaced was stored once more, beside a hole.
  it("takes nothing again of what a run recorded after another had displaced it, to its own last event", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
    const displaced = { node: "n2", epoch: 1_500, tOf: (seq: number) => 400 + seq * 10 } as const;
    await scene.ingest.submit(aBatch({ ...displaced, joins: "i1", seqs: [1, 20] }));
    const tOf = (seq: number) => 490 + seq;
    const twin = { node: "n2", epoch: 1_600, joins: "i2", tOf, leaves: true } as const;
    await scene.ingest.submit(aBatch({ ...twin, seqs: [1, 5] }));
    await scene.history.idle();
    for (let round = 0; round < 2; round += 1) {
      scene.timers.advance(61_000);
      await scene.ingest.submit(aBatch({ seqs: [round + 2, round + 1], closed: 9_001 }));
      await scene.keeping.retention.round();
    }
    expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1"]);
    const repeat = (seqs: readonly [number, number]) =>
      scene.ingest.submit(aBatch({ ...displaced, seqs }));
    await expect(repeat([15, 15])).rejects.toMatchObject({ code: "too-old" });
    await expect(repeat([20, 20])).rejects.toMatchObject({ code: "too-old" });
    // It goes on, is told to begin anew above all of that, and takes nothing of before.
    const { commands } = await repeat([21, 21]);
    const aboveT = formatHlc(atTick(610));
    expect(commands).toMatchObject([{ command: "rejoin", aboveEpoch: 1_600, aboveT }]);
    await expect(repeat([15, 15])).rejects.toMatchObject({ code: "too-old" });
    // A run of before whose number was never heard is no repeat.
    const other = {
      node: "n2",
      epoch: 1_550,
      joins: "i3",
      tOf: (seq: number) => 520 + seq,
    } as const;
    const { acks } = await scene.ingest.submit(aBatch({ ...other, seqs: [1, 2] }));
    expect(acks[0]).toMatchObject({ epoch: 1_550, storedCount: 2 });
  });

  // Simulator, seed 20262465: a restart with a clock that had been set back was shown as the node at
  // times when a run had been there of which not even the record was left.
  it("asks a run that begins below one that is forgotten to begin above it", async () => {
    const scene = await withForgotten();
    const { acks, commands } = await scene.ingest.submit(behind([1, 30]));
    // The forgotten one left at 500: a run that begins just then is none below it.
    const above = { aboveEpoch: 1_500, aboveT: formatHlc(atTick(499)) };
    expect(acks[0]?.known).toEqual({ epoch: 1_500, t: formatHlc(atTick(499)) });
    const [command] = commands;
    expect(command).toMatchObject({ command: "rejoin", node: "n2", reason: "not-above" });
    expect(command).toMatchObject({ ...above, aboveT: formatHlc(atTick(1_500)) });
    // Above it, by number and by time, nothing is asked.
    const tOf = (seq: number) => 2_000 + seq;
    const above2 = { node: "n2", epoch: 1_501, seqs: [1, 2], joins: "i2", tOf } as const;
    expect((await scene.ingest.submit(aBatch(above2))).commands).toEqual([]);
  });

  it("knows no state of a node whose forgotten run began within the run of the moment", async () => {
    const scene = await withForgotten();
    await scene.ingest.submit(behind([1, 30]));
    await scene.history.idle();
    const why = (tick: number) =>
      (asked(scene, tick) as Cut).incomplete.map(({ node, reason, from, to }) => [
        node,
        reason,
        from,
        to,
      ]);
    const until = atTick(500);
    // It joined at 50; the forgotten one was there from 410 on, and left at 500.
    expect(why(409)).toEqual([]);
    expect(why(410)).toEqual([["n2", "outside-retention", atTick(410), until]]);
    expect(why(499)).toEqual([["n2", "outside-retention", atTick(410), until]]);
    for (const tick of [500, 700, 1_500]) {
      expect([tick, why(tick)]).toEqual([tick, [["n2", "lagging", until, undefined]]]);
      expect((asked(scene, tick) as Cut).inFlightComplete).toBe(false);
    }
    // It does as it was asked: from there on all is known again.
    const tOf = (seq: number) => 2_000 + seq;
    await scene.ingest.submit(
      aBatch({ node: "n2", epoch: 1_501, seqs: [1, 3], joins: "late", tOf, closed: 3_000 }),
    );
    await scene.history.idle();
    expect(why(1_500)).toEqual([["n2", "outside-retention", until, atTick(2_001)]]);
    // Nor did the run promise anything between what it told and its next epoch.
    expect(why(2_000)).toContainEqual(["n2", "outside-retention", until, atTick(2_001)]);
    expect(why(2_001)).toEqual([]);
    expect((asked(scene, 2_500) as Cut).members).toEqual(["n1", "n2"]);
  });

  it("knows a node again after a forgotten run in which the run of the moment began", async () => {
    const scene = await withForgotten();
    const tOf = (seq: number) => 440 + seq * 10;
    await scene.ingest.submit(
      aBatch({ node: "n2", epoch: 1_600, seqs: [1, 30], joins: "late", tOf }),
    );
    await scene.history.idle();
    expect(asked(scene, 499)).toMatchObject({ incomplete: [{ reason: "outside-retention" }] });
    const cut = asked(scene, 500) as Cut;
    expect(cut.complete).toBe(true);
    expect(cut.nodes.get("n2")?.epoch).toBe(1_600);
    expect(shown(cut, "n2")).toEqual(stateAt(60));
  });

  // Simulator, seed 71000812: the run came again, and so the send that it no longer had was none.
  it.each([
    ["came again", true],
    ["was gone before the collector started", false],
  ])("knows that the send of a slow message is gone: of a run that %s", async (_, isBack) => {
    const scene = isBack ? await withForgotten() : opened({});
    const tOf = (seq: number) => 9_000 + seq;
    if (isBack) {
      await scene.ingest.submit(aBatch({ node: "n2", epoch: 1_500, seqs: [11, 13], tOf }));
    } else {
      await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
      const gone = [{ node: "n2", from: atTick(410), until: atTick(500), epoch: 1_500 }];
      await scene.store.prune({ epochs: [], forget: [], gone });
    }
    const send = { node: "n2", epoch: 1_500, seq: 4 };
    const receive = { node: "n1", epoch: 1_000, seq: 2 };
    const slow = { send, receive, sendT: atTick(440), receiveT: atTick(8_000) };
    await scene.store.write(aWrite({ slowMessages: [slow] }));
    const { inFlightComplete, inFlightIncomplete } = asked(scene, 7_000, ["n1"]) as Cut;
    expect(inFlightComplete).toBe(false);
    expect(inFlightIncomplete).toContainEqual({
      ...{ node: "n2", reason: "outside-retention", to: atTick(440) },
    });
  });
});
