/** When rounds of checkpoints come: a cut never replays much, whatever a node does. */
import { expect, it } from "vitest";
import { MAX_HLC } from "../../../agent/kernel/index.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const ROUND = 100;
const BATCHES = 30;
const ROWS = 100;

it.each([
  ["sends", (ms: number) => send(atMs(ms), "n2")],
  ["receives", (ms: number) => receive(atMs(ms), "n2", 7, ms, atMs(ms - 1))],
  ["marks", (ms: number) => ({ t: atMs(ms), kind: "mark" as const, text: "here" })],
])("A node that only %s is not replayed from its beginning", async (_what, rowAt) => {
  const { history, store, tell } = tellHistory({ limits: { roundChanges: ROUND } });
  await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "a", 1)]);
  for (let i = 0; i < BATCHES; i += 1) {
    const rows = Array.from({ length: ROWS }, (_, row) => rowAt(10 + i * ROWS + row));
    await tell("n1", 3 + i * ROWS, rows);
  }
  await history.idle();
  const last = store.directoryAt(1, MAX_HLC)?.seq ?? 0;
  expect((store.epoch(1)?.contiguousSeq ?? 0) - last).toBeLessThan(8 * ROUND);
  expect(history.checkpointer.roundCount).toBeLessThan(BATCHES / 2);
  const cut = history.cutAt(atMs(10 + BATCHES * ROWS - 1));
  expect(cut.nodes.get("n1")?.logs.get("l")?.get("a")).toBe(1);
});
