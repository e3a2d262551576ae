/** What is erased by order is gone, and what is kept stays exact. */
import { afterEach, describe, expect, it } from "vitest";
import type { Cut } from "../../../collector/cut/history.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { asked, closeScenes, opened, shown, stateAt } from "./support.ts";

afterEach(closeScenes);

describe("erasing", () => {
  it("takes a node out of history, records and all, and says that it was there", async () => {
    const scene = opened({});
    await scene.ship(0);
    await scene.ship(0, "n2");
    const erased = await scene.keeping.eraser.erase({ node: "n2" });
    expect(erased).toMatchObject({ epochCount: 1 });
    expect(erased.nodes).toEqual(new Map([["n2", null]]));
    expect([...scene.store.pieces(2, 0)]).toEqual([]);
    const cut = asked(scene, 50) as Cut;
    expect(cut.members).toEqual(["n1"]);
    expect(cut.incomplete).toMatchObject([{ node: "n2", reason: "outside-retention" }]);
    expect((asked(scene, 50, ["n1"]) as Cut).complete).toBe(true);
  });

  it("takes all that began before a time, and keeps the rest exact", async () => {
    const scene = opened({});
    for (let i = 0; i < 5; i += 1) await scene.ship(i);
    const erased = await scene.keeping.eraser.erase({ before: atTick(250) });
    expect(erased.pieceCount).toBe(3);
    expect(erased.nodes.get("n1")).toBe(atTick(300));
    expect(asked(scene, 299)).toBe("outside-retention");
    expect(shown(asked(scene, 300) as Cut)).toEqual(stateAt(300));
    expect(shown(asked(scene, 444) as Cut)).toEqual(stateAt(444));
  });

  it("lets a node that lives on begin anew", async () => {
    const scene = opened({});
    await scene.ship(0);
    await scene.keeping.eraser.erase({ node: "n1" });
    const reply = await scene.ingest.submit(aBatch({ seqs: [11, 20] }));
    expect(reply.commands).toMatchObject([{ command: "rejoin", node: "n1" }]);
  });
});
