/** Mistakes that are easily made with the SDK: each is refused or told, none is taken in silence. */
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import { type Hlc, unixMsFromTicks } from "../../agent/kernel/index.ts";
import { type AgentOptions, startAgent } from "../../agent/start.ts";
import { ManualClock, MemoryTransport } from "../../agent/testing.ts";

let running: Agent | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** An agent, and the lines that it writes to standard error from then on. */
function start(options: AgentOptions = {}) {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const clock = new ManualClock("2026-11-21T16:00:00Z");
  const agent = startAgent({ service: "cart", clock, hooks: "none", ...options });
  running = agent;
  const lines = () => stderr.mock.calls.map(([line]) => String(line));
  return { agent, clock, lines };
}

describe("an async function given to commit", () => {
  it("is told once: what follows its first await is no part of the commit", async () => {
    const { agent, lines } = start();
    const log = agent.log("accounts");
    const late = async (tx: Parameters<Parameters<typeof log.commit>[0]>[0]) => {
      tx.set("alice", 90);
      await Promise.resolve();
      tx.set("bob", 110);
    };
    // @ts-expect-error the types refuse it
    log.commit(late);
    // @ts-expect-error and any other promise
    log.commit((tx) => Promise.resolve(tx.set("carol", 1)));
    await Promise.resolve();
    await Promise.resolve();
    const told = lines().filter((line) => line.includes("async function"));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('log "accounts"');
    expect(agent.stats().counts["set"]).toBe(3);
  });

  it("is nothing else that a function may return", () => {
    const { agent, lines } = start();
    const log = agent.log("accounts");
    log.commit((tx) => tx.set("a", 1));
    log.commit(() => new Map());
    log.commit(() => null);
    const throwing = () => {
      throw new Error("the host's own");
    };
    log.commit(() => new Proxy({}, { get: throwing }) as object);
    expect(() =>
      log.commit((tx) => {
        tx.set("a", 2);
        throw new Error("the host's own");
      }),
    ).toThrow("the host's own");
    expect(lines().filter((line) => line.includes("async"))).toEqual([]);
    expect(agent.snapshot().logs["accounts"]).toEqual({ a: 1 });
  });
});

describe("a time", () => {
  it("that is a Date is that moment, wherever a time is asked for", () => {
    const { agent, clock } = start();
    const stock = agent.log("stock");
    stock.set("apples", 12);
    clock.advanceMs(1_000);
    stock.set("apples", 3);
    const between = new Date("2026-11-21T16:00:00.500Z");
    expect(agent.snapshot({ at: between }).logs).toEqual({ stock: { apples: 12 } });
    expect(agent.diff(between).changes).toHaveLength(1);
    expect(agent.events({ from: between }).events).toHaveLength(1);
    const roll = agent.rolling(between);
    expect(roll.logs).toEqual({ stock: { apples: 12 } });
    expect(inspect(roll)).toContain("at: '2026-11-21T16:00:00.500Z+000'");
    expect(() => agent.snapshot({ at: new Date(Number.NaN) })).toThrow("invalid Date");
  });

  it("in Unix milliseconds is no timestamp, and what to write is said", () => {
    const { agent } = start();
    const unixMs = Date.parse("2026-11-21T16:00:00Z");
    for (const ask of [
      () => agent.snapshot({ at: unixMs as Hlc }),
      () => agent.diff(unixMs as Hlc),
      () => agent.events({ from: unixMs as Hlc }),
      () => agent.rolling(unixMs as Hlc),
    ]) {
      expect(ask).toThrow(
        expect.objectContaining({
          code: "bad-time",
          hint: expect.stringContaining("String(Date.now())"),
        }),
      );
    }
    expect(agent.snapshot({ at: String(unixMs) }).logs).toEqual({});
  });
});

describe("a name", () => {
  it("of a log that is no text is told", () => {
    const { agent, lines } = start();
    agent.log(undefined as unknown as string).set("a", 1);
    expect(lines().join("")).toContain(
      'a log\'s name is a text; what was given is recorded as "undefined"',
    );
  });
});

describe("startAgent", () => {
  it.each([["cart"], [null], [["cart"]], [7]])("says that it takes settings, not %j", (given) => {
    expect(() => startAgent(given as never)).toThrow(
      expect.objectContaining({
        code: "bad-config",
        message: 'startAgent takes an object of settings. Write startAgent({ service: "cart" }).',
      }),
    );
  });

  it("names the variable that names a hook which there is not", () => {
    vi.stubEnv("RETROSCOPE_HOOKS", "htpp");
    expect(() => startAgent({ service: "cart", quiet: true })).toThrow(
      /^RETROSCOPE_HOOKS has "htpp", and there is no such hook\. Use "none"/,
    );
  });

  it("tells once of variables that were mistyped, and of a path in the collector's address", () => {
    vi.stubEnv("RETROSCOPE_COLECTOR", "http://127.0.0.1:7700");
    vi.stubEnv("RETROSCOPE_TOKN", "hunter2");
    const { lines } = start({ collector: "http://127.0.0.1:1/api/" });
    const told = lines().join("");
    expect(told).toContain(
      "RETROSCOPE_COLECTOR is not known: RETROSCOPE_COLLECTOR?; RETROSCOPE_TOKN is not known: RETROSCOPE_TOKEN?",
    );
    expect(told).toContain("batches go to http://127.0.0.1:1/api/v1/batches");
    expect(told).not.toContain("hunter2");
  });
});

it("a hook that cannot be instrumented by hand is told", () => {
  const { agent, lines } = start();
  expect(agent.instrument("foo" as never, {})).toBe(false);
  expect(lines().join("")).toContain('there is no hook "foo" for packages: kafkajs, grpc, ws');
});

it("an error of ours shows its hint as text too, once", () => {
  const { agent } = start();
  let error: unknown;
  try {
    agent.snapshot({ at: "yesterday" });
  } catch (caught) {
    error = caught;
  }
  expect(String(error)).toMatch(/^RetroError: not a time: "yesterday"\. Use ISO 8601/);
  expect((error as Error).message).toBe('not a time: "yesterday"');
});

it("timers and dates that a host's test fakes are not the agent's: they run to their end, and it goes on", async () => {
  const beforeMs = Date.now();
  const transport = new MemoryTransport();
  vi.useFakeTimers({ now: 0 });
  try {
    const { agent } = start({ clock: undefined, transport, quiet: true });
    const t = agent.mark("now");
    await agent.flush();
    setTimeout(() => agent.log("l").set("k", 1), 60_000);
    vi.runAllTimers();
    expect(vi.getTimerCount()).toBe(0);
    await agent.flush();
    expect(transport.events.map(({ kind }) => kind)).toEqual(["join", "mark", "set"]);
    expect(Math.abs(unixMsFromTicks(t) - beforeMs)).toBeLessThan(60_000);
    await agent.close();
  } finally {
    vi.useRealTimers();
  }
});

describe("a clock for tests", () => {
  it.each([["5s"], [Number.NaN], [Number.POSITIVE_INFINITY], [undefined], [1e300]])(
    "is not moved by %j",
    (ms) => {
      const clock = new ManualClock("2026-11-21T16:00:00Z");
      const before = clock.now();
      expect(() => clock.advanceMs(ms as number)).toThrow(
        expect.objectContaining({ code: "bad-time" }),
      );
      expect(clock.now()).toBe(before);
    },
  );
});
