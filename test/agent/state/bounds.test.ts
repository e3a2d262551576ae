/** What an agent holds on to, and what it hands over at once, whatever the service does. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventLineFields, formatHlc, type Hlc, WIRE_LIMITS } from "../../../agent/kernel/index.ts";
import { STATE_LIMITS } from "../../../agent/state/limits.ts";
import { TrackedMap } from "../../../agent/state/tracked-map.ts";
import { Variable } from "../../../agent/state/variable.ts";
import { FURTHER_LOGS } from "../../../agent/state/variable-table.ts";
import { type RecordingParts, recordingParts } from "../../support/recording-parts.ts";
import { EpochReplay } from "../../support/replay.ts";

function replayOf(parts: RecordingParts): EpochReplay {
  const replay = new EpochReplay();
  for (const batch of parts.ship()) replay.take(batch);
  return replay;
}

describe("variables that come and go", () => {
  it("are held once, however often one does, and chunks stay within the window", () => {
    const parts = recordingParts({ windowBytes: 64 * 1024, isShipped: false });
    const log = parts.log("x");
    for (let i = 0; i < 200_000; i += 1) {
      log.set("k", i);
      log.delete("k");
    }
    expect(parts.table.deletedCount).toBe(1);
    expect(parts.table.size).toBe(1);
    expect(parts.window.chunkCount).toBeLessThanOrEqual(40);
    expect(parts.window.bytes).toBeLessThanOrEqual(64 * 1024 * 1.1);
  });

  it("need no snapshot to be forgotten: a tick does it", () => {
    const parts = recordingParts({ windowMs: 1_000 });
    const log = parts.log("sessions");
    for (let i = 0; i < 5_000; i += 1) {
      log.set(`s${i}`, { at: i });
      log.delete(`s${i}`);
      parts.physical.advanceMs(10);
      if (i % 5 === 0) {
        parts.ship();
        parts.feed.tidy();
      }
    }
    expect(parts.table.size).toBeLessThan(250);
    expect(parts.window.nextIndex - parts.window.firstIndex).toBeLessThan(250);
    parts.ship();
    parts.physical.advanceMs(2_000);
    parts.feed.tidy(); // idle: physical time alone makes the window let go
    expect(parts.window.nextIndex).toBe(parts.window.firstIndex);
    expect(parts.table.deletedCount).toBe(0);
  });

  it("stay recordable, a million of them and not a tick between", () => {
    const parts = recordingParts({ isShipped: false });
    const log = parts.log("sessions");
    log.set("alive", 0);
    for (let i = 0; i < 1_000_000; i += 1) {
      log.set(`s${i}`, i);
      log.delete(`s${i}`);
    }
    log.set("last", 1);
    expect(parts.recording.shedCount).toBe(0);
    expect(parts.table.size).toBeLessThanOrEqual(STATE_LIMITS.variables);
    expect(parts.snapshots.take().logs).toEqual({ sessions: { alive: 0, last: 1 } });
  }, 30_000);

  it("make the window shorter before anything is shed, and the past it keeps is still exact", () => {
    const parts = recordingParts({ windowBytes: 64 * 1024 * 1024 });
    const log = parts.log("sessions");
    const perRound = 40_000;
    const history: [Hlc, string][] = [];
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < perRound; i += 1) {
        const t = log.set(`${round}/${i}`, i);
        if (i === 7) history.push([t, `${round}/${i}`]);
        if (i !== 7) log.delete(`${round}/${i}`);
      }
      parts.ship();
      parts.physical.advanceMs(50);
    }
    expect(parts.recording.shedCount).toBe(0);
    const { earliestT } = parts.window;
    const known = history.filter(([t]) => t >= earliestT);
    expect(known.length).toBeGreaterThan(2);
    for (const [t, key] of known) {
      const before = parts.snapshots.take(formatHlc(t)).logs["sessions"] ?? {};
      expect(Object.keys(before).sort()).toEqual(
        history
          .filter(([other]) => other <= t)
          .map(([, name]) => name)
          .sort(),
      );
      expect(before[key]).toBe(7);
    }
  }, 30_000);

  it("that had no room are shed, and a log that misses one is not called full until it is known", () => {
    const parts = recordingParts();
    const { table } = parts;
    const log = parts.log("l");
    for (let i = 0; i < STATE_LIMITS.variables; i += 1) table.idOf(table.log("other"), `k${i}`);
    log.set("a", 1);
    log.set("gone", 1);
    log.delete("gone");
    expect(parts.recording.shedCount).toBe(3);
    parts.feed.askKeyframes(null);
    parts.feed.addKeyframes();
    let replay = replayOf(parts);
    expect([...replay.events.values()].some((e) => e.kind === "keyframe" && e.log === "l")).toBe(
      false,
    );
    expect(replay.lost.some((range) => range.logs?.includes("l"))).toBe(true);

    const other = parts.log("other");
    for (let i = 0; i < 10; i += 1) other.delete(`k${i}`);
    parts.ship();
    log.add("a", "member"); // of a set nobody knows: shed too
    expect(parts.recording.shedCount).toBe(4);
    log.set("a", 2);
    parts.feed.addKeyframes();
    replay = new EpochReplay();
    for (const batch of parts.ship()) replay.take(batch);
    const frame = [...replay.events.values()].find((e) => e.kind === "keyframe" && e.log === "l");
    expect(frame).toMatchObject({ state: new Map([["a", 2]]) });
  }, 30_000);

  it("of a log that fits into no keyframe are lost where a new epoch begins, not absent", () => {
    const parts = recordingParts();
    const log = parts.log("docs");
    for (let i = 0; i < 400; i += 1) log.set(`d${i}`, "x".repeat(8_000));
    parts.log("small").set("k", 1);
    parts.ship();
    const identity = { node: "n1", epoch: 8, service: "s", tags: {}, instance: "i" };
    parts.feed.openEpoch(identity);
    const batches = parts.ship();
    expect(batches[0]?.header.epoch).toBe(8);
    expect(batches.flatMap(({ header }) => header.dropped.map(({ logs }) => logs))).toEqual([
      ["docs"],
    ]);
  });
});

describe("names of logs", () => {
  it("are known up to a limit; what is recorded beyond is shed, counted and declared", () => {
    const parts = recordingParts();
    const { table } = parts;
    for (let i = 0; i < 5_000; i += 1) parts.log(`user-${i}`).set("k", i);
    expect(table.logs.length).toBe(STATE_LIMITS.logs + 1);
    expect(table.log("user-4999").isKnown).toBe(false);
    expect(table.log("user-3").isKnown).toBe(true);
    expect(parts.recording.shedCount).toBe(5_000 - STATE_LIMITS.logs);
    parts.feed.askKeyframes(null);
    parts.feed.addKeyframes();
    const replay = replayOf(parts);
    expect(replay.lost.map(({ logs }) => logs)).toEqual([[FURTHER_LOGS]]);
    expect(replay.contiguousSeq).toBe(parts.feed.recordedCount);
    const { variables } = STATE_LIMITS;
    expect(table.size).toBeLessThan(variables);
  });

  it("are not kept while the agent is off, nor are variables", () => {
    const parts = recordingParts();
    parts.guard.turnOff("a test");
    for (let i = 0; i < 1_000; i += 1) parts.log(`user-${i}`).set("k", i);
    const record = parts.table.log("election");
    const handle = Variable.of(parts.recording, record, "leader");
    handle.set("n1");
    expect(handle.value).toBe("n1");
    expect(parts.table.logs).toEqual([]);
    expect(parts.table.size).toBe(0);
  });
});

it("clears a map that was too large by what was known of it", () => {
  const parts = recordingParts();
  const { recording, table } = parts;
  const room = 5;
  for (let i = 0; i < STATE_LIMITS.variables - room; i += 1)
    table.idOf(table.log("other"), `k${i}`);
  const map = new TrackedMap<string, number>(parts.log("m"), recording, table.log("m"));
  for (let i = 0; i < 10_000; i += 1) map.set(`m${i}`, i);
  expect(recording.shedCount).toBe(10_000 - room);
  const shedNames = STATE_LIMITS.missingKeys;
  const before = parts.window.nextIndex;
  map.clear();
  expect(map.size).toBe(0);
  expect(parts.window.nextIndex - before).toBe(room + shedNames); // not each of 10,000 again
  expect(parts.snapshots.take().logs["m"]).toBeUndefined();
});

describe("the memory of a window", () => {
  const shapes: ReadonlyArray<readonly [what: string, make: (i: number) => unknown]> = [
    ["small objects", (i) => ({ a: i })],
    ["lists of empty objects", () => Array.from({ length: 500 }, () => ({}))],
    ["lists of small objects", (i) => Array.from({ length: 400 }, (_, j) => ({ a: i + j }))],
    ["nested lists", (i) => Array.from({ length: 300 }, (_, j) => [[i + j]])],
    ["objects whose keys come once", (i) => Object.fromEntries([..."abcd"].map((k) => [k + i, i]))],
  ];
  it.each(shapes)("is what it says, or little more: %s", (_what, make) => {
    const windowBytes = 8 * 1024 * 1024;
    collectGarbage();
    const before = memory();
    const parts = recordingParts({ windowBytes });
    const log = parts.log("l");
    for (let i = 0; parts.window.firstIndex < 100; i += 1) log.set("k", make(i));
    collectGarbage();
    expect(memory() - before).toBeLessThan(1.6 * windowBytes); // was 5.5 times as much
    expect(parts.window.bytes).toBeLessThan(1.2 * windowBytes);
  });
});

describe("what shares a stamp", () => {
  /** As after the merge of a stamp 20 s ahead: changes share stamps until physical time has caught up. */
  function ahead(): RecordingParts {
    const parts = recordingParts({ windowBytes: 64 * 1024 * 1024 });
    parts.clock.raiseTo((parts.clock.last + 20_000 * 4096) as Hlc);
    return parts;
  }

  it.each([
    [
      "large values",
      (parts: RecordingParts, i: number) => parts.log("docs").set(`d${i}`, "x".repeat(8_000) + i),
    ],
    [
      "commits",
      (parts: RecordingParts, i: number) =>
        parts.log("docs").commit((tx) => {
          for (let j = 0; j < 100; j += 1) tx.set(`k${j}`, i * 100 + j);
        }),
    ],
    [
      "large commits and small changes",
      (parts: RecordingParts, i: number) =>
        i % 40 === 0
          ? parts.log("docs").commit((tx) => {
              for (let j = 0; j < 4_000; j += 1) tx.set(`k${j}`, i + j);
            })
          : parts.log("docs").set(`${"漢".repeat(80)}${i}`, i),
    ],
    [
      "long names",
      (parts: RecordingParts, i: number) => parts.log("docs").set("k".repeat(200) + i, i),
    ],
  ] as const)("fits into a batch: %s", (_what, record) => {
    const parts = ahead();
    for (let i = 0; i < 800; i += 1) record(parts, i);
    const replay = new EpochReplay();
    const stamps = new Map<number, number>();
    for (const batch of parts.ship()) {
      replay.take(batch);
      expect(batch.events.count).toBeLessThanOrEqual(2 * STATE_LIMITS.commitChanges);
    }
    for (const { t } of replay.events.values()) stamps.set(t, (stamps.get(t) ?? 0) + 1);
    expect(Math.max(...stamps.values())).toBeLessThanOrEqual(STATE_LIMITS.commitChanges);
    expect(Math.max(...stamps.values())).toBeGreaterThan(50); // they do share
    expect(replay.contiguousSeq).toBe(parts.feed.recordedCount);
  });

  it("fits whatever is mixed, and keeps its order", () => {
    const one = fc.record({
      count: fc.integer({ min: 1, max: 1_500 }),
      width: fc.constantFrom(0, 10, 1_000, 8_000),
      key: fc.constantFrom("k", "漢".repeat(80)),
      isCommit: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), (steps) => {
        const parts = ahead();
        const log = parts.log("l");
        for (const { count, width, key, isCommit } of steps) {
          const value = (i: number) => (width === 0 ? i : "é".repeat(width / 2) + i);
          if (isCommit) {
            log.commit((tx) => {
              for (let i = 0; i < count; i += 1) tx.set(key + i, value(i));
            });
          } else for (let i = 0; i < Math.min(count, 300); i += 1) log.set(key + i, value(i));
        }
        let bytes = 0;
        for (const { header, events } of parts.ship()) {
          expect(events.count).toBeLessThanOrEqual(WIRE_LIMITS.events);
          bytes += header.lastSeq;
        }
        expect(bytes).toBeGreaterThan(0);
        expect(parts.guard.errorCount).toBe(0);
      }),
      { numRuns: 15 },
    );
  }, 30_000);
});

describe("a commit too large for one batch", () => {
  it("has several stamps, and is counted", () => {
    const parts = recordingParts();
    parts.log("l").commit((tx) => {
      for (let i = 0; i < 10_000; i += 1) tx.set(`k${i}`, i);
    });
    expect(parts.recording.partedCommitCount).toBe(1);
    const stamps = new Set([...replayOf(parts).events.values()].map(({ t }) => t));
    expect(stamps.size).toBe(4); // the join's, and three
  });

  it("is held back only up to a limit: past it, a throw takes back the rest alone", () => {
    const parts = recordingParts({ windowBytes: 64 * 1024 * 1024 });
    expect(() =>
      parts.log("l").commit((tx) => {
        for (let i = 0; i < STATE_LIMITS.commitPlanned + 10; i += 1) tx.set(`k${i}`, i);
        throw new Error("the host's own");
      }),
    ).toThrow("the host's own");
    expect(parts.table.size).toBe(STATE_LIMITS.commitPlanned);
  });
});

it.each([
  ["values", 750, (i: number) => [`a${i}`, "漢".repeat(2_400) + i] as const],
  ["names", 10_000, (i: number) => ["漢".repeat(80) + i, 1] as const],
] as const)(
  "skips a keyframe by its bytes of UTF-8, so that it can be encoded: %s",
  (_what, count, make) => {
    const parts = recordingParts({ windowBytes: 64 * 1024 * 1024 });
    const log = parts.log("articles");
    for (let i = 0; i < count; i += 1) {
      const [key, value] = make(i);
      log.set(key, value);
    }
    parts.ship();
    parts.feed.addKeyframes();
    expect(parts.feed.skippedKeyframeCount).toBe(1);
    expect(parts.ship()).toEqual([]);
  },
);

it("marks a value cut short on its event, as event lines and /api/events give it", () => {
  const parts = recordingParts();
  parts.log("l").set("long", "x".repeat(300_000));
  parts.log("l").set("whole", "x");
  const place = { node: "n1", epoch: 7, seq: 1 };
  const lines = [...replayOf(parts).events.values()].map((event) => eventLineFields(event, place));
  expect(lines.filter((line) => line["cutShort"] === true).map((line) => line["key"])).toEqual([
    "long",
  ]);
});

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
