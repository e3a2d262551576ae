/** Pages of events over many nodes: what is kept of them at a time is bounded, and nothing of that shows. */
import { describe, expect, it } from "vitest";
import { createHistory } from "../../../collector/cut/create-history.ts";
import type { EventPage } from "../../../collector/cut/history.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";

const NODES = 60;
const CHANGES = 40;

const nameOf = (i: number): string => `node-${String(i).padStart(3, "0")}`;

/** Every node changes at every tenth millisecond, so that each is in every page. */
async function manyNodes(): Promise<ReturnType<typeof tellHistory>> {
  const told = tellHistory({});
  for (let i = 0; i < NODES; i += 1) {
    const rows = Array.from({ length: CHANGES }, (_, k) => set(atMs(10 + 10 * k), "l", "a", k));
    await told.tell(nameOf(i), 1, [join(atMs(i % 7)), ...rows], { closed: atMs(1_000) });
  }
  await told.history.idle();
  return told;
}

describe("a page of events over many nodes", () => {
  it("reads one node at a time, and of each no more than some places, whatever they hold", async () => {
    const { store } = await manyNodes();
    let open = 0;
    let mostOpen = 0;
    const watched = over(store, {
      *batches(...args) {
        open += 1;
        mostOpen = Math.max(mostOpen, open);
        try {
          yield* store.batches(...args);
        } finally {
          open -= 1;
        }
      },
    });
    const texts: string[] = [];
    for (const eventPlaces of [1, NODES * 3, 1_000_000]) {
      const timers = new ManualTimers(0);
      const options = { store: watched, timers, limits: { eventPlaces }, checkpoints: false };
      const history = createHistory(options);
      const found: string[] = [];
      for (let page: EventPage | undefined; page?.more !== false; ) {
        const last = page?.events.at(-1);
        const after = last && {
          ...{ node: last.node, epoch: last.epoch },
          ...{ seq: last.event.seq, t: last.event.t },
        };
        const query = { from: atMs(5), to: atMs(300), limit: 500, ...(after ? { after } : {}) };
        page = await history.events(query);
        found.push(...page.events.map(({ node, event }) => `${event.t} ${node} ${event.seq}`));
      }
      texts.push(found.join("\n"));
      await history.close();
    }
    expect(mostOpen).toBe(1);
    const byPlan = Array.from({ length: 30 }, (_, k) => k).flatMap((k) =>
      Array.from({ length: NODES }, (_, i) => `${atMs(10 + 10 * k)} ${nameOf(i)} ${k + 2}`),
    );
    const joins = Array.from({ length: NODES }, (_, i) => i)
      .filter((i) => i % 7 >= 5)
      .map((i) => [i % 7, `${atMs(i % 7)} ${nameOf(i)} 1`] as const)
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text);
    expect(texts[2]?.split("\n")).toEqual([...joins, ...byPlan]);
    expect(texts[0]).toBe(texts[2]);
    expect(texts[1]).toBe(texts[2]);
  });
});
