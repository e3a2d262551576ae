import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalText, type Hlc, type Json, RetroError } from "../../../agent/kernel/index.ts";
import type { WindowEvent } from "../../../agent/state/questions.ts";
import type { StateChange } from "../../../agent/state/state-diff.ts";
import { recordingParts } from "../../support/recording-parts.ts";

/** What a test did, kept beside the window: the slow and obvious twin. */
interface Done {
  readonly t: Hlc;
  readonly log: string;
  readonly key: string;
  readonly kind: "set" | "delete" | "add" | "remove";
  readonly value: Json;
}

const LOGS = ["a", "b"];
const KEYS = ["x", "y", "z", "s1", "s2"];
const op = fc.record({
  kind: fc.constantFrom("set", "set", "delete", "add", "remove", "commit", "advance", "ship"),
  log: fc.constantFrom(...LOGS),
  key: fc.constantFrom(...KEYS),
  value: fc.constantFrom<Json>(1, 2, "t", null, true, [1], { a: 1 }),
  ms: fc.nat(300),
});

function play(ops: readonly (typeof op extends fc.Arbitrary<infer T> ? T : never)[]) {
  const parts = recordingParts({ windowMs: 1_000 });
  const done: Done[] = [];
  for (const { kind, log, key, value, ms } of ops) {
    const target = parts.log(log);
    if (kind === "advance") parts.physical.advanceMs(ms);
    else if (kind === "ship") parts.ship();
    else if (kind === "set") done.push({ t: target.set(key, value), log, key, kind, value });
    else if (kind === "delete") done.push({ t: target.delete(key), log, key, kind, value: null });
    else if (kind === "add") done.push({ t: target.add(key, value), log, key, kind, value });
    else if (kind === "remove") done.push({ t: target.remove(key, value), log, key, kind, value });
    else {
      const t = target.commit((tx) => {
        tx.set("x", value);
        tx.add("s1", value);
        tx.delete("y");
      });
      done.push({ t, log, key: "x", kind: "set", value });
      done.push({ t, log, key: "s1", kind: "add", value });
      done.push({ t, log, key: "y", kind: "delete", value: null });
    }
  }
  return { ...parts, done };
}

type Held = Json | Map<string, Json>;

/** Replays all that was done up to T: `[log, key]` to the value's text. */
function replayed(done: readonly Done[], at: Hlc): Map<string, string> {
  const state = new Map<string, Held>();
  for (const { t, log, key, kind, value } of done) {
    if (t > at) break;
    const name = JSON.stringify([log, key]);
    const held = state.get(name);
    if (kind === "set") state.set(name, value);
    else if (kind === "delete") state.delete(name);
    else {
      const set = held instanceof Map ? new Map(held) : new Map<string, Json>();
      if (kind === "add") set.set(canonicalText(value), value);
      else set.delete(canonicalText(value));
      state.set(name, set);
    }
  }
  return new Map([...state].map(([name, held]) => [name, textOf(held)]));
}

function textOf(held: Held): string {
  if (!(held instanceof Map)) return canonicalText(held);
  return canonicalText({
    $set: [...held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
  });
}

function flat(logs: Readonly<Record<string, Readonly<Record<string, Json>>>>): Map<string, string> {
  return new Map(
    Object.entries(logs).flatMap(([log, state]) =>
      Object.entries(state).map(([key, value]) => [
        JSON.stringify([log, key]),
        canonicalText(value),
      ]),
    ),
  );
}

function patched(
  before: Map<string, string>,
  changes: readonly StateChange[],
): Map<string, string> {
  const after = new Map(before);
  for (const change of changes) {
    const name = JSON.stringify([change.log, change.key]);
    expect(change.before === undefined ? undefined : canonicalText(change.before)).toBe(
      before.get(name),
    );
    if (change.after === undefined) after.delete(name);
    else after.set(name, canonicalText(change.after));
  }
  return after;
}

const history = fc.array(op, { minLength: 1, maxLength: 120 });
const places = fc.array(fc.nat(1_000), { minLength: 2, maxLength: 6 });

describe("the window, asked anything about random histories", () => {
  it("gives the replay's states, differences and rolling moves, at every time that it holds", () => {
    fc.assert(
      fc.property(history, places, (ops, permilles) => {
        const { snapshots, window, clock, done } = play(ops);
        snapshots.take(); // what is too old goes now
        const [first, last] = [window.earliestT, clock.last];
        const times = permilles.map((p) => Math.round(first + ((last - first) * p) / 1_000) as Hlc);
        const view = snapshots.rolling(times[0] as Hlc);
        for (const t of times) {
          const expected = replayed(done, t);
          expect(flat(snapshots.take(t).logs)).toEqual(expected);
          const filtered = flat(snapshots.take(t, { log: "a", key: ["x", "s1"] }).logs);
          const wanted = [...expected].filter(([name]) => /^\["a","(x|s1)"\]$/.test(name));
          expect(filtered).toEqual(new Map(wanted));
          const from = Math.min(t, times[0] as Hlc) as Hlc;
          const to = Math.max(t, times[0] as Hlc) as Hlc;
          const { changes } = snapshots.diff(from, { to });
          expect(patched(replayed(done, from), changes)).toEqual(replayed(done, to));
          const stood = flat(view.logs);
          view.moveTo(t);
          expect(flat(view.logs)).toEqual(expected);
          expect(patched(stood, view.changes)).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("lists its events once, in order, with the values before and after, page by page", () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 7 }), (ops, limit) => {
        const { snapshots, window, done } = play(ops);
        const to = snapshots.take().at;
        const from = window.earliestT;
        const events: WindowEvent[] = [];
        let start: Hlc | undefined = from;
        while (start !== undefined) {
          const page = snapshots.events({ from: start, to, limit });
          events.push(...page.events);
          start = page.next;
        }
        const changes = events.filter((event) => event.log !== undefined);
        const inside = done.filter(({ t }) => t > from);
        expect(changes.map(({ t, kind, log, key }) => [t, kind, log, key])).toEqual(
          inside.map(({ t, kind, log, key }) => [t, kind, log, key]),
        );
        for (let i = 1; i < events.length; i += 1) {
          expect(events[i]?.seq).toBe((events[i - 1]?.seq ?? 0) + 1);
        }
        const before = done.length - inside.length;
        changes.forEach((event, i) => {
          const prior = done.slice(0, before + i);
          const held = replayed(prior, to).get(JSON.stringify([event.log, event.key]));
          if (event.had === undefined) {
            expect(event.before === undefined ? undefined : canonicalText(event.before)).toBe(held);
          } else {
            const members = (JSON.parse(held ?? "{}") as { $set: Json[] }).$set.map(canonicalText);
            expect(event.had).toBe(members.includes(canonicalText(event.value as Json)));
          }
        });
        const ofLog = snapshots.events({ log: "b", kind: ["set", "add"], limit: 10_000 }).events;
        const wanted = changes.filter(({ log, kind }) => log === "b" && /^(set|add)$/.test(kind));
        expect(ofLog).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a rolling view", () => {
  it("stays exact where it stands while the host records on and the window moves on", () => {
    const { log, snapshots, physical, ship } = recordingParts({ windowMs: 1_000 });
    log("l").add("s", "m1");
    log("l").set("v", 1);
    const view = snapshots.rolling(snapshots.take().at);
    const stood = JSON.stringify(view.logs);
    log("l").add("s", "m2");
    log("l").set("v", 2);
    expect(JSON.stringify(view.logs)).toBe(stood);
    for (let i = 0; i < 20; i += 1) {
      physical.advanceMs(500);
      log("l").add("s", `n${i}`);
      log("l").set(`k${i}`, i);
      ship();
    }
    expect(JSON.stringify(view.logs)).toBe(stood);
    let error: unknown;
    try {
      view.moveTo("-9s");
    } catch (caught) {
      error = caught;
    }
    expect((error as RetroError).code).toBe("outside-window");
    expect(JSON.stringify(view.snapshot().logs)).toBe(stood);
    view.moveTo("-1ms");
    const now = snapshots.take(view.at);
    expect(view.logs).toEqual(now.logs);
    expect(patched(flat(JSON.parse(stood)), view.changes)).toEqual(flat(now.logs));
  });

  // Simulator, seed 71002400: a keyframe of a capture told the value under the name of a variable long gone.
  it("names a variable that came since by its own name, not by that of one that the window forgot", () => {
    const { log, snapshots, physical, ship, feed } = recordingParts({ windowMs: 1_000 });
    log("l").set("v", 1);
    log("old").set("k", 1);
    log("old").delete("k");
    ship();
    physical.advanceMs(5_000);
    feed.tidy();
    const view = snapshots.rolling("-0ms");
    log("new").set("k", 2);
    view.moveTo("-0ms");
    expect(view.logs).toEqual({ l: { v: 1 }, new: { k: 2 } });
    expect(view.changes).toMatchObject([{ log: "new", key: "k" }]);
  });
});

describe("a question that has no answer", () => {
  const asked: ReadonlyArray<
    readonly [
      what: string,
      ask: (parts: ReturnType<typeof recordingParts>) => unknown,
      code: string,
    ]
  > = [
    [
      "a difference that ends before it begins",
      (p) => p.snapshots.diff("-1ms", { to: "-5ms" }),
      "bad-time",
    ],
    ["a difference from before the window", (p) => p.snapshots.diff("-1h"), "outside-window"],
    ["events to come", (p) => p.snapshots.events({ to: "+1h" }), "outside-window"],
    ["an unknown kind", (p) => p.snapshots.events({ kind: "sets" as "set" }), "bad-parameter"],
    ["a limit of none", (p) => p.snapshots.events({ limit: 0 }), "bad-parameter"],
    ["too high a limit", (p) => p.snapshots.events({ limit: 1e9 }), "bad-parameter"],
  ];
  it.each(asked)("is an error with a code: %s", (_, ask, code) => {
    const parts = recordingParts();
    parts.log("l").set("k", 1);
    parts.physical.advanceMs(100);
    let error: unknown;
    try {
      ask(parts);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RetroError);
    expect((error as RetroError).code).toBe(code);
  });
});
