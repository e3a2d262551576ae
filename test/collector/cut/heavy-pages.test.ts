/** Pages are bounded by what is in them, too: ten thousand keyframes would not fit into any memory. */
import { describe, expect, it } from "vitest";
import { type Hlc, ValueSet } from "../../../agent/kernel/index.ts";
import { DEFAULT_CUT_LIMITS } from "../../../collector/cut/limits.ts";
import { weightOf } from "../../../collector/cut/weights.ts";
import type { Row } from "../../support/batches.ts";
import { atMs, join, tellHistory } from "../../support/told-history.ts";

const PAGE_BYTES = 10_000;
const TEXT = "x".repeat(1_000);
const KEYFRAME: Row = {
  t: atMs(30),
  kind: "keyframe",
  log: "l",
  state: new Map(Array.from({ length: 40 }, (_, i) => [`k${i}`, TEXT])),
};

/** Of two nodes in turn, 120 changes each: texts, sets, numbers; and a keyframe larger than any page. */
async function told() {
  const { history, tell } = tellHistory({ limits: { pageBytes: PAGE_BYTES, segmentEvents: 32 } });
  for (const node of ["n1", "n2"]) {
    await tell(node, 1, [join(atMs(0))]);
    for (let i = 0; i < 120; i += 1) {
      const value = i % 3 === 0 ? TEXT : i % 3 === 1 ? ValueSet.of([TEXT, i]) : i;
      const row: Row = { t: atMs(1 + i), kind: "set", log: "l", key: "heavy", value };
      await tell(node, 2 + i, [i === 29 ? KEYFRAME : row]);
    }
  }
  await history.idle();
  return history;
}

describe("a page of events", () => {
  it("ends where it has so many bytes, and the pages together are the whole", async () => {
    const history = await told();
    const range = { from: atMs(0), to: atMs(200), limit: 1_000 };
    const seen: string[] = [];
    const sizes: number[] = [];
    let after: { node: string; epoch: number; seq: number; t: Hlc } | undefined;
    for (;;) {
      const page = await history.events({ ...range, ...(after === undefined ? {} : { after }) });
      const weights = page.events.map(({ event }) => weightOf(event));
      sizes.push(page.events.length);
      // Names and numbers count a little more here than there.
      if (page.events.length > 1) {
        expect(weights.reduce((sum, bytes) => sum + bytes)).toBeLessThan(PAGE_BYTES * 1.5);
      }
      for (const { node, event } of page.events) seen.push(`${node}/${event.seq}`);
      const last = page.events.at(-1);
      if (!page.more || last === undefined) break;
      after = { node: last.node, epoch: last.epoch, seq: last.event.seq, t: last.event.t };
    }
    expect(sizes.length).toBeGreaterThan(10);
    expect(new Set(seen).size).toBe(242);
    expect(seen).toHaveLength(242);
    // Each keyframe alone is larger than a page, and is given.
    expect(sizes.filter((size) => size === 1).length).toBeGreaterThanOrEqual(1);
  });
});

describe("a page of versions", () => {
  it("ends soon after it has so many bytes, and the pages together are the whole", async () => {
    const history = await told();
    const seen: number[] = [];
    let from: Hlc | undefined = atMs(1);
    let pages = 0;
    while (from !== undefined) {
      const range = { from, to: atMs(200) };
      const { versions, next } = await history.variable("n1", "l", "heavy", range, 1_000);
      const bytes = versions.reduce((sum, { value }) => sum + weightOf(value), 0);
      expect(bytes).toBeLessThan(PAGE_BYTES + 3 * TEXT.length);
      seen.push(...versions.map(({ at }) => at));
      from = next;
      pages += 1;
    }
    expect(pages).toBeGreaterThan(5);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThanOrEqual(119);
  });
});

describe("the weight of a value", () => {
  it("grows with what is in it, however deep", () => {
    const deep = { a: [{ b: TEXT }, new Map([["c", ValueSet.of([TEXT])]])] };
    expect(weightOf(deep)).toBeGreaterThan(2 * TEXT.length);
    expect(weightOf(deep)).toBeLessThan(2 * TEXT.length + 200);
    expect([weightOf(null), weightOf(1), weightOf(undefined)]).toEqual([8, 8, 8]);
    // An agent's largest values fill a page with some five hundred.
    expect(DEFAULT_CUT_LIMITS.pageBytes / (32 * 1024)).toBe(512);
  });
});
