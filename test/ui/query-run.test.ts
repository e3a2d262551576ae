/** A query from Enter to its end: progress, cancel, a broken connection, a newer question. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../agent/kernel/index.ts";
import { ApiFailure, type StreamAsked } from "../../ui/src/api/client.ts";
import { EventReader, LiveEvents } from "../../ui/src/api/live-events.ts";
import { LineSplitter, MAX_LINE_CHARS } from "../../ui/src/api/stream-lines.ts";
import { QueryRun } from "../../ui/src/query/query-run.ts";

const h = (t: number) => ({ hlc: formatHlc((2 ** 49 + t) as Hlc), time: "" });
const START = { type: "start", query: 0, columns: ["v"], from: h(0), to: h(99), nodes: ["a"] };
const ROW = {
  ...{ type: "row", query: 0, n: 1, from: h(1), to: h(2), durationMs: 1, sinceStart: false },
  ...{ open: false, complete: true, incomplete: [], by: [], values: { v: 1 } },
};
const END = {
  ...{ type: "end", query: 0, status: "done", rows: 1, matches: 1, matchedMs: 1, unknownMs: 0 },
  ...{ undecided: 0, cuts: 2, searchedTo: h(99), complete: true, incomplete: [], elapsedMs: 1 },
};
const settle = () => new Promise<void>((done) => setImmediate(done));

/** A collector whose streams are moved by hand. */
function handMade() {
  const opened: {
    path: string;
    asked: StreamAsked;
    signal: AbortSignal;
    answer: () => void;
    refuse: (error: unknown) => void;
    send: (...lines: object[]) => Promise<void>;
    sendText: (text: string) => Promise<void>;
    end: () => Promise<void>;
    breakOff: () => Promise<void>;
    isLetGo: boolean;
  }[] = [];
  const client = {
    open: (path: string, asked: StreamAsked, signal: AbortSignal) =>
      new Promise<ReadableStream<Uint8Array>>((resolve, reject) => {
        let controller!: ReadableStreamDefaultController<Uint8Array>;
        const stream = new ReadableStream<Uint8Array>({
          start(made) {
            controller = made;
          },
          cancel() {
            one.isLetGo = true;
          },
        });
        // As fetch does: an abort breaks what is being read.
        signal.addEventListener("abort", () => {
          reject(signal.reason);
          controller.error(signal.reason);
        });
        const bytes = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        const one = {
          ...{ path, asked, signal, isLetGo: false },
          answer: () => resolve(stream),
          refuse: reject,
          send: async (...lines: object[]) => {
            bytes(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
            await settle();
          },
          sendText: async (text: string) => {
            bytes(text);
            await settle();
          },
          end: async () => {
            controller.close();
            await settle();
          },
          breakOff: async () => {
            controller.error(new TypeError("network error"));
            await settle();
          },
        };
        opened.push(one);
      }),
  };
  return { client, opened };
}

function aRun() {
  const { client, opened } = handMade();
  const run = new QueryRun({ nowMs: () => 0 }, client);
  const rows = () => run.result.value?.book.rowCount;
  const stream = (place: number) => opened[place] as (typeof opened)[number];
  return { run, rows, opened, stream };
}

describe("a query that runs", () => {
  it("shows rows as they come and ends with its end line", async () => {
    const { run, rows, stream } = aRun();
    run.ask({ text: "SELECT v FROM l", range: null });
    expect(stream(0).asked.body).toEqual({ rql: "SELECT v FROM l" });
    stream(0).answer();
    await settle();
    expect(run.phase.value).toBe("asking");
    await stream(0).send(START, ROW);
    expect([run.phase.value, rows()]).toEqual(["running", 1]);
    await stream(0).send(END);
    await stream(0).end();
    expect([run.phase.value, rows(), run.isRunning]).toEqual(["ended", 1, false]);
  });

  it("is cancelled at once: the connection is closed, the rows so far stay, later lines are nobody's", async () => {
    const { run, rows, stream } = aRun();
    run.ask({ text: "q", range: null });
    stream(0).answer();
    await settle();
    await stream(0).send(START, ROW);
    expect(run.cancel()).toBe(true);
    expect([stream(0).signal.aborted, run.phase.value, rows()]).toEqual([true, "cancelled", 1]);
    await settle();
    expect([run.phase.value, run.failure.value]).toEqual(["cancelled", null]);
    expect(run.cancel()).toBe(false);
  });

  it("gives way to a newer question, and shows the older answer until the newer has a line", async () => {
    const { run, rows, stream } = aRun();
    run.ask({ text: "one", range: null });
    stream(0).answer();
    await settle();
    await stream(0).send(START, ROW);
    run.ask({ text: "two", range: null });
    expect(stream(0).signal.aborted).toBe(true);
    expect([run.result.value?.asked.text, run.asked.value?.text, rows()]).toEqual([
      "one",
      "two",
      1,
    ]);
    stream(1).answer();
    await settle();
    await stream(1).send(START);
    expect([run.result.value?.asked.text, rows(), run.phase.value]).toEqual(["two", 0, "running"]);
  });

  it("says what was wrong: a refused text, a broken connection, an answer without an end", async () => {
    const { run, rows, stream } = aRun();
    run.ask({ text: "SELEC", range: null });
    const place = { query: 0, line: 1, column: 1, length: 5 };
    stream(0).refuse(new ApiFailure("syntax", 400, "expected SELECT", { place }));
    await settle();
    expect([run.phase.value, run.failure.value?.place]).toEqual(["failed", place]);

    run.ask({ text: "q", range: null });
    stream(1).answer();
    await settle();
    await stream(1).send(START, ROW);
    await stream(1).breakOff();
    expect([run.phase.value, run.failure.value?.code, rows()]).toEqual(["lost", "cut-short", 1]);

    run.ask({ text: "q", range: null });
    stream(2).answer();
    await settle();
    await stream(2).send(START);
    await stream(2).end();
    expect([run.phase.value, run.failure.value?.code]).toEqual(["lost", "cut-short"]);

    run.ask({ text: "q", range: null });
    stream(3).answer();
    await settle();
    await stream(3).sendText("no json\n");
    expect([run.phase.value, run.failure.value?.code]).toEqual(["failed", "bad-answer"]);
    expect(stream(3).signal.aborted).toBe(true);
  });
});

describe("a stream of lines", () => {
  it("is the same however it is cut into pieces, and refuses a line without an end", () => {
    const lines = fc.array(
      fc.string({ maxLength: 12 }).map((line) => line.replaceAll(/[\r\n]/g, "")),
    );
    fc.assert(
      fc.property(
        lines,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (all, sizes) => {
          const text = all.map((line) => `${line}\n`).join("");
          const splitter = new LineSplitter();
          const read: string[] = [];
          for (let at = 0, turn = 0; at < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] as number;
            read.push(...splitter.take(text.slice(at, at + size)));
            at += size;
          }
          expect([read, splitter.rest]).toEqual([all, ""]);
        },
      ),
    );
    expect(() => new LineSplitter().take("x".repeat(MAX_LINE_CHARS + 1))).toThrow(ApiFailure);
  });

  it("of server-sent events: names, ids, data of several lines, comments, and what is no JSON", () => {
    const reader = new EventReader();
    const text =
      ': hi\n\nid: r-1\nevent: alert\ndata: {"a":\ndata: 1}\n\ndata: no\n\nevent: x\n\ndata:2\n\n';
    const events = text.split("\n").flatMap((line) => reader.take(line) ?? []);
    expect(events).toEqual([
      { name: "alert", data: { a: 1 } },
      { name: "message", data: 2 },
    ]);
    expect(reader.lastId).toBe("r-1");
  });
});

describe("live events", () => {
  it("are taken up again where they ended, later and later, and let go while nobody looks", async () => {
    const { client, opened } = handMade();
    const timers: { ms: number; run: () => void; isOff: boolean }[] = [];
    let show: (isShown: boolean) => void = () => {};
    const host = {
      after(ms: number, run: () => void) {
        const timer = { ms, run, isOff: false };
        timers.push(timer);
        return () => {
          timer.isOff = true;
        };
      },
      onShown(run: (isShown: boolean) => void) {
        show = run;
        run(true);
      },
    };
    const live = new LiveEvents(host, client);
    const heard: unknown[] = [];
    live.onEvent(({ data }) => heard.push(data));
    live.start();
    live.start();
    expect(opened).toHaveLength(1);
    opened[0]?.answer();
    await settle();
    expect(live.isConnected.value).toBe(true);
    await opened[0]?.sendText("id: r-7\nevent: alert\ndata: 1\n\n");
    await opened[0]?.breakOff();
    expect([heard, live.isConnected.value]).toEqual([[1], false]);

    const next = () => timers.filter(({ isOff }) => !isOff).at(-1);
    expect(next()?.ms).toBe(1_000);
    next()?.run();
    expect(opened[1]?.asked.lastEventId).toBe("r-7");
    opened[1]?.refuse(new ApiFailure("overloaded", 503, ""));
    await settle();
    expect(next()?.ms).toBe(2_000);

    next()?.run();
    opened[2]?.answer();
    await settle();
    show(false);
    expect([opened[2]?.signal.aborted, live.isConnected.value]).toEqual([true, false]);
    await settle();
    expect(opened).toHaveLength(3);
    show(true);
    expect(opened).toHaveLength(4);
  });
});
