import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import Module from "node:module";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { formatHlc, type Hlc } from "../../agent/kernel/index.ts";
import { getAgent, startAgent } from "../../agent/start.ts";
import { ManualClock } from "../../agent/testing.ts";
import { AGENT_VERSION } from "../../agent/version.ts";
import { agentScene } from "./support.ts";

const { start, aFolder } = agentScene();

describe("startAgent", () => {
  it("gives the running agent when it is called again, and warns where options differ", () => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const { agent } = start({ quiet: false });
    expect(stderr.mock.calls[0]?.[0]).toMatch(
      /node cart@.* · service cart · epoch \d+ · collector memory/,
    );
    expect(startAgent()).toBe(agent);
    expect(startAgent({ service: "cart" })).toBe(agent);
    expect(stderr).toHaveBeenCalledTimes(1);
    expect(startAgent({ service: "other" })).toBe(agent);
    expect(stderr.mock.calls[1]?.[0]).toContain("other options");
    expect(getAgent()).toBe(agent);
  });

  it("compares whatever options it is given, and refuses what are none", () => {
    const clock = new ManualClock() as ManualClock & { self?: unknown };
    const { agent } = start({ clock });
    clock.self = clock;
    const again = Object.assign(new ManualClock(), { self: clock });
    expect(startAgent({ clock: again })).toBe(agent);
    expect(startAgent({ windowMs: 1n as never })).toBe(agent);
    expect(() => startAgent(null as never)).toThrow(
      expect.objectContaining({ code: "bad-config" }),
    );
  });

  it("refuses a port without its methods, and a hook that there is not", () => {
    expect(() => startAgent({ clock: {} as never })).toThrow(/clock has no method now/);
    expect(() => startAgent({ hooks: ["pigeon"] })).toThrow(
      /^hooks has "pigeon", and there is no such hook/,
    );
    expect(getAgent().health).toBe("off");
  });

  it("starts without hooks, and says so, where they cannot be installed at all", () => {
    const load = Object.getOwnPropertyDescriptor(Module.prototype, "load") as PropertyDescriptor;
    Object.defineProperty(Module.prototype, "load", {
      configurable: true,
      get: () => {
        throw new Error("not here");
      },
    });
    try {
      const { agent } = start({ hooks: ["ws"] });
      expect(agent.healthReason).toBe("own error in installing the hooks: Error: not here");
      expect(agent.log("l").set("k", 1)).toBeGreaterThan(0);
      expect(agent.snapshot().logs).toEqual({ l: { k: 1 } });
    } finally {
      Object.defineProperty(Module.prototype, "load", load);
    }
  });

  it("starts anew after close, under a higher epoch", async () => {
    const first = start().agent;
    await first.close();
    const { agent, clock } = start();
    clock.advanceMs(1);
    expect(agent).not.toBe(first);
    expect(agent.log("l").set("k", 1)).toBeGreaterThan(0);
  });

  it("says the version that package.json says", () => {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    expect((JSON.parse(text) as { version: string }).version).toBe(AGENT_VERSION);
  });
});

describe("without a running agent", () => {
  it("everything can be called and has no effect", async () => {
    const agent = getAgent();
    expect(agent.health).toBe("off");
    const map = agent.map<string, number>("m");
    expect(map.set("k", 1).get("k")).toBe(1);
    agent.log("l").set("k", 1);
    agent.log("l").commit((tx) => tx.set("k", 2));
    const handle = agent.variable("l", "k");
    handle.set(3);
    expect(handle.value).toBe(3);
    agent.mark("m");
    const headers = {};
    agent.stamp(headers);
    agent.merge(headers);
    expect(headers).toEqual({});
    expect(agent.snapshot().logs).toEqual({});
    expect(agent.snapshot({ at: "-5s", log: "l" }).logs).toEqual({});
    expect(agent.diff("-5s").changes).toEqual([]);
    expect(agent.diff(agent.snapshot()).changes).toEqual([]);
    expect(agent.events({ from: "-5s" }).events).toEqual([]);
    const roll = agent.rolling("-5s").moveTo("-4s");
    expect([roll.logs, roll.changes]).toEqual([{}, []]);
    expect(await agent.flush()).toBe(true);
    await agent.close();
  });
});

describe("a tracked map", () => {
  it("is a Map, and each change of it is in the log", () => {
    const { agent } = start();
    const carts = agent.map<string | number, { total: number }>("carts");
    expect(carts).toBeInstanceOf(Map);
    expect(agent.map("carts")).toBe(carts);
    carts.set("alice", { total: 1 }).set("bob", { total: 2 }).set(7, { total: 3 });
    expect(carts.delete("bob")).toBe(true);
    expect(carts.delete("nobody")).toBe(false);
    expect(agent.snapshot().logs["carts"]).toEqual({ alice: { total: 1 }, "7": { total: 3 } });
    expect(carts.get(7)).toEqual({ total: 3 });
    carts.clear();
    expect(carts.size).toBe(0);
    expect(agent.snapshot().logs).toEqual({});
    expect(agent.stats().counts).toMatchObject({ set: 3, delete: 3 });
  });
});

describe("what a caller asks of flush and close", () => {
  it("is read as far as it makes sense", async () => {
    const { agent } = start();
    const throwing = {
      get timeoutMs(): number {
        throw new Error("the host's own");
      },
    };
    for (const options of [
      null,
      {},
      { timeoutMs: "soon" },
      { timeoutMs: Number.NaN },
      7,
      throwing,
    ]) {
      agent.log("l").set("k", 1);
      expect(await agent.flush(options as never)).toBe(true);
    }
    agent.log("l").set("k", 2);
    expect(await agent.flush({ timeoutMs: Number.POSITIVE_INFINITY })).toBe(true);
    expect(agent.snapshot(null as never).logs).toEqual({ l: { k: 2 } });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    await agent.close(revoked.proxy);
    expect(agent.stats()).toMatchObject({ queued: 0, dropped: 0 });
  });
});

describe("an epoch", () => {
  it("begins with the join, then keyframes, and ends with the leave", async () => {
    const { agent, transport } = start({ tags: { zone: "a" } });
    agent.log("l").set("k", 1);
    agent.mark("deployed v42");
    await agent.flush();
    await agent.close();
    const kinds = transport.events.map((event) => event.kind);
    expect(kinds[0]).toBe("join");
    expect(kinds.at(-1)).toBe("leave");
    expect(transport.events[0]).toMatchObject({ service: "cart", tags: { zone: "a" } });
    expect(transport.events.map((event) => event.seq)).toEqual(kinds.map((_, i) => i + 1));
    expect(transport.batches[0]?.header.status).toMatchObject({ pid: process.pid, health: "ok" });
    expect(agent.log("l").set("k", 2)).toBeGreaterThan(0);
    expect(transport.events).toHaveLength(kinds.length);
  });

  it("tells with its goodbye how it went, hooks and counts, however short it was", async () => {
    const { agent, transport } = start({ hooks: ["fetch"] });
    await agent.flush(); // the join has told how it was at the start
    agent.log("l").set("k", 1);
    await agent.close();
    const last = transport.batches.at(-1);
    expect(last?.header.status).toMatchObject({
      ...{ health: "ok", hooks: { fetch: "active" } },
      counts: { join: 1, set: 1, leave: 1 },
    });
    expect(agent.stats().hooks["fetch"]).toBe("off");
  });

  it("rises over restarts where a directory keeps it, and stamps stay above the ceiling", async () => {
    const dataDir = aFolder();
    const first = start({ dataDir, node: "n1" });
    const t = first.agent.log("l").set("k", 1);
    const { epoch } = first.agent;
    await first.agent.close();
    const clock = new ManualClock("2020-06-01T00:00:00Z"); // the wall clock went back by years
    const second = start({ dataDir, node: "n1", clock });
    expect(second.agent.epoch).toBe(epoch + 1);
    expect(formatHlc(second.agent.mark("m")) > formatHlc(t)).toBe(true);
  });

  it("ends in time, though the disk under the directory hangs", async ({ skip }) => {
    const dataDir = aFolder();
    const { agent } = start({ dataDir, node: "n1" });
    const path = join(dataDir, "agent-n1.json.new");
    // Whoever opens a pipe to write waits for a reader.
    if (spawnSync("mkfifo", [path]).status !== 0) skip("there is no mkfifo here");
    try {
      await agent.close({ budgetMs: 20 });
      expect(agent.stats()).toMatchObject({ queued: 0, dropped: 0 });
    } finally {
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      await new Promise((later) => setTimeout(later, 20)); // the writer goes on, into nothing
      closeSync(reader);
    }
  });

  it("comes from the clock alone where the directory cannot be used, and nobody is bothered", async () => {
    const { agent } = start({ dataDir: "/proc/no-such-place", node: "n1" });
    expect(agent.epoch).toBeGreaterThan(200_000_000_000);
    await agent.close();
  });
});

describe("what the window hands out", () => {
  it("shares nothing with history", async () => {
    const tags = { zone: "a" };
    const { agent, transport } = start({ tags });
    const headers = {};
    agent.stamp(headers);
    agent.merge(headers);
    const told = JSON.stringify(agent.events());
    for (const event of agent.events().events) {
      for (const part of Object.values(event)) {
        if (typeof part === "object" && part !== null) Object.assign(part, { seq: 99, zone: "b" });
      }
    }
    expect(JSON.parse(JSON.stringify(agent.events())).events).toEqual(JSON.parse(told).events);
    tags.zone = "c";
    await agent.flush();
    expect(transport.events[0]).toMatchObject({ kind: "join", tags: { zone: "a" } });
  });

  it("is asked for with timestamps and texts; anything else is told to be no time", () => {
    const { agent } = start();
    for (const at of [null, {}, [], 1.5, Number.NaN, 12n, agent.now() + 0.5, Symbol("t")]) {
      const refused = expect.objectContaining({ name: "RetroError" });
      expect(() => agent.snapshot({ at: at as Hlc })).toThrow(refused);
      expect(() => agent.diff(at as Hlc)).toThrow(refused);
    }
    expect(Number.isSafeInteger(agent.now())).toBe(true);
  });
});

describe("what is counted", () => {
  it("tells what was redacted, and which commits had to have several timestamps", () => {
    const { agent } = start();
    agent.log("l").set("password", "x");
    agent.mark("password=hunter2");
    agent.log("l").commit((tx) => {
      for (let i = 0; i < 5_000; i += 1) tx.set("k", i);
    });
    const { redacted, partedCommits } = agent.stats();
    expect(redacted).toEqual({ masked: 2, hashed: 0, ruleErrors: 0 });
    expect(partedCommits).toBe(1);
    const [mark] = agent.events({ kind: "mark" }).events;
    expect(mark?.["text"]).toBe("(masked)");
  });
});
