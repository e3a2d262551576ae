/** `/api/live` as a listener sees it: over HTTP with a real collector, and its limits with a listener made by hand. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { addMs } from "../../../agent/kernel/index.ts";
import { LiveHub, type LiveLimits } from "../../../collector/api/live-hub.ts";
import { aBatch } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const START = addMs(NOW, -5_000);
const at = (ms: number) => addMs(START, ms);
const set = (ms: number) => ({ t: at(ms), kind: "set" as const, log: "l", key: "k", value: ms });
const join = { t: START, kind: "join" as const, service: "s", tags: {}, instance: "i" };

interface LiveEvent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly [field: string]: unknown };
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function collector(): Promise<TestCollector> {
  const started = await startCollector();
  open.push(() => started.close());
  return started;
}

/** The next event by that name. Gives up with the test. */
async function listen(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ next(event: string): Promise<LiveEvent>; end(): void }> {
  const abort = new AbortController();
  open.push(async () => abort.abort());
  const response = await fetch(`${url}/api/live`, { headers, signal: abort.signal });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  return {
    end: () => abort.abort(),
    async next(event) {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end >= 0) {
          const fields = text.slice(0, end).split("\n");
          text = text.slice(end + 2);
          const field = (name: string) =>
            fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
          if (field("event") !== event) continue;
          return { id: field("id"), event, data: JSON.parse(field("data")) };
        }
        const { value, done } = await reader.read();
        if (done) throw new Error("the stream ended");
        text += decoder.decode(value, { stream: true });
      }
    },
  };
}

describe("a listener", () => {
  it("is told who is there and how far all is known, at once and when it changes", async () => {
    const { url, post } = await collector();
    const live = await listen(url);
    expect((await live.next("watermark")).data).toMatchObject({ watermark: null, last: null });
    expect((await live.next("nodes")).data).toEqual({ nodes: [] });
    await post(aBatch([join], { closed: at(1) }));
    const { data } = await live.next("nodes");
    expect(data).toMatchObject({ nodes: [{ node: "n1", service: "s", status: "live" }] });
    await post(aBatch([set(10)], { firstSeq: 2, closed: at(20) }));
    for (;;) {
      const told = (await live.next("watermark")).data["watermark"] as { hlc: string } | null;
      const nodes = await (await fetch(`${url}/api/nodes`)).json();
      if (told?.hlc === nodes.watermark.hlc && nodes.nodes[0].counts.stored === 2) break;
    }
  });

  it("is told what a late batch amends; also when it comes back, and only once", async () => {
    const { url, post } = await collector();
    await post(aBatch([join, set(10)], { closed: at(10) }));
    await post(aBatch([set(30)], { firstSeq: 4, closed: at(30) }));
    const live = await listen(url);
    const { id } = await live.next("nodes");
    await post(aBatch([set(20)], { firstSeq: 3, closed: at(20) }));
    const amended = await live.next("amended");
    expect(amended.data).toMatchObject({ ranges: [{ node: "n1" }] });
    live.end();
    const again = await listen(url, { "last-event-id": id });
    expect(await again.next("amended")).toEqual(amended);
    const upToDate = await listen(url, { "last-event-id": amended.id });
    await post(aBatch([set(50)], { firstSeq: 6, closed: at(50) }));
    await post(aBatch([set(40)], { firstSeq: 5, closed: at(40) }));
    expect((await upToDate.next("amended")).id).not.toBe(amended.id);
  });

  it("of another run is told that anything may have changed", async () => {
    const { url } = await collector();
    for (const id of ["00000000-3", "nonsense"]) {
      const live = await listen(url, { "last-event-id": id });
      expect((await live.next("amended")).data).toEqual({ ranges: [], all: true });
    }
  });

  it("who only asks for the head is answered and not held open", async () => {
    const { url } = await collector();
    const response = await fetch(`${url}/api/live`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  });

  it("does not keep a collector from ending", async () => {
    const tookMs: number[] = [];
    // A busy machine may be late once, not each time.
    for (let i = 0; i < 3 && Math.min(...tookMs) >= 1_500; i += 1) {
      const started = await startCollector();
      await listen(started.url);
      const startMs = performance.now();
      await started.close();
      tookMs.push(performance.now() - startMs);
    }
    expect(Math.min(...tookMs)).toBeLessThan(1_500);
  });
});

class ByHand extends EventEmitter {
  writableLength = 0;
  text = "";
  isEnded = false;
  isDestroyed = false;
  writeHead(): this {
    return this;
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
  end(text = ""): void {
    this.text += text;
    this.isEnded = true;
  }
  destroy(): void {
    this.isDestroyed = true;
  }
  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

function hub(limits: Partial<LiveLimits>): {
  readonly hub: LiveHub;
  readonly timers: ManualTimers;
  /** How often the nodes were asked for. */
  readonly looks: { count: number };
} {
  const timers = new ManualTimers(0);
  const looks = { count: 0 };
  const nodes = () => {
    looks.count += 1;
    return [];
  };
  const history = { nodes, liveWatermark: () => NOW, extent: () => undefined };
  return { hub: new LiveHub({ history, now: () => NOW, timers, run: "r", limits }), timers, looks };
}

describe("listeners are bounded", () => {
  it("in number, with an error that says what to do", () => {
    const { hub: one } = hub({ clients: 2 });
    const first = new ByHand();
    one.add(first.response, undefined);
    one.add(new ByHand().response, undefined);
    expect(() => one.add(new ByHand().response, undefined)).toThrow("2 listen already");
    first.emit("close");
    expect(() => one.add(new ByHand().response, undefined)).not.toThrow();
  });

  it("in what waits for them: who reads too slowly is told and let go, others are served", () => {
    const { hub: one, timers } = hub({ queuedBytes: 1_000, goodbyeMs: 500 });
    const [slow, quick] = [new ByHand(), new ByHand()];
    one.add(slow.response, undefined);
    one.add(quick.response, undefined);
    slow.writableLength = 999;
    one.amended([{ node: "n1", from: START, to: NOW }]);
    expect([slow.isEnded, quick.isEnded, one.clientCount]).toEqual([true, false, 1]);
    expect(slow.text).toMatch(/event: dropped\n/);
    expect(quick.text).toMatch(/event: amended\n/);
    timers.advanceMs(500);
    expect([slow.isDestroyed, quick.isDestroyed]).toEqual([true, false]);
  });

  it("in what is remembered for them: beyond it they are told to ask again", () => {
    const { hub: one } = hub({ remembered: 2, ranges: 1 });
    for (let i = 0; i < 5; i += 1) one.amended([{ node: `n${i}`, from: START, to: NOW }]);
    const told = (id: string): string[] => {
      const client = new ByHand();
      one.add(client.response, id);
      return [...client.text.matchAll(/event: amended\ndata: (.*)/g)].map(([, data = ""]) => data);
    };
    expect(told("r-5")).toEqual([]);
    expect(told("r-3").map((data) => JSON.parse(data).ranges[0].node)).toEqual(["n3", "n4"]);
    expect(told("r-2").map((data) => JSON.parse(data))).toEqual([{ ranges: [], all: true }]);
    expect(told("r-6").map((data) => JSON.parse(data))).toEqual([{ ranges: [], all: true }]);
    const range = { node: "n", from: START, to: NOW };
    one.amended([range, range]);
    expect(told("r-5").map((data) => JSON.parse(data))).toEqual([{ ranges: [], all: true }]);
  });

  it("in what they cost: one who comes and goes all the time is looked for no oftener", () => {
    const { hub: one, timers, looks } = hub({ lookMs: 250 });
    for (let i = 0; i < 20; i += 1) {
      const hasty = new ByHand();
      one.add(hasty.response, undefined);
      hasty.emit("close");
    }
    one.add(new ByHand().response, undefined);
    looks.count = 0;
    for (let i = 0; i < 4; i += 1) timers.advanceMs(250);
    expect(looks.count).toBe(4);
    one.close();
  });

  it("and hear a comment when nothing happens", () => {
    const { hub: one, timers } = hub({ heartbeatMs: 1_000, lookMs: 250 });
    const client = new ByHand();
    one.add(client.response, undefined);
    for (let i = 0; i < 5; i += 1) timers.advanceMs(250);
    expect(client.text.match(/: still here\n\n/g)).toHaveLength(1);
    one.close();
    expect(client.isEnded).toBe(true);
  });
});
