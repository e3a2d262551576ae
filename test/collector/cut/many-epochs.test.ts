/** Memory behind ingest with many epochs: what is kept of them between calls is bounded, whatever they hold. */
import { describe, expect, it } from "vitest";
import { atMs, join, send, set, tellHistory } from "../../support/told-history.ts";

const EPOCHS = 800;
const LIMIT_BYTES = 400_000;

describe("states kept for the checkpointer", () => {
  it.each([
    [
      "a few variables each",
      (ms: number) => [set(atMs(ms), "l", "a", ms), set(atMs(ms + 1), "l", "b", 1)],
    ],
    ["no variable at all", (ms: number) => [send(atMs(ms), "node-0"), send(atMs(ms + 1), null)]],
  ])(
    "of very many epochs with %s take no more than their limit, and lose nothing",
    async (_, rowsAt) => {
      const limits = { openStateBytes: LIMIT_BYTES, roundChanges: 3 };
      const { history, store, tell } = tellHistory({ limits });
      let highest = 0;
      const end = { closed: atMs(30_000) };
      for (let round = 0; round < 2; round += 1) {
        for (let i = 0; i < EPOCHS; i += 1) {
          const ms = 10 + round * 10_000 + i;
          const begin = round === 0 ? [join(atMs(ms - 1))] : [];
          const rows = [...begin, ...rowsAt(ms)];
          await tell(`node-${i}`, round === 0 ? 1 : 4, rows, round === 0 ? {} : end);
          highest = Math.max(highest, history.checkpointer.openBytes);
        }
        await history.idle();
      }
      expect(store.epochs()).toHaveLength(EPOCHS);
      expect(highest).toBeGreaterThan(LIMIT_BYTES / 2);
      expect(Math.max(highest, history.checkpointer.openBytes)).toBeLessThanOrEqual(LIMIT_BYTES);
      expect(history.checkpointer.openCount).toBeLessThan(EPOCHS / 3);
      expect(history.checkpointer.openCount).toBeGreaterThan(10);
      const cut = history.cutAt(atMs(25_000), { nodes: ["node-0", "node-555", "node-799"] });
      expect(cut.complete).toBe(true);
      for (const [node, { logs }] of cut.nodes) {
        const last = rowsAt(10 + 10_000 + Number(node.slice("node-".length)))[0];
        const value = last?.kind === "set" ? last.value : undefined;
        expect([node, logs.get("l")?.get("a")]).toEqual([node, value]);
      }
    },
  );
});
