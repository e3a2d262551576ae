/** Imports about live nodes, and what the collector's log says of nodes and refusals. */
import { describe, expect, it } from "vitest";
import { RetroError } from "../../../agent/kernel/index.ts";
import {
  IngestLog,
  MAX_LINES_PER_PERIOD,
  PERIOD_MS,
} from "../../../collector/ingest/ingest-log.ts";
import type { IngestNotice } from "../../../collector/ingest/notice.ts";
import { aBatch, anIngest } from "./support.ts";

describe("an import about a node that is alive", () => {
  it("is no sign of life of its earlier run, so the live one keeps its name", async () => {
    const { ingest, timers } = anIngest();
    const old = { epoch: 1_000, joins: "old" };
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    await ingest.submit(aBatch({ ...old, seqs: [1, 2] }));
    timers.advance(1_000);
    await ingest.submit(aBatch({ ...young, seqs: [1, 2] }));
    timers.advance(2_000);
    for (const run of [old, young]) {
      const { commands } = await ingest.submit(aBatch({ ...run, seqs: [1, 2], imported: true }));
      expect(commands).toEqual([]);
    }
    timers.advance(1_000);
    expect((await ingest.submit(aBatch({ ...young, seqs: [3, 3] }))).commands).toEqual([]);
  });

  it("does not make a dead one look alive", async () => {
    const { ingest, store, timers } = anIngest({ expireAfterMs: 10_000 });
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    const arrived = store.epochs()[0]?.lastArrivalMs;
    timers.advance(9_000);
    await ingest.submit(aBatch({ seqs: [1, 2], imported: true }));
    expect(store.epochs()[0]?.lastArrivalMs).toBe(arrived);
    timers.advance(2_000);
    await ingest.sweep();
    expect(store.epochs()[0]?.end?.kind).toBe("expired");
  });
});

describe("the log", () => {
  it("is told who joins, leaves, is renamed and falls silent, once each", async () => {
    const notices: IngestNotice[] = [];
    const { ingest, timers } = anIngest({
      expireAfterMs: 10_000,
      onNotice: (notice) => notices.push(notice),
    });
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    await ingest.submit(aBatch({ seqs: [1, 2], joins: "old" }));
    await ingest.submit(aBatch({ seqs: [1, 2], joins: "old" }));
    await ingest.submit(aBatch({ ...young, seqs: [1, 2] }));
    timers.advance(2_000);
    // Past the young one's join: it lives, and is no late batch of a process that has died.
    await ingest.submit(aBatch({ seqs: [3, 3], tOf: () => 2_000 }));
    await ingest.submit(aBatch({ ...young, seqs: [3, 3] }));
    await ingest.submit(aBatch({ node: "n2", seqs: [1, 2], leaves: true }));
    await ingest.submit(aBatch({ node: "n3", seqs: [1, 2], imported: true }));
    timers.advance(11_000);
    await ingest.sweep();
    const kinds = notices.map(({ kind, node }) => `${node} ${kind}`);
    expect(kinds).toEqual([
      "n1 joined",
      "n1 joined",
      "n1 rejoin",
      "n1 node-in-use",
      "n2 joined",
      "n2 left",
      "n3 joined",
      "n1 expired", // each of the two processes
      "n1 expired",
    ]);
    expect(notices.find(({ node }) => node === "n3")).toMatchObject({ imported: true });
  });

  it("says a few of what repeats itself, then how many were not said", () => {
    const lines: { fields: object; message: string }[] = [];
    let nowMs = 0;
    const write = (fields: object, message: string) => lines.push({ fields, message });
    const log = new IngestLog({ info: write, warn: write }, () => nowMs);
    for (let i = 0; i < 50; i += 1) log.refused(new RetroError("bad-batch", "torn"));
    log.notice({ kind: "left", node: "n1", epoch: 1 });
    expect(lines).toHaveLength(MAX_LINES_PER_PERIOD + 1);
    nowMs = PERIOD_MS;
    log.refused(new RetroError("bad-batch", "torn"));
    expect(lines.at(-1)).toEqual({
      fields: { code: "bad-batch", reason: "torn", notLoggedBefore: 50 - MAX_LINES_PER_PERIOD },
      message: "a request was refused",
    });
  });
});
