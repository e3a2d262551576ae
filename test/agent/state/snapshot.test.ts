import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalText,
  decodeBatch,
  encodeBatch,
  formatHlc,
  type Hlc,
  HlcClock,
  type Json,
  RetroError,
} from "../../../agent/kernel/index.ts";
import { BatchPress } from "../../../agent/shipping/batch-press.ts";
import { EventFeed } from "../../../agent/state/event-feed.ts";
import { EventWindow } from "../../../agent/state/event-window.ts";
import { Guard } from "../../../agent/state/guard.ts";
import { Recording } from "../../../agent/state/recording.ts";
import { Snapshots } from "../../../agent/state/snapshot.ts";
import { StateLog } from "../../../agent/state/state-log.ts";
import { Variable } from "../../../agent/state/variable.ts";
import { VariableTable } from "../../../agent/state/variable-table.ts";
import type { LogStates } from "../../../agent/state/view.ts";
import { ManualClock } from "../../../agent/testing.ts";
import { EpochReplay } from "../../support/replay.ts";

const IDENTITY = { node: "n1", epoch: 7, service: "s", tags: {}, instance: "i" };

function build({ windowBytes = 4 * 1024 * 1024, windowMs = 60_000 } = {}) {
  const physical = new ManualClock("2026-11-21T16:00:00Z");
  const clock = new HlcClock(physical);
  const guard = new Guard(() => undefined);
  const window = new EventWindow(
    { maxBytes: windowBytes, maxAgeTicks: windowMs * 4096 },
    clock.now(),
  );
  const recording = new Recording(clock, window, new VariableTable(), guard);
  const feed = new EventFeed(recording, IDENTITY);
  window.holdFrom = 0;
  const snapshots = new Snapshots(recording, () => "n1");
  const log = (name: string) => new StateLog(recording, recording.table.log(name));
  return { physical, clock, guard, window, recording, feed, snapshots, log };
}

type Op =
  | { do: "set"; log: string; key: string; value: unknown }
  | { do: "delete"; log: string; key: string }
  | { do: "add" | "remove"; log: string; key: string; value: unknown }
  | { do: "commit"; log: string; ops: { kind: string; key: string; value: unknown }[] }
  | { do: "advance"; ms: number }
  | { do: "keyframes" };

const logName = fc.constantFrom("a", "b", "__proto__");
const key = fc.constantFrom("x", "y", "z", "constructor", "__proto__");
const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<unknown>(null, true, false, "", "text", new Set([1, "1"]), new Set()),
  fc.jsonValue({ maxDepth: 3 }),
);
const member = fc.constantFrom<unknown>(1, 2, "1", null, [1], { b: 1, a: 2 }, { a: 2, b: 1 });
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("set" as const), log: logName, key, value }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), log: logName, key }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("add" as const, "remove" as const),
      log: logName,
      key,
      value: member,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      log: logName,
      ops: fc.array(
        fc.record({ kind: fc.constantFrom("set", "delete", "add", "remove"), key, value: member }),
        { maxLength: 5 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("keyframes" as const) }) },
);

function run(parts: ReturnType<typeof build>, one: Op): void {
  switch (one.do) {
    case "set":
      parts.log(one.log).set(one.key, one.value);
      return;
    case "delete":
      parts.log(one.log).delete(one.key);
      return;
    case "add":
      parts.log(one.log).add(one.key, one.value);
      return;
    case "remove":
      parts.log(one.log).remove(one.key, one.value);
      return;
    case "commit":
      parts.log(one.log).commit((tx) => {
        for (const { kind, key: name, value: given } of one.ops) {
          if (kind === "set") tx.set(name, given);
          else if (kind === "delete") tx.delete(name);
          else if (kind === "add") tx.add(name, given);
          else tx.remove(name, given);
        }
      });
      return;
    case "advance":
      parts.physical.advanceMs(one.ms);
      return;
    default:
      parts.feed.askKeyframes(null);
      parts.feed.addKeyframes();
  }
}

/** Everything recorded, through the wire, replayed from the first event. */
function replayOf(parts: ReturnType<typeof build>): EpochReplay {
  const replay = new EpochReplay();
  const press = new BatchPress();
  for (let cut = parts.feed.cut(); cut !== null; cut = parts.feed.cut()) {
    replay.take(decodeBatch(press.press(cut, cut.lost, null).bytes));
  }
  return replay;
}

describe("a snapshot of the past", () => {
  it("equals the replay of all events from the beginning, at every time", () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 80 }), (ops) => {
        const parts = build();
        for (const one of ops) run(parts, one);
        const stamps: Hlc[] = [];
        const replay = replayOf(parts);
        for (const event of replay.events.values()) stamps.push(event.t);
        for (const t of stamps) {
          const seqs = [...replay.events.values()].filter((e) => e.t <= t).map((e) => e.seq);
          const expected = replay.stateAt(Math.max(...seqs)).logs;
          expect(parts.snapshots.take(t).logs).toEqual(expected);
        }
        expect(parts.snapshots.take().logs).toEqual(replay.stateAt(replay.contiguousSeq).logs);
      }),
      { numRuns: 200 },
    );
  });

  it("is what a rolling view shows, wherever it was moved from, and the changes lead there", () => {
    fc.assert(
      fc.property(
        fc.array(op, { minLength: 2, maxLength: 60 }),
        fc.array(fc.nat(1_000), { minLength: 1, maxLength: 8 }),
        fc.array(op, { maxLength: 10 }),
        (ops, moves, later) => {
          const parts = build();
          for (const one of ops) run(parts, one);
          const first = parts.window.earliestT;
          const view = parts.snapshots.rolling(first);
          const pick = (permille: number) => {
            const last = parts.clock.last;
            return Math.round(first + ((last - first) * permille) / 1_000) as Hlc;
          };
          moves.forEach((permille, i) => {
            const before = flat(parts.snapshots.take(view.at).logs);
            if (i === 1) for (const one of later) run(parts, one);
            view.moveTo(pick(permille));
            const after = flat(parts.snapshots.take(view.at).logs);
            expect(flat(view.logs)).toEqual(after);
            for (const change of view.changes) {
              const name = JSON.stringify([change.log, change.key]);
              expect(textOf(change.before)).toBe(before.get(name));
              if (change.after === undefined) before.delete(name);
              else before.set(name, canonicalText(change.after));
            }
            expect(before).toEqual(after);
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it("still holds when old variables were forgotten and their numbers given to others", () => {
    const parts = build({ windowMs: 1_000 });
    const sessions = parts.log("sessions");
    for (let i = 0; i < 500; i += 1) {
      sessions.set(`s${i}`, i);
      if (i >= 5) sessions.delete(`s${i - 5}`);
      parts.physical.advanceMs(100);
      replayOf(parts); // ships, so that the window may let go
      if (i % 10 === 0) parts.snapshots.take();
    }
    expect(parts.recording.table.size).toBeLessThan(60);
    const past = parts.snapshots.take("-500ms").logs["sessions"];
    expect(Object.keys(past ?? {})).toHaveLength(5);
  });

  it("before the window is an error that names the earliest time there is", () => {
    const parts = build({ windowMs: 1_000 });
    const log = parts.log("l");
    const t = log.set("k", 1);
    replayOf(parts);
    parts.physical.advanceMs(5_000);
    log.set("k", 2);
    let error: unknown;
    try {
      parts.snapshots.take("-4s");
      parts.snapshots.take((t - 1) as Hlc);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RetroError);
    const { code, details } = error as RetroError;
    expect(code).toBe("outside-window");
    const earliest = details?.["earliest"] as Hlc;
    expect(parts.snapshots.take(formatHlc(earliest)).logs).toBeDefined();
    expect(() => parts.snapshots.take((earliest - 1) as Hlc)).toThrow(/begins at/);
  });

  it("of a time to come is refused, and of now is closed: no later event is inside", () => {
    const parts = build();
    expect(() => parts.snapshots.take("+1s")).toThrow(/not come yet/);
    const { at } = parts.snapshots.take();
    expect(parts.log("l").set("k", 1)).toBeGreaterThan(at);
  });

  it("is a copy, so that changing it changes no history", () => {
    const parts = build();
    const given = { list: [1] };
    parts.log("l").set("k", given);
    given.list.push(2);
    const snapshot = parts.snapshots.take();
    const shown = snapshot.logs["l"]?.["k"] as { list: number[] } | undefined;
    expect(shown?.list.push(3)).toBe(2);
    expect(parts.snapshots.take().logs["l"]?.["k"]).toEqual({ list: [1] });
  });
});

describe("a commit", () => {
  it("has one stamp, and nothing of it stays when its function throws", () => {
    const parts = build();
    const log = parts.log("l");
    const t = log.commit((tx) => {
      tx.set("a", 1);
      tx.add("s", "m");
      tx.delete("a");
    });
    const replay = replayOf(parts);
    const inside = [...replay.events.values()].filter((event) => event.t === t);
    expect(inside.map((event) => event.kind)).toEqual(["set", "add", "delete"]);
    expect(() =>
      log.commit((tx) => {
        tx.set("a", 2);
        throw new Error("the host's own");
      }),
    ).toThrow("the host's own");
    expect(parts.snapshots.take().logs["l"]).toEqual({ s: { $set: ["m"] } });
  });

  it("is never split over two batches, however large", () => {
    const parts = build();
    for (let i = 0; i < 5; i += 1) {
      parts.log("l").commit((tx) => {
        for (let j = 0; j < 3_000; j += 1) tx.set(`k${j % 50}`, j);
      });
    }
    const press = new BatchPress();
    let lastT = 0;
    let batches = 0;
    for (let cut = parts.feed.cut(); cut !== null; cut = parts.feed.cut()) {
      const { header } = decodeBatch(press.press(cut, [], null).bytes);
      expect(header.firstT).toBeGreaterThan(lastT);
      expect(header.closed).toBeGreaterThanOrEqual(header.lastT);
      lastT = header.closed;
      batches += 1;
    }
    expect(batches).toBeGreaterThan(2);
  });
});

describe("a handle", () => {
  it("gives the value back, and a stamp that rises", () => {
    const parts = build();
    const record = parts.recording.table.log("election");
    const leader = Variable.of(parts.recording, record, "leader");
    expect(leader.value).toBeUndefined();
    const first = leader.set("n1");
    expect(leader.set(2)).toBeGreaterThan(first);
    expect(leader.value).toBe(2);
    leader.set(-0);
    expect(Object.is(leader.value, 0)).toBe(true);
    leader.delete();
    expect(leader.value).toBeUndefined();
  });

  it("shares stamps in a flood rather than run away from physical time", () => {
    const parts = build();
    const record = parts.recording.table.log("l");
    const handle = Variable.of(parts.recording, record, "k");
    const quarter = 60_000 / 4;
    parts.clock.raiseTo((parts.clock.last + (quarter + 1) * 4096) as Hlc);
    const stamps = new Set<number>();
    for (let i = 0; i < 20_000; i += 1) stamps.add(handle.set(i));
    expect(stamps.size).toBeLessThan(10);
    const replay = replayOf(parts);
    expect(replay.contiguousSeq).toBe(20_001);
  });
});

it("turns off after five errors of its own, and stays quiet then", () => {
  const parts = build();
  const log = parts.log("l");
  log.set("k", 1);
  parts.physical.now = () => {
    throw new Error("a broken clock");
  };
  for (let i = 0; i < 10; i += 1) expect(() => log.set("k", i)).not.toThrow();
  expect(parts.guard.isOff).toBe(true);
  expect(parts.guard.errorCount).toBe(5);
  expect(parts.guard.offReason).toContain("broken clock");
});

it("encodes what it recorded", () => {
  const parts = build();
  parts.log("l").set("k", new Set(["b", "a"]));
  const cut = parts.feed.cut();
  if (cut === null) throw new Error("nothing was cut");
  const batch = decodeBatch(new BatchPress().press(cut, [], null).bytes);
  expect(decodeBatch(encodeBatch(batch)).header).toEqual(batch.header);
});

/** `[log, key]` to the value's text, whatever the names are. */
function flat(logs: LogStates): Map<string, string> {
  return new Map(
    Object.entries(logs).flatMap(([log, state]) =>
      Object.entries(state).map(([name, held]) => [
        JSON.stringify([log, name]),
        canonicalText(held),
      ]),
    ),
  );
}

function textOf(held: Json | undefined): string | undefined {
  return held === undefined ? undefined : canonicalText(held);
}
