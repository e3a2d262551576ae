/** Request recording behind a running agent: what is shipped beside events, when, and what is not. */
import { channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import {
  decodeHistograms,
  decodeLoad,
  decodeResources,
  type SideBlock,
  type SideStream,
} from "../../agent/kernel/index.ts";
import { MemoryTransport } from "../../agent/shipping/memory-transport.ts";
import { type AgentOptions, startAgent } from "../../agent/start.ts";
import { ManualClock } from "../../agent/testing/manual-clock.ts";
import { ManualScheduler } from "../../agent/testing/manual-scheduler.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const agent of opened.splice(0)) await agent.close();
});

/** A response as Node publishes one: what the timing looks at. */
class Response extends EventEmitter {
  statusCode = 200;
  readonly type: string | undefined;
  readonly req = { method: "GET", route: { path: "/carts/:id" } };
  constructor(type?: string) {
    super();
    this.type = type;
  }
  getHeader(): string | undefined {
    return this.type;
  }
}

/** Timers of a loop that may be blocked: what is due meanwhile comes at its end. */
class BlockableScheduler extends ManualScheduler {
  #isBlocked = false;
  #due: (() => void)[] = [];

  override after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const cancel = super.after(delayMs, () => {
      if (this.#isBlocked) this.#due.push(() => isCancelled || run());
      else run();
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  async block(advance: () => Promise<void>): Promise<void> {
    this.#isBlocked = true;
    await advance();
    this.#isBlocked = false;
    for (const run of this.#due.splice(0)) run();
  }
}

/** An agent on time that is moved by hand. */
function recording(options: Partial<AgentOptions> = {}) {
  const transport = new MemoryTransport();
  const scheduler = new BlockableScheduler();
  const clock = new ManualClock("2026-11-21T16:00:00Z");
  const agent = startAgent({
    ...{ service: "cart", node: "cart-1", hooks: "none", quiet: true, requests: true },
    ...{ transport, scheduler, clock },
    ...options,
  });
  opened.push(agent);
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1) {
      clock.advanceMs(1);
      await scheduler.advance(1);
    }
  };
  const arrive = (type?: string): (() => void) => {
    const response = new Response(type);
    channel("http.server.request.start").publish({ request: response.req, response });
    return () => {
      channel("http.server.response.finish").publish({ request: response.req, response });
    };
  };
  const blocks = (stream: SideStream): SideBlock[] =>
    transport.batches
      .flatMap((batch) => batch.sideBlocks ?? [])
      .filter((block) => block.stream === stream);
  const block = (ms: number): Promise<void> => scheduler.block(() => advance(ms));
  return { agent, transport, advance, block, arrive, blocks };
}

const SECOND = Date.parse("2026-11-21T16:00:00Z") / 1_000;

describe("request recording", () => {
  it.each(["all", "on-demand"] as const)("ships load beside events, stream %s", async (stream) => {
    const { advance, arrive, blocks } = recording({ stream });
    await advance(20);
    const depart = arrive();
    await advance(35);
    depart();
    await advance(3_200);
    const load = blocks("load");
    expect(load.map(({ second }) => second - SECOND)).toEqual([0, 1, 2]);
    expect(load.map(({ part }) => part)).toEqual([0, 0, 0]);
    const [cells, ...quiet] = load.map(({ bytes }) => decodeLoad(bytes));
    expect(cells?.map(({ slot, inFlightUs }) => [slot, inFlightUs])).toEqual([
      ...[
        [2, 10_000],
        [3, 10_000],
        [4, 10_000],
        [5, 5_000],
      ],
    ]);
    expect(cells?.at(-1)).toMatchObject({
      ...{ operation: "GET /carts/:id", completions: 1, maxResidenceUs: 35_000 },
      ...{ exclusiveUs: 35_000, residences: [[34_976, 1]] },
    });
    expect(quiet).toEqual([[], []]);
  });

  it("says of an arrival its stamp and its lead, and ships latencies once their module is there", async () => {
    const { agent, transport, advance, arrive, blocks } = recording();
    // The module is loaded for real.
    for (let tries = 0; tries < 200 && blocks("histogram").length === 0; tries += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const depart = arrive();
      await advance(30);
      depart();
    }
    await agent.flush();
    const [request] = transport.events.filter((event) => event.kind === "request");
    expect(request).toMatchObject({ operation: "GET /carts/:id", residenceUs: 30_000, leadUs: 0 });
    expect(request?.kind === "request" && request.arrived !== undefined).toBe(true);
    const [block] = blocks("histogram");
    const [histogram] = block === undefined ? [] : decodeHistograms(block.bytes);
    expect(histogram).toMatchObject({ operation: "GET /carts/:id", side: "server", peer: null });
  });

  it("ships at once what a blocked loop leaves behind, and soon after for two seconds", async () => {
    const { block, advance, arrive, blocks } = recording({ stream: "on-demand" });
    await advance(2_400);
    const depart = arrive();
    await block(150);
    await advance(60);
    const gaps = blocks("resource").flatMap(({ bytes }) => decodeResources(bytes).gaps);
    expect(gaps).toEqual([{ startUs: 405_000, lengthUs: 145_000 }]);
    // What was open meanwhile is known although it has not completed.
    const open = blocks("load").flatMap(({ bytes }) => decodeLoad(bytes));
    expect(open.reduce((sum, cell) => sum + cell.inFlightUs, 0)).toBeGreaterThanOrEqual(150_000);
    expect(open.every(({ completions }) => completions === 0)).toBe(true);
    depart();
    await advance(150);
    const done = blocks("load").flatMap(({ bytes }) => decodeLoad(bytes));
    expect(done.reduce((sum, cell) => sum + cell.completions, 0)).toBe(1);
  });

  it("leaves event streams out of load, and takes them from the oldest that are open", async () => {
    const { advance, arrive, blocks } = recording();
    const end = arrive("text/event-stream; charset=utf-8");
    await advance(1_100);
    end();
    await advance(1_100);
    const cells = blocks("load").flatMap(({ bytes }) => decodeLoad(bytes));
    expect(cells).toEqual([]);
  });

  it("gives back what a heartbeat carried and nobody heard, each block once in the end", async () => {
    const { transport, advance, blocks } = recording({ stream: "on-demand" });
    await advance(1_500);
    transport.fail("down");
    await advance(4_000);
    transport.recover();
    await advance(6_000);
    const seconds = blocks("load").map(({ second }) => second - SECOND);
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    expect(new Set(seconds).size).toBe(seconds.length);
    expect(seconds.slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("is off unless requests are timed: no side block, and waits are calls and nothing else", async () => {
    const { agent, transport, advance, arrive } = recording({ requests: false });
    const depart = arrive();
    await advance(10);
    depart();
    await advance(2_500);
    expect(transport.batches.some((batch) => batch.sideBlocks !== undefined)).toBe(false);
    expect(agent.wait("pool", () => 5)).toBe(5);
    expect(agent.watchPool("pool", { acquire: () => 1 })).toBe(false);
    expect(transport.events.some((event) => event.kind === "request")).toBe(false);
  });
});
