/** Timelines of many lanes, page by page; and of many messages, gathered until they are few. */
import { describe, expect, it } from "vitest";
import { atMs, join, receive, send, tellHistory } from "../../support/told-history.ts";

const NODES = 12;
const ROUNDS = 40;
const name = (node: number): string => `n${String(node).padStart(2, "0")}`;
const all = { from: atMs(0), to: atMs(20_000) };

/** A ring: each round every node sends to the next, which receives some 40 ms later. */
async function ring(limits: Parameters<typeof tellHistory>[0] = {}) {
  const told = tellHistory(limits);
  for (let node = 0; node < NODES; node += 1) {
    const before = (node + NODES - 1) % NODES;
    const rows = Array.from({ length: ROUNDS }, (_, round) => {
      const ms = 10 + round * 100 + node;
      const sentByBefore = atMs(10 + round * 100 + before);
      return [
        send(atMs(ms), name((node + 1) % NODES)),
        receive(atMs(50 + round * 100 + node), name(before), 1, 2 + round * 2, sentByBefore),
      ];
    }).flat();
    await told.tell(name(node), 1, [join(atMs(0)), ...rows], { closed: atMs(20_000) });
  }
  return told;
}

describe("the pages of a timeline", () => {
  it("hold each lane once, as the whole has it, and every message that touches their lanes", async () => {
    const { history } = await ring({ limits: { exactEvents: 100_000 } });
    const whole = await history.timeline(all, 100);
    expect(whole.next).toBeUndefined();
    for (const limit of [1, 5, NODES - 1, NODES]) {
      const lanes = [];
      const messages = new Set<string>();
      let after: string | undefined;
      let pages = 0;
      do {
        const page = await history.timeline(all, 100, {}, undefined, { after, limit });
        lanes.push(...page.lanes);
        for (const one of page.messages) messages.add(JSON.stringify(one));
        after = page.next;
        pages += 1;
      } while (after !== undefined);
      expect(pages).toBe(Math.ceil(NODES / limit));
      expect(lanes).toEqual(whole.lanes);
      expect([...messages].sort()).toEqual(whole.messages.map((m) => JSON.stringify(m)).sort());
    }
  });

  it("go on after a node that is gone", async () => {
    const { history } = await ring();
    const page = await history.timeline(all, 100, {}, undefined, { after: "n04-gone", limit: 2 });
    expect(page.lanes.map(({ node }) => node)).toEqual(["n05", "n06"]);
    expect(page.next).toBe("n06");
  });
});

describe("the messages of a dense timeline", () => {
  it("are gathered until they fit: none lost while there are fewer pairs than the limit", async () => {
    for (const bundles of [NODES, 30, 100, 5_000]) {
      const { history } = await ring({ limits: { exactEvents: 1, bundles } });
      const { messages, exact } = await history.timeline(all, 400);
      expect(exact).toBe(false);
      expect(messages.length).toBeLessThanOrEqual(bundles);
      const count = messages.reduce((sum, one) => sum + one.count, 0);
      expect(count).toBe(NODES * ROUNDS);
      for (const { from, to, sentAt, receivedAt } of messages) {
        expect(to).toBe(name((Number(from.slice(1)) + 1) % NODES));
        expect(receivedAt).toBeGreaterThan(sentAt);
      }
    }
  });

  it("of more pairs than fit keep those with the most messages", async () => {
    const { history } = await ring({ limits: { exactEvents: 1, bundles: 4 } });
    const { messages } = await history.timeline(all, 400);
    expect(messages).toHaveLength(4);
    expect(messages.every(({ count }) => count === ROUNDS)).toBe(true);
  });
});
