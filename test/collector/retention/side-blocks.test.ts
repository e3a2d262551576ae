/** Side blocks go as history goes: by age, by order, with their node. */
import { afterEach, describe, expect, it } from "vitest";
import { addMs, decodeBatch, encodeBatch, encodeLoad } from "../../../agent/kernel/index.ts";
import { aBatch, START, START_MS } from "../ingest/support.ts";
import { closeScenes, opened, type Scene } from "./support.ts";

afterEach(closeScenes);

const ALL = { fromSecond: 0, untilSecond: Number.MAX_SAFE_INTEGER } as const;
const SECOND = START_MS / 1_000;

/** A heartbeat of `n1` with the block of one second. */
function beat(second: number): Uint8Array {
  const sideBlocks = [{ stream: "load" as const, second, part: 0, bytes: encodeLoad([]) }];
  return encodeBatch({ ...decodeBatch(aBatch({ seqs: [4, 3] })), sideBlocks });
}

function seconds(scene: Scene): number[] {
  return [...scene.store.sideBlocks(1, ALL)].map(({ second }) => second - SECOND);
}

/** One block each 10 s, of which the first came with the join. */
async function withBeats(scene: Scene): Promise<void> {
  await scene.ingest.submit(aBatch({ seqs: [1, 3] }));
  for (let i = 0; i < 10; i += 1) {
    await scene.ingest.submit(beat(SECOND + i));
    scene.timers.advance(10_000);
  }
}

describe("side blocks", () => {
  it("that came long ago go, also of a node that ships no events", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await withBeats(scene);
    await scene.keeping.retention.round();
    expect(seconds(scene)).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it("before a time go by order, and all of a node with it", async () => {
    const scene = opened({});
    await withBeats(scene);
    await scene.keeping.eraser.erase({ before: addMs(START, 3_500) });
    expect(seconds(scene)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    await scene.keeping.eraser.erase({ node: "n1" });
    expect(seconds(scene)).toEqual([]);
  });

  it("stay where a log is erased: they are of none", async () => {
    const scene = opened({});
    await withBeats(scene);
    await scene.keeping.eraser.erase({ logs: ["stock"] });
    expect(seconds(scene)).toHaveLength(10);
  });
});
