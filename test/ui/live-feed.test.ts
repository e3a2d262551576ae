/** Listening to the collector: the format, and when to begin anew. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventStream, MAX_EVENT_CHARS, type StreamEvent } from "../../ui/src/api/event-stream.ts";
import { LiveFeed } from "../../ui/src/api/live-feed.ts";

describe("server-sent events", () => {
  it("are the same however the text is cut into pieces", () => {
    const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, "·"));
    const event = fc.record({ name: fc.constantFrom("bottleneck", "nodes"), data: line });
    fc.assert(
      fc.property(fc.array(event), fc.array(fc.nat(40)), (events, cuts) => {
        const text = events.map(
          ({ name, data }, i) => `: note\nid: run-${i}\nevent: ${name}\ndata: ${data}\n\n`,
        );
        let rest = text.join("");
        const stream = new EventStream();
        const heard: StreamEvent[] = [];
        for (const length of cuts) {
          heard.push(...stream.push(rest.slice(0, length)));
          rest = rest.slice(length);
        }
        heard.push(...stream.push(rest));
        expect(heard).toEqual(events);
      }),
    );
  });

  it("are joined from several lines of data, and are none without any", () => {
    const text = "data: a\ndata:b\n\nevent: nodes\n\n: still here\n\ndata\n\n";
    expect(new EventStream().push(text)).toEqual([
      { name: "message", data: "a\nb" },
      { name: "message", data: "" },
    ]);
  });

  it("do not grow without end", () => {
    const stream = new EventStream();
    stream.push("x".repeat(MAX_EVENT_CHARS));
    expect(() => stream.push("x")).toThrow(RangeError);
  });
});

/** Connections and timers that are moved by hand. */
function handMade() {
  const connections: { say: (text: string) => void; end: () => void }[] = [];
  const timers: { ms: number; run: () => void; isOff: boolean }[] = [];
  const heard: string[] = [];
  async function* listen(_path: string, signal: AbortSignal): AsyncGenerator<string> {
    const pieces: (string | null)[] = [];
    let wake = (): void => {};
    const push = (piece: string | null) => {
      pieces.push(piece);
      wake();
    };
    connections.push({ say: push, end: () => push(null) });
    signal.addEventListener("abort", () => push(null));
    for (;;) {
      const piece = pieces.shift();
      if (piece === null) return;
      if (piece !== undefined) yield piece;
      else
        await new Promise<void>((go) => {
          wake = go;
        });
    }
  }
  const after = (ms: number, run: () => void) => {
    const timer = { ms, run, isOff: false };
    timers.push(timer);
    return () => {
      timer.isOff = true;
    };
  };
  const feed = new LiveFeed({ after }, { listen }, ({ name, data }) =>
    heard.push(`${name} ${data}`),
  );
  const settle = () => new Promise<void>((done) => setImmediate(done));
  return {
    ...{ feed, connections, heard, settle },
    pauses: () => timers.map(({ ms }) => ms),
    async retry() {
      for (const timer of timers.splice(0)) if (!timer.isOff) timer.run();
      await settle();
    },
  };
}

describe("the live feed", () => {
  it("passes on what it hears, and counts anew when it had to begin anew", async () => {
    const { feed, connections, heard, settle, retry } = handMade();
    feed.open();
    feed.open();
    expect(connections).toHaveLength(1);
    expect(feed.hearing.value).toBe(0);
    connections[0]?.say(": welcome\n\nevent: bottleneck\nda");
    connections[0]?.say("ta: {}\n\n");
    await settle();
    expect(heard).toEqual(["bottleneck {}"]);
    expect(feed.hearing.value).toBe(1);
    connections[0]?.end();
    await settle();
    expect(feed.hearing.value).toBe(0);
    await retry();
    connections[1]?.say(": welcome\n\n");
    await settle();
    expect(feed.hearing.value).toBe(2);
  });

  it("waits longer each time that nobody answers, and is closed for good", async () => {
    const { feed, connections, settle, pauses, retry } = handMade();
    feed.open();
    const waited: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      connections.at(-1)?.end();
      await settle();
      waited.push(...pauses());
      await retry();
    }
    expect(waited).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    feed.close();
    feed.close();
    await settle();
    await retry();
    expect(connections).toHaveLength(8);
    feed.open();
    expect(connections).toHaveLength(9);
  });
});
