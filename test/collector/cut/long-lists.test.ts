/** Answers stay of bounded size, and say how much more there is. */
import { describe, expect, it } from "vitest";
import { cutJson } from "../../../collector/api/to-json.ts";
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
