/** Batches that can no longer be read: to readers they are lost ranges, and no cut hides it. */
import { describe, expect, it } from "vitest";
import { toJsonForm } from "../../../agent/kernel/index.ts";
import type { HistoryStore, StoredBatch } from "../../../collector/store/history-store.ts";
import { openCase } from "../../support/history-case.ts";
import { plainText } from "../../support/step-oracle.ts";
import { over } from "../../support/store-over.ts";

/** Flips a bit in every fifth batch, as it is read. */
function damaging(store: HistoryStore): HistoryStore {
  const spoil = (batch: StoredBatch): StoredBatch => {
    if (batch.firstSeq % 5 !== 0) return batch;
    const bytes = batch.bytes.slice();
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    return { ...batch, bytes };
  };
  return over(store, {
    *batches(...args) {
      for (const batch of store.batches(...args)) yield spoil(batch);
    },
  });
}

describe("a history with damaged batches", () => {
  it("never calls a cut complete that lacks a change, and says what is lost", async () => {
    let completeCount = 0;
    let lostCount = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const { history, oracle, model } = await openCase({
        seed,
        size: 120,
        repaired: true,
        checkpoints: seed % 2 === 0,
        batchEvents: 4,
        segments: false,
        wrap: damaging,
      });
      const first = Math.min(...oracle.epochs.map(({ record }) => record.joined));
      for (const t of model.times.filter((one) => one >= first)) {
        // Named, so that imported nodes count outside their file's range, too.
        const cut = history.cutAt(t, { nodes: oracle.nodeNames() });
        lostCount += cut.incomplete.filter(({ reason }) => reason === "lost").length;
        if (!cut.complete) continue;
        completeCount += 1;
        for (const node of cut.members) {
          const run = oracle.runAt(node, t);
          if (run === undefined) throw new Error("a member that the oracle does not know");
          const logs: Record<string, Record<string, unknown>> = {};
          for (const [log, variables] of cut.nodes.get(node)?.logs ?? []) {
            const held = Object.create(null) as Record<string, unknown>;
            for (const [key, value] of variables) held[key] = toJsonForm(value);
            logs[log] = held;
          }
          expect(plainText(logs as never)).toBe(plainText(oracle.stateOf(run, t, {})));
        }
      }
    }
    expect(completeCount).toBeGreaterThan(0);
    expect(lostCount).toBeGreaterThan(0);
  });
});
