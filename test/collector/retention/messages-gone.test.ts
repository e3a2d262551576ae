/** Violations that went with the history they were in: who brings their time back is told so. */
import { afterEach, describe, expect, it } from "vitest";
import type { Cut } from "../../../collector/cut/history.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { aWrite } from "../store/history-store.contract.ts";
import { asked, closeScenes, opened } from "./support.ts";

afterEach(closeScenes);

describe("violations that went with everybody's history", () => {
  it("are missed where a node that is behind brings their time back, and nowhere else", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ingest.submit(aBatch({ seqs: [1, 10], leaves: true }));
    const late3 = { node: "n3", tOf: (seq: number) => 590 + seq * 10 };
    await scene.ingest.submit(aBatch({ ...late3, seqs: [1, 10], leaves: true }));
    const [send, receive] = [9, 4].map((seq) => ({ node: "n1", epoch: 1_000, seq }));
    if (send === undefined || receive === undefined) throw new Error("no messages");
    const violation = { receiveT: atTick(40), sendT: atTick(500), send, receive };
    // By a forged stamp: it is not over when the last of what is known is.
    const ahead = { ...violation, sendT: atTick(9_000) };
    await scene.store.write(aWrite({ violations: [violation, ahead] }));
    expect(asked(scene, 200)).toMatchObject({ complete: true, consistent: false });
    for (let rounds = 0; rounds < 2; rounds += 1) {
      scene.timers.advance(61_000);
      await scene.keeping.retention.round();
    }
    expect(scene.history.nodes()).toEqual([]);
    const stretch = { from: atTick(40), until: atTick(500) };
    expect(scene.store.messagesGone()).toEqual(stretch);
    // n1 was no member any more at 200: nothing else says that something is gone.
    const late = { node: "n2", epoch: 900, tOf: (seq: number) => seq * 10, closed: 2_000 };
    await scene.ingest.submit(aBatch({ ...late, seqs: [1, 60] }));
    const said = {
      node: "(forgotten nodes)",
      reason: "outside-retention",
      from: stretch.from,
      to: stretch.until,
    };
    for (const tick of [200, 499]) {
      const cut = asked(scene, tick) as Cut;
      expect([tick, cut.complete, cut.incomplete]).toEqual([tick, false, [said]]);
      expect(cut.inFlightIncomplete).toContainEqual(said);
    }
    expect(asked(scene, 500)).toMatchObject({ complete: true, consistent: false });
    expect((asked(scene, 500) as Cut).violations).toHaveLength(1);
    const walked: unknown[] = [];
    for await (const view of scene.history.walk({ from: atTick(495), to: atTick(505) })) {
      walked.push([view.time, view.complete]);
    }
    expect(walked).toEqual([
      [atTick(495), false],
      [atTick(500), true],
    ]);
  });
});
