import { afterEach, describe, expect, it } from "vitest";
import { startAgent } from "../../../agent/start.ts";
import {
  type FailureMode,
  ManualClock,
  ManualScheduler,
  MemoryTransport,
} from "../../../agent/testing.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((agent) => agent.close()));
});

function anAgent() {
  const [transport, scheduler] = [new MemoryTransport(), new ManualScheduler()];
  const clock = new ManualClock();
  const options = { service: "cart", quiet: true, hooks: "none" } as const;
  const agent = startAgent({ ...options, clock, transport, scheduler });
  open.push({
    close: async () => {
      transport.recover();
      const closing = agent.close();
      await scheduler.advance(1_000);
      await closing;
    },
  });
  return { agent, transport, scheduler };
}

/** What becomes of twenty events under a failure, and after it. */
async function outage(mode: FailureMode) {
  const { agent, transport, scheduler } = anAgent();
  await scheduler.advance(1_000);
  transport.fail(mode);
  for (let i = 0; i < 20; i += 1) agent.log("stock").set("apples", i);
  await scheduler.advance(30_000);
  const during = { ...agent.stats(), health: agent.health };
  transport.recover();
  await scheduler.advance(120_000);
  const sets = transport.events.filter((event) => event.kind === "set").length;
  return { during, after: agent.stats(), sets };
}

describe("MemoryTransport", () => {
  for (const mode of ["down", "silent", "busy", "unauthorized", "reply-lost"] as const) {
    it(`loses nothing and stores once, after it was ${mode}`, async () => {
      const { during, after, sets } = await outage(mode);
      expect(during.queued).toBeGreaterThan(0);
      expect(during.health).toBe("degraded");
      expect(after).toMatchObject({ queued: 0, dropped: 0, acknowledged: after.recorded });
      expect(sets).toBe(20);
    });
  }

  it("drops what was refused for good, counted and healed by keyframes", async () => {
    const { during, after, sets } = await outage("refused");
    expect(during.drops["refused"]).toBeGreaterThanOrEqual(20);
    expect(after.acknowledged + after.dropped).toBe(after.recorded);
    expect(sets).toBe(0);
  });

  it("fails as often as it was told to, then no more", async () => {
    const { agent, transport, scheduler } = anAgent();
    await scheduler.advance(1_000);
    const before = transport.requestCount;
    transport.fail("down", { times: 2 });
    agent.mark("here");
    await scheduler.advance(20_000);
    expect(transport.requestCount).toBeGreaterThanOrEqual(before + 3);
    expect(transport.events.at(-1)?.kind).toBe("mark");
  });
});
