import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../../agent/kernel/index.ts";
import { choiceOf } from "./choice.ts";
import { GrowingColumns, readColumns, writeColumns } from "./columns-file.ts";
import { EventParser } from "./live-listener.ts";
import { injectInside, type Target } from "./processes/injectors.ts";
import { monotonicMs } from "./processes/monotonic.ts";
import { Gate, Slots } from "./processes/slots.ts";
import { ticksOfHlc } from "./questions.ts";
import { readRecording, writeRecording } from "./recording-files.ts";
import { countBelow, countUpTo } from "./sorted.ts";
import { syntheticRecording } from "./synthetic.ts";
import { collectionsIn } from "./v8-trace.ts";

function inDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "vsb-test-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("a recording", () => {
  it("comes back from its files as it was", () => {
    const blocks = [{ tier: "store", startMs: 12_000, endMs: 12_200 }] as const;
    const recording = syntheticRecording({ blocks, totalMs: 15_000, cleanMs: 1_000 });
    const back = inDirectory((directory) => {
      writeRecording(directory, recording);
      return readRecording(directory);
    });
    expect(back).toEqual(recording);
  });

  it("keeps that a collector did not answer apart from its answering nothing", () => {
    const silent = {
      ...syntheticRecording({ totalMs: 11_000, cleanMs: 500 }),
      episodes: undefined,
    };
    const back = inDirectory((directory) => {
      writeRecording(directory, silent);
      return readRecording(directory);
    });
    expect(back.episodes).toBeUndefined();
  });

  it("refuses columns of another number, and files that are cut short", () => {
    inDirectory((directory) => {
      const path = join(directory, "a.f64");
      writeColumns(path, [Float64Array.of(1, 2), Float64Array.of(3, 4)]);
      expect(readColumns(path, 2)).toEqual([Float64Array.of(1, 2), Float64Array.of(3, 4)]);
      expect(() => readColumns(path, 3)).toThrow(/2 columns/);
    });
  });

  it("notes rows in columns that grow", () => {
    const columns = new GrowingColumns(2, 2);
    for (let i = 0; i < 5; i += 1) columns.push(i, i * 10);
    expect(columns.all()).toEqual([
      Float64Array.of(0, 1, 2, 3, 4),
      Float64Array.of(0, 10, 20, 30, 40),
    ]);
  });
});

describe("what others print is read:", () => {
  it("V8's trace, of the main thread alone", () => {
    const text = [
      "[77:0x5581c0]       24 ms: Scavenge 3.9 (5.1) -> 3.4 (6.1) MB, 0.6 / 0.0 ms  (average mu = 1.000)",
      "[77:0x7f0000]       30 ms: Scavenge 1.0 (2.0) -> 0.9 (2.0) MB, 0.3 / 0.0 ms  (average mu = 1.000)",
      "something else",
      "[77:0x5581c0]      123 ms: Mark-Compact (reduce) 9.3 (14.0) -> 2.2 (4.0) MB, 51.15 / 0.00 ms  (average",
    ].join("\n");
    expect(collectionsIn(text, "store", 1_000)).toEqual([
      { tier: "store", atMs: 1_024, ms: 0.6, kind: "scavenge" },
      { tier: "store", atMs: 1_123, ms: 51.15, kind: "mark-compact" },
    ]);
  });

  it("server-sent events, wherever the pieces end", () => {
    const text =
      'id: a-1\nevent: bottleneck\ndata: {"id":\ndata: 1}\n\n: still here\n\nevent: nodes\ndata: {}\n\n';
    for (let cut = 0; cut <= text.length; cut += 1) {
      const seen: string[] = [];
      const parser = new EventParser((name, data) => seen.push(`${name} ${data}`));
      parser.take(text.slice(0, cut));
      parser.take(text.slice(cut));
      expect(seen).toEqual(['bottleneck {"id":\n1}', "nodes {}"]);
    }
  });

  it("timestamps, as the product writes them", () => {
    for (const t of [0, 4_095, 4_096, 772_123_456_789_012]) {
      expect(ticksOfHlc(formatHlc(t as Hlc))).toBe(t);
    }
  });

  it("the value at a moment, out of a journal of changes", () => {
    const journal = Float64Array.of(10, 20, 20, 30);
    expect([9, 10, 20, 29, 30, 99].map((t) => countUpTo(journal, t))).toEqual([0, 1, 3, 3, 4, 4]);
    expect([9, 10, 20, 29, 30, 99].map((t) => countBelow(journal, t))).toEqual([0, 0, 1, 3, 3, 4]);
  });
});

describe("an injector", () => {
  const target = (directory: string): Target => ({
    ...{ gate: new Gate(), pool: new Slots(3), lock: new Slots(1), directory },
    stepClock: () => undefined,
  });

  it.each(["loop-block", "gc", "gc-storm", "sync-io", "async-io", "libuv-pool"] as const)(
    "%s lasts as long as asked, and says when it was",
    async (fault) => {
      const directory = mkdtempSync(join(tmpdir(), "vsb-test-"));
      try {
        const before = monotonicMs();
        const { startMs, endMs } = await injectInside(fault, 20, target(directory));
        expect(startMs).toBeGreaterThanOrEqual(before);
        expect(endMs - startMs).toBeGreaterThanOrEqual(20);
        expect(endMs).toBeLessThanOrEqual(monotonicMs());
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );

  it("holds all of a pool, and lets go of it", async () => {
    const held = target(tmpdir());
    const injected = injectInside("pool", 20, held);
    await Promise.resolve();
    const release = await held.pool.take(); // had to wait until it was over
    expect((await injected).endMs).toBeLessThanOrEqual(monotonicMs());
    release();
  });

  it("closes the gate while a handler is slow", async () => {
    const slow = target(tmpdir());
    const injected = injectInside("slow-handler", 20, slow);
    const { wait } = slow.gate;
    expect(wait).toBeDefined();
    await wait;
    await injected;
    expect(slow.gate.wait).toBeUndefined();
  });

  it("steps a clock there and back again", async () => {
    const steps: number[] = [];
    const stepClock = (byMs: number): number => steps.push(byMs);
    await injectInside("clock-step", 20, { ...target(tmpdir()), stepClock });
    expect(steps).toEqual([20, -20]);
  });
});

describe("the command line", () => {
  it("has the CI size and seed 7 unless told otherwise", () => {
    expect(choiceOf([])).toMatchObject({ seed: 7, size: "ci", only: [], replay: [] });
    expect(choiceOf(["--long", "--only", "gc,freeze", "--seconds", "90"])).toMatchObject({
      ...{ size: "long", only: ["gc", "freeze"], seconds: 90 },
    });
  });

  it.each([[["--seed", "x"]], [["--smoke", "--long"]], [["--fast"]]])("refuses %s", (args) => {
    expect(() => choiceOf(args)).toThrow();
  });
});
