/** Threads that go through slices: used again, ended with their query, never waited for in vain. */
import { afterEach, describe, expect, it } from "vitest";
import type { Hlc } from "../../../../agent/kernel/index.ts";
import type { SliceSetup } from "../../../../collector/rql/engine/slice-threads.ts";
import { WorkerSlices } from "../../../../collector/rql/engine/worker-slices.ts";
import { RUN_LIMITS } from "../../../../collector/rql/limits.ts";
import { sealRecord } from "../../../../collector/store/records.ts";
import { at, type Happening, schemaOf } from "../told-cuts.ts";
import { sliceOf, type ToldSlices } from "./told-slices.ts";

const NODES = ["a", "b"];
const HAPPENINGS: readonly Happening[] = Array.from({ length: 400 }, (_, i) => ({
  ...{ t: at(i), node: NODES[i % 2] as string, kind: "set", key: "v", value: i % 7 },
}));
const TOLD: ToldSlices = {
  ...{ happenings: HAPPENINGS, nodes: NODES, batchEvents: 50, isSealed: true },
  columns: [{ log: "l", key: "v" }],
};
const SLICE = sliceOf(TOLD, at(10), at(399));

function setupOf(when: string, index = 0): SliceSetup {
  return {
    ...{ text: `SELECT v FROM l WHEN ${when}`, schema: schemaOf(HAPPENINGS), now: at(0) as Hlc },
    ...{ index, nodes: NODES, limits: RUN_LIMITS },
  };
}

describe("threads for slices", () => {
  const open: WorkerSlices[] = [];
  const pool = (workers: number): WorkerSlices => {
    const slices = new WorkerSlices(workers);
    open.push(slices);
    return slices;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((slices) => slices.close()));
  });

  it("give the same for the same slice, whoever goes through it, query after query", async () => {
    const slices = pool(2);
    for (let round = 0; round < 6; round += 1) {
      const query = slices.open(setupOf("Max(v) - Min(v) > 2"));
      const results = await Promise.all([SLICE, SLICE, SLICE].map((slice) => query.run(slice)));
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
      expect(results[0]?.turns.length).toBeGreaterThan(20);
      query.close();
    }
  });

  it("end what is under way when the query is cancelled, and take the next query", async () => {
    const slices = pool(1);
    const query = slices.open(setupOf("Max(v) > 5"));
    query.cancel();
    expect(await query.run(SLICE)).toMatchObject({ ended: "cancelled" });
    query.close();
    const next = slices.open(setupOf("Max(v) > 5"));
    expect(await next.run(SLICE)).toMatchObject({ ended: undefined, reached: at(399) });
    next.close();
  });

  it("say so when a thread breaks, to all that wait for it", async () => {
    const query = pool(1).open(setupOf("Max(v) > 5", 3));
    const asked = [query.run(SLICE), query.run(SLICE)];
    for (const one of asked) await expect(one).rejects.toThrow("query 3 is not covered");
    query.close();
  });

  it("leave nobody waiting when the pool is closed", async () => {
    const slices = pool(1);
    const query = slices.open(setupOf("Max(v) > 5"));
    const asked = Array.from({ length: 5 }, () => query.run(SLICE).catch((error) => String(error)));
    await slices.close();
    for (const answer of await Promise.all(asked)) {
      if (typeof answer === "string") expect(answer).toContain("the query is over");
    }
    await expect(query.run(SLICE)).rejects.toThrow("the query is over");
  });

  it("check the blocks that come unchecked, and go no further where one is damaged", async () => {
    const query = pool(1).open(setupOf("Max(v) > 5"));
    const unchecked = SLICE.parts.map((part, index) => {
      const key = Buffer.from(`block ${index}`);
      return { ...part, key, bytes: Uint8Array.from(sealRecord(key, part.bytes)) };
    });
    const whole = await query.run(SLICE);
    expect(whole.turns.length).toBeGreaterThan(20);
    expect(await query.run({ ...SLICE, parts: unchecked })).toEqual(whole);
    const bytes = Uint8Array.from(unchecked[1]?.bytes as Uint8Array);
    bytes[40] = (bytes[40] as number) ^ 1;
    const parts = unchecked.map((part, index) => (index === 1 ? { ...part, bytes } : part));
    const broken = await query.run({ ...SLICE, parts });
    expect(broken).toMatchObject({ reached: at(10), cuts: 0, turns: [] });
    query.close();
  });

  it("come back from a slice that cannot be decoded: up to where it could be read", async () => {
    const query = pool(1).open(setupOf("Max(v) > 5"));
    const parts = SLICE.parts.map((part) => ({
      ...part,
      bytes: part.bytes.map((byte) => byte ^ 255),
    }));
    expect(await query.run({ ...SLICE, parts })).toMatchObject({
      reached: at(10),
      cuts: 0,
      turns: [],
    });
    query.close();
  });
});
