/** Answers stay of bounded size, and say how much more there is. */
import { describe, expect, it } from "vitest";
import { cutJson } from "../../../collector/api/to-json.ts";
import type { CutLimits } from "../../../collector/cut/limits.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

describe("a cut with more to list than the limit", () => {
  it("lists so many of each kind and gives the totals", async () => {
    const { history, tell } = tellHistory({ limits: { cutListed: 5 } });
    await tell("n2", 1, [join(atMs(0))], { closed: atMs(100) });
    const rows = Array.from({ length: 20 }, (_, i) => [
      send(atMs(1 + i), "n2"),
      receive(atMs(30 + i), `ghost-${i}`, 1, 1, atMs(29)),
      receive(atMs(60 + i), "n2", 1, 500 + i, atMs(90)),
    ]).flat();
    rows.sort((a, b) => a.t - b.t);
    await tell("n1", 1, [join(atMs(0)), ...rows], { closed: atMs(100) });
    const cut = history.cutAt(atMs(85));
    expect(cut).toMatchObject({ complete: false, consistent: false });
    expect(cut.incomplete).toHaveLength(5);
    expect(cut.violations).toHaveLength(5);
    expect(cut.inFlight.map(({ sentAt }) => sentAt)).toEqual([16, 17, 18, 19, 20].map(atMs));
    expect(cut.totals).toEqual({ incomplete: 20, violations: 6, inFlight: 20 });
    expect(cutJson(cut).totals).toEqual(cut.totals);
    const ofOne = history.cutAt(atMs(85), { nodes: ["n1"] });
    expect(ofOne.totals).toMatchObject({ violations: 20 });
  });

  it("counts slow messages that the store keeps added up", async () => {
    const { history, tell } = tellHistory();
    const sends = Array.from({ length: 500 }, (_, i) => send(atMs(1 + i), "n2"));
    const receives = sends.map(({ t }, i) => receive(atMs(60_000 + i), "n1", 1, 2 + i, t));
    await tell("n1", 1, [join(atMs(0)), ...sends], { closed: atMs(90_000) });
    await tell("n2", 1, [join(atMs(0)), ...receives], { closed: atMs(90_000) });
    const { inFlight, totals } = history.cutAt(atMs(50_000));
    expect(inFlight.length).toBeLessThan(500);
    expect(totals?.inFlight).toBe(500);
  });

  it("gives no totals where all is listed", async () => {
    const { history, tell } = tellHistory({ limits: { cutListed: 5 } });
    await tell("n1", 1, [join(atMs(0)), send(atMs(1), "n2")], { closed: atMs(100) });
    expect("totals" in history.cutAt(atMs(50))).toBe(false);
  });
});

describe("what a clock that is far off makes of a history", () => {
  const BATCHES = 40;
  const OF_BATCH = 20;
  /** `n2` receives without end what `n1` has not sent yet: a violation each. */
  async function contradicting(limits: Partial<CutLimits>) {
    const read = { count: 0 };
    const store = new Proxy(new MemoryStore(), {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        if (name !== "violationsBetween" && name !== "violationsAt") return value.bind(target);
        return (...given: unknown[]) => {
          const found = value.apply(target, given) as unknown[];
          read.count += found.length;
          return found;
        };
      },
    });
    const told = tellHistory({ store, limits });
    await told.tell("n1", 1, [join(atMs(0))], { closed: atMs(9_000) });
    await told.tell("n2", 1, [join(atMs(0))]);
    for (let i = 0; i < BATCHES; i += 1) {
      const rows = Array.from({ length: OF_BATCH }, (_, row) => {
        const ms = 10 + (i * OF_BATCH + row) * 10;
        return receive(atMs(ms), "n1", 1, 2 + i * OF_BATCH + row, atMs(ms + 3));
      });
      await told.tell("n2", 2 + i * OF_BATCH, rows);
    }
    await told.history.idle();
    return { ...told, read };
  }

  it("is marked in every part of a timeline, of which only so many are looked at", async () => {
    const { history, read } = await contradicting({ violationsDrawn: 128 });
    const range = { from: atMs(0), to: atMs(10 + BATCHES * OF_BATCH * 10) };
    read.count = 0;
    const { lanes } = await history.timeline(range, 64);
    for (const lane of lanes) {
      const marked = lane.buckets.filter(({ flagged }) => flagged).map(({ index }) => index);
      const last = marked.at(-1) ?? 0;
      expect(last).toBeGreaterThan(28);
      expect([lane.node, marked.length > 0.7 * last]).toEqual([lane.node, true]);
    }
    expect(read.count).toBeLessThanOrEqual(3 * 128);
  });

  it("is found in the cut of one node, however many others' come first", async () => {
    const { history, tell } = await contradicting({ messagesLooked: 4, cutListed: 3 });
    await tell("n3", 1, [join(atMs(0)), receive(atMs(8_500), "n3", 1, 9, atMs(8_900))]);
    const others = Array.from({ length: 30 }, (_, i) =>
      receive(atMs(8_400 + i), "n1", 1, 900 + i, atMs(8_900)),
    );
    await tell("n2", 2 + BATCHES * OF_BATCH, others);
    const cut = history.cutAt(atMs(8_600), { nodes: ["n3"] });
    expect([cut.consistent, cut.violations.length]).toEqual([false, 1]);
    expect(history.cutAt(atMs(8_600), { nodes: ["n1"] }).consistent).toBe(false);
    expect(history.cutAt(atMs(8_950), { nodes: ["n3"] }).consistent).toBe(true);
  });
});

describe("a cut as JSON", () => {
  it("names logs and variables in order, however they appeared", async () => {
    const { history, tell } = tellHistory();
    const names = ["b", "a", "ü", "Z", "__proto__", "ab"];
    const rows = names.map((name, i) => set(atMs(1 + i), `log ${name}`, "k", 1));
    const more = names.map((name, i) => set(atMs(20 + i), "log b", name, 1));
    await tell("n1", 1, [join(atMs(0)), ...rows, ...more], { closed: atMs(100) });
    const logs = cutJson(history.cutAt(atMs(50))).nodes["n1"]?.logs ?? {};
    expect(Object.keys(logs)).toEqual(names.map((name) => `log ${name}`).sort());
    expect(Object.keys(logs["log b"] ?? {})).toEqual([...names, "k"].sort());
  });
});
