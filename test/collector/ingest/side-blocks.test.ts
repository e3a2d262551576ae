/** Side blocks on their way in: kept with their batch, once, and durable before the ack. */
import { describe, expect, it } from "vitest";
import {
  type Batch,
  decodeBatch,
  encodeBatch,
  encodeLoad,
  type SideBlock,
} from "../../../agent/kernel/index.ts";
import type { StoreWrite } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, anIngest, EVERYTHING, START_MS } from "./support.ts";

const ALL = { fromSecond: 0, untilSecond: Number.MAX_SAFE_INTEGER } as const;
const SECOND = START_MS / 1_000;

function aBlock(second: number, part = 0): SideBlock {
  return { stream: "load", second, part, bytes: encodeLoad([]) };
}

/** A batch's bytes with blocks beside its events. */
function withBlocks(bytes: Uint8Array, sideBlocks: readonly SideBlock[]): Uint8Array {
  const batch: Batch = { ...decodeBatch(bytes), sideBlocks };
  return encodeBatch(batch);
}

describe("side blocks", () => {
  it("are kept once, whichever batches they come in, and not inside the batch", async () => {
    const { ingest, store } = anIngest();
    const first = withBlocks(aBatch({ seqs: [1, 3] }), [aBlock(SECOND), aBlock(SECOND, 1)]);
    await ingest.submit(first);
    await ingest.submit(first);
    await ingest.submit(
      withBlocks(aBatch({ seqs: [4, 5] }), [aBlock(SECOND, 1), aBlock(SECOND + 1)]),
    );
    const names = [...store.sideBlocks(1, ALL)].map(({ second, part }) => [second - SECOND, part]);
    expect(names).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
    ]);
    for (const { bytes } of store.batches(1, EVERYTHING)) {
      expect(decodeBatch(bytes).sideBlocks ?? []).toEqual([]);
    }
  });

  it("come with a heartbeat as well, and leave no event", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 3] }));
    const heartbeat = aBatch({ seqs: [4, 3] });
    await ingest.submit(withBlocks(heartbeat, [aBlock(SECOND)]));
    expect([...store.sideBlocks(1, ALL)]).toHaveLength(1);
    expect(store.epoch(1)?.eventCount).toBe(3);
  });

  it("are not acknowledged before they are durable, and refused with their write", async () => {
    class Failing extends MemoryStore {
      override write(write: StoreWrite): Promise<void> {
        return (write.sideBlocks?.length ?? 0) > 0
          ? Promise.reject(new Error("no disk"))
          : super.write(write);
      }
    }
    const { ingest, store } = anIngest({ store: new Failing() });
    await ingest.submit(aBatch({ seqs: [1, 3] }));
    const body = withBlocks(aBatch({ seqs: [4, 5] }), [aBlock(SECOND)]);
    await expect(ingest.submit(body)).rejects.toThrow("no disk");
    expect([...store.sideBlocks(1, ALL)]).toEqual([]);
  });

  it("that nobody could read are left out, and their batch is taken", async () => {
    const { ingest, store } = anIngest();
    const whole = encodeLoad([]);
    const ofLaterVersion = whole.map((byte, i) => (i === 0 ? 99 : byte));
    const cut: SideBlock = { stream: "resource", second: SECOND, part: 0, bytes: whole };
    const later: SideBlock = { ...aBlock(SECOND, 1), bytes: ofLaterVersion };
    await ingest.submit(withBlocks(aBatch({ seqs: [1, 3] }), [cut, later, aBlock(SECOND)]));
    expect([...store.sideBlocks(1, ALL)].map(({ part, stream }) => [stream, part])).toEqual([
      ["load", 0],
    ]);
    expect(store.epoch(1)?.eventCount).toBe(3);
  });

  it("of a run that nobody knows make no epoch: it would be all hole", async () => {
    const { ingest, store } = anIngest();
    const { commands } = await ingest.submit(
      withBlocks(aBatch({ seqs: [4, 3] }), [aBlock(SECOND)]),
    );
    expect(store.epochs()).toEqual([]);
    expect(commands.map(({ command }) => command)).toEqual(["rejoin"]);
  });

  it("of a second far ahead are refused with their batch", async () => {
    const { ingest, store } = anIngest();
    const body = withBlocks(aBatch({ seqs: [1, 3] }), [aBlock(SECOND + 2 * 24 * 3_600)]);
    await expect(ingest.submit(body)).rejects.toMatchObject({ code: "too-far-ahead" });
    expect(store.epochs()).toEqual([]);
  });
});
