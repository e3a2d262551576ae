/** Retention by size: the oldest goes until there is room, saved cuts first. */
import { afterEach, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { atTick } from "../ingest/support.ts";
import { closeScenes, opened, shown, stateAt } from "./support.ts";

afterEach(closeScenes);

describe("retention by size", () => {
  it("removes the oldest until there is room, and nothing below the limit", async () => {
    const scene = opened({ maxBytes: 8_000 });
    await scene.keeping.retention.round();
    for (let i = 0; i < 100; i += 1) {
      await scene.ship(i);
      scene.timers.advance(1_000);
    }
    const before = scene.store.usage().usedBytes;
    expect(before).toBeGreaterThan(8_000);
    await scene.keeping.retention.round();
    const { usedBytes } = scene.store.usage();
    expect(usedBytes).toBeLessThanOrEqual(8_000);
    const left = [...scene.store.pieces(1, 0)];
    expect(left.length).toBeGreaterThan(10);
    expect(left.at(-1)?.last).toBe(1_000);
    const beginning = scene.history.nodes()[0]?.retainedFrom as Hlc;
    const cut = scene.history.cutAt(beginning);
    expect(shown(cut)).toEqual(stateAt(beginning - atTick(0)));
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)]).toEqual(left);
  });

  it("finds the oldest though all came by a clock that was ahead, and has been set back since", async () => {
    const scene = opened({ maxBytes: 8_000 });
    scene.timers.jumpMs = 86_400_000;
    for (let i = 0; i < 60; i += 1) {
      await scene.ship(i);
      scene.timers.advance(1_000);
    }
    scene.timers.jumpMs = 0;
    for (let i = 60; i < 100; i += 1) {
      await scene.ship(i);
      scene.timers.advance(1_000);
    }
    expect(scene.store.usage().usedBytes).toBeGreaterThan(8_000);
    for (let rounds = 0; rounds < 3; rounds += 1) await scene.keeping.retention.round();
    expect(scene.store.usage().usedBytes).toBeLessThanOrEqual(8_000);
    expect([...scene.store.pieces(1, 0)].at(-1)?.last).toBe(1_000);
  });

  it("gives up saved cuts first, the oldest first", async () => {
    const scene = opened({ maxBytes: 30_000 });
    await scene.ship(0);
    const { saved, retention } = scene.keeping;
    const label = { at: atTick(50), savedMs: 1, complete: true, consistent: true, memberCount: 1 };
    for (const name of ["a", "b", "c"]) {
      await saved.save({ ...label, name }, new Uint8Array(12_000));
    }
    await retention.round();
    expect(saved.list().map(({ name }) => name)).toEqual(["c", "b"]);
    expect(saved.givenUpCount).toBe(1);
    expect([...scene.store.pieces(1, 0)]).toHaveLength(1);
  });
});
