/** The steps of retention beside ingest, which goes on meanwhile. */
import { expect, it } from "vitest";
import { encodeBatch } from "../../../agent/kernel/index.ts";
import { Pruner } from "../../../collector/retention/pruner.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch } from "../../support/batches.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, receive } from "../../support/told-history.ts";
import { anIngest } from "../ingest/support.ts";

const TURNS = 50;

it("A sweep of an empty history leaves violations that come while it is on its way", async () => {
  const inner = new MemoryStore();
  const { ingest } = anIngest({ store: inner });
  const rows = [join(atMs(0)), receive(atMs(10), "a", 1, 2, atMs(20))];
  const bytes = encodeBatch(aBatch(rows, { node: "b", firstSeq: 1, service: "kv" }));
  let submitted: Promise<unknown> | undefined;
  const sweep: HistoryStore["sweep"] = async (options) => {
    submitted ??= ingest.submit(bytes);
    for (let i = 0; i < TURNS; i += 1) await new Promise((resolve) => setImmediate(resolve));
    return inner.sweep(options);
  };
  const store = over(inner, { sweep });
  const pruner = new Pruner({
    store,
    points: { checkpointAt: () => undefined, markAt: () => undefined },
    between: (task) => ingest.between(task),
    turn: () => Promise.resolve(),
  });
  await pruner.sweep();
  await submitted;
  expect(inner.violationsAt(atMs(15))).toHaveLength(1);
  await pruner.sweep();
  expect(inner.violationsAt(atMs(15))).toHaveLength(1);
  await pruner.close();
  await ingest.close();
});
