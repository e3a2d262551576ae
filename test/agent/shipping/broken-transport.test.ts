/** Transports that break their promises: nothing reaches the host, nothing is believed. */
import { afterEach, describe, expect, it } from "vitest";
import { closeAgents } from "../../support/virtual-agent.ts";
import { checkBooks, shipping } from "./virtual-shipping.ts";

afterEach(closeAgents);

describe("a transport that breaks its promises", () => {
  const breaking: ReadonlyArray<readonly [what: string, send: () => unknown]> = [
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["resolves to nothing", () => Promise.resolve(undefined)],
    ["resolves to nonsense", () => Promise.resolve({ kind: "perhaps" })],
    ["returns no promise", () => undefined],
  ];
  it.each(breaking)(
    "turns the agent off after five times, and nothing reaches the host: %s",
    async (_what, send) => {
      const { agent, advance, collector } = shipping(12);
      collector.send = send as never;
      for (let i = 0; i < 50; i += 1) {
        expect(() => agent.log("l").set("k", i)).not.toThrow();
        await advance(2_000);
      }
      expect(agent.health).toBe("off");
      expect(agent.healthReason).toContain("5 own errors");
      expect(() => agent.log("l").set("k", 1)).not.toThrow();
    },
  );

  const lying: ReadonlyArray<readonly [what: string, reply: unknown]> = [
    ["no acks", { kind: "acked", reply: {} }],
    ["a reply of nothing", { kind: "acked", reply: null }],
    ["acks of nothing", { kind: "acked", reply: { acks: [null, 1, {}], commands: "all" } }],
    [
      "acks of another node",
      {
        kind: "acked",
        reply: { acks: [{ node: "x", epoch: 1, firstSeq: 1, lastSeq: 9 }], commands: [] },
      },
    ],
  ];
  it.each(lying)("is not believed without an ack: %s", async (_what, reply) => {
    const { agent, advance, collector } = shipping(13);
    collector.send = () => Promise.resolve(reply as never);
    agent.log("l").set("k", 1);
    await advance(5_000);
    expect(agent.stats().acknowledged).toBe(0);
    expect(agent.stats().ownErrors).toBe(0);
    checkBooks(agent);
  });
});
