/** Chord nodes that call each other directly: joins, leaves and failures drawn from seeds, then rounds of mending. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChordNode, LIST_LENGTH, type Neighbours } from "../../../../agent/examples/ring/chord.ts";
import { planChurn, textOf } from "../../../../agent/examples/ring/churn.ts";
import { inRingOrder } from "../../../../agent/examples/ring/identifiers.ts";
import { isMendable, isOneRing } from "../../../../agent/examples/ring/one-ring.ts";
import { seededRandom } from "../../../../agent/examples/seeded-random.ts";

const NAMES = Array.from({ length: 8 }, (_, i) => `ring-${i + 1}`);

class World {
  readonly nodes = new Map<string, ChordNode>();
  /** Everything that any node came to believe. */
  readonly beliefs: (Neighbours | null)[] = [];

  launch(name: string): ChordNode {
    const node = new ChordNode(name, {
      call: async (to, question) => {
        const target = this.nodes.get(to);
        if (target === undefined) throw new Error(`${to} is dead`);
        return target.answer(question);
      },
      changed: (neighbours) => void this.beliefs.push(neighbours),
    });
    this.nodes.set(name, node);
    return node;
  }

  /** As a process does it: again and again, by way of one member after the other. */
  async join(name: string): Promise<void> {
    const others = [...this.nodes.keys()];
    const node = this.launch(name);
    for (let i = 0; !node.isMember && i < 50; i += 1) {
      await node.join(others[i % others.length] as string).catch(() => this.round());
    }
  }

  async round(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.stabilise()));
  }

  state(): ReadonlyMap<string, Neighbours> {
    const members = [...this.nodes].filter(([, node]) => node.isMember);
    return new Map(members.map(([name, { neighbours }]) => [name, neighbours]));
  }

  /** What all should believe in the end. */
  ideal(): ReadonlyMap<string, Neighbours> {
    const order = inRingOrder(this.nodes.keys());
    return new Map(
      order.map((name, i) => {
        const others = [...order.slice(i + 1), ...order.slice(0, i)];
        const successors = others.length === 0 ? [name] : others.slice(0, LIST_LENGTH);
        return [name, { predecessor: others.at(-1) ?? null, successors }];
      }),
    );
  }

  async settle(): Promise<number> {
    const text = (of: ReadonlyMap<string, Neighbours>): string => JSON.stringify([...of].sort());
    for (let rounds = 0; rounds < 40; rounds += 1) {
      if (text(this.state()) === text(this.ideal())) return rounds;
      await this.round();
    }
    expect(text(this.state())).toBe(text(this.ideal()));
    return 40;
  }
}

async function aRing(): Promise<World> {
  const world = new World();
  const [first = "", ...others] = NAMES;
  world.launch(first).begin();
  for (const name of others) await world.join(name);
  await world.settle();
  return world;
}

describe("a ring of Chord nodes", () => {
  it("mends itself after every step of churn, and is mendable in the midst of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const world = await aRing();
        for (const step of planChurn(NAMES, 5, 5, seededRandom(seed))) {
          const joins: Promise<void>[] = [];
          for (const { kind, node } of step) {
            if (kind === "kill") world.nodes.delete(node);
            if (kind === "join") joins.push(world.join(node));
            if (kind === "leave") {
              const leaving = world.nodes.get(node)?.leave();
              await leaving;
              world.nodes.delete(node);
            }
            expect(isMendable(world.state()), textOf(step)).toBe(true);
          }
          await Promise.all(joins);
          await world.settle();
          expect(isOneRing(world.state())).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("says nothing new once it has settled", async () => {
    const world = await aRing();
    const known = world.beliefs.length;
    for (let i = 0; i < 5; i += 1) await world.round();
    expect(world.beliefs.length).toBe(known);
  });

  it("is not one ring between a failure and the round that notices", async () => {
    const world = await aRing();
    world.nodes.delete("ring-3");
    expect(isOneRing(world.state())).toBe(false);
    await world.settle();
    expect(isOneRing(world.state())).toBe(true);
  });

  it("refuses to answer before it is a member and after it has left", async () => {
    const world = await aRing();
    const node = world.nodes.get("ring-2") as ChordNode;
    await node.leave();
    await expect(node.answer({ ask: "neighbours" })).rejects.toThrow("is no member");
    await node.stabilise();
    expect(node.isMember).toBe(false);
  });
});

describe("a plan of churn", () => {
  it("does to a node only what can be done to it, leaves enough members, and lets all back in", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, count) => {
        const members = new Set(NAMES);
        for (const step of planChurn(NAMES, count, 5, seededRandom(seed))) {
          expect(new Set(step.map(({ node }) => node)).size).toBe(step.length);
          for (const { kind, node } of step) {
            expect(members.has(node)).toBe(kind !== "join");
            if (kind === "join") members.add(node);
            else members.delete(node);
          }
          expect(members.size).toBeGreaterThanOrEqual(5);
        }
        expect(members.size).toBe(NAMES.length);
      }),
    );
  });
});
