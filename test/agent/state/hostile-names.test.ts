/** Names that are no texts, through every call that takes one: nothing is thrown, nothing is our error. */
import { expect, it } from "vitest";
import { startAgent } from "../../../agent/start.ts";

const NAMES: readonly unknown[] = [
  ...[
    null,
    undefined,
    12,
    12n,
    true,
    Symbol("name"),
    {},
    [1, 2],
    () => 1,
    new Map(),
    "x".repeat(5_000),
  ],
  cyclic(),
  {
    toString: () => {
      throw new Error("hands off");
    },
  },
];

function cyclic(): unknown {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

it("takes any name wherever it takes one", async () => {
  const agent = startAgent({ service: "names", hooks: "none", quiet: true });
  for (const given of NAMES) {
    const name = given as string;
    const log = agent.log(name);
    log.set(name, 1);
    log.delete(name);
    log.add(name, "member");
    log.remove(name, "member");
    log.add(name, "again"); // the variable is known now
    log.commit((tx) => {
      tx.set(name, 1);
      tx.delete(name);
      tx.add(name, 2);
      tx.remove(name, 2);
    });
    agent.variable(name, name).set(2);
    agent.map(name).set(name, 3);
    agent.set(name, name).add(name);
    expect(agent.set(name, name).size).toBe(1);
    agent.object(name, { a: name });
    agent.object(name, 1 as never);
    agent.trigger(name);
    agent.mark(name);
  }
  expect(agent.stats().ownErrors, agent.healthReason).toBe(0);
  expect(agent.stats().counts["set"]).toBeGreaterThan(20);
  await agent.close();
});
