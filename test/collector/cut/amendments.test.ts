/** What is told of the past that changed: every kind of amendment by what was planted, and no news of mere growth. */
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { type AmendedRange, Amendments } from "../../../collector/cut/amendments.ts";
import type { EpochRecord, HistoryStore } from "../../../collector/store/history-store.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../support/told-history.ts";
import { anEpoch } from "../store/history-store.contract.ts";

function listening(): ToldHistory & { readonly told: AmendedRange[] } {
  const history = tellHistory();
  const told: AmendedRange[] = [];
  history.history.onAmended((ranges) => told.push(...ranges));
  return { ...history, told };
}

const covers = (ranges: readonly AmendedRange[], node: string, t: Hlc): boolean =>
  ranges.some((one) => one.node === node && one.from < t && t <= one.to);

describe("the past is told to have changed", () => {
  it("not when a history merely grows, with losses at its end", async () => {
    const { tell, told, pass } = listening();
    await tell("a", 1, [join(atMs(0)), set(atMs(10), "l", "k", 1)]);
    await tell("a", 3, [], { closed: atMs(900) });
    await pass(1_000);
    const lost = { firstSeq: 3, lastSeq: 4, firstT: atMs(901), lastT: atMs(905) };
    const dropped = [{ ...lost, logs: null, messages: true, reason: "overflow" as const }];
    await tell("a", 5, [set(atMs(910), "l", "k", 2)], { dropped });
    await tell("b", 1, [join(atMs(911))]);
    await tell("b", 2, [set(atMs(912), "l", "k", 2)]);
    expect(told).toEqual([]);
  });

  it("when a hole is filled, over all of it", async () => {
    const { tell, told } = listening();
    await tell("a", 1, [join(atMs(0)), set(atMs(10), "l", "k", 1)]);
    await tell("a", 4, [set(atMs(30), "l", "k", 3)]);
    expect(told).toEqual([]);
    await tell("a", 3, [set(atMs(20), "l", "k", 2)]);
    expect(covers(told, "a", atMs(20))).toBe(true);
    expect([covers(told, "a", atMs(10)), covers(told, "a", atMs(31))]).toEqual([false, false]);
  });

  it("when events come that were declared lost", async () => {
    const { tell, told } = listening();
    await tell("a", 1, [join(atMs(0)), set(atMs(10), "l", "k", 1)]);
    const lost = { firstSeq: 3, lastSeq: 3, firstT: atMs(20), lastT: atMs(20) };
    const dropped = [{ ...lost, logs: null, messages: true, reason: "overflow" as const }];
    await tell("a", 4, [set(atMs(30), "l", "k", 3)], { dropped });
    expect(told).toEqual([]);
    await tell("a", 3, [set(atMs(20), "l", "k", 2)]);
    expect(covers(told, "a", atMs(20))).toBe(true);
  });

  it("when a node is given up, and when it comes back", async () => {
    const { tell, told, pass } = listening();
    await tell("a", 1, [join(atMs(0)), set(atMs(10), "l", "k", 1)], { closed: atMs(20) });
    await pass(61_000);
    expect(covers(told, "a", atMs(21))).toBe(true);
    told.length = 0;
    await tell("a", 3, [set(atMs(40), "l", "k", 2)], { closed: atMs(70_000) });
    expect(covers(told, "a", atMs(41))).toBe(true);
  });

  it("when a node turns out to have joined before what was called complete", async () => {
    const { tell, told } = listening();
    await tell("a", 1, [join(atMs(0))], { closed: atMs(100) });
    await tell("b", 1, [join(atMs(50)), set(atMs(60), "l", "k", 1)]);
    expect([covers(told, "b", atMs(50)), covers(told, "b", atMs(60))]).toEqual([true, true]);
  });
});

it("What is remembered of runs goes with those that retention has forgotten", () => {
  const records = new Map<number, EpochRecord>();
  const store = {
    epochs: () => [...records.values()],
    epoch: (id: number) => records.get(id),
  } as Partial<HistoryStore> as HistoryStore;
  const amendments = new Amendments(store);
  const runs = 1_500;
  for (let id = 1; id <= runs; id += 1) records.set(id, anEpoch(id));
  amendments.stored();
  expect(amendments.knownCount).toBe(runs);
  for (let id = 1; id <= runs - 10; id += 1) records.delete(id);
  amendments.stored([runs]);
  expect(amendments.knownCount).toBe(10);
});
