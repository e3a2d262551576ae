import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Collection, Injection } from "./recording.ts";
import { estimate } from "./score/bootstrap.ts";
import { conditionsOf, percentileIn, waitedMs } from "./score/conditions.ts";
import { calmMsOf, disturbancesOf } from "./score/disturbance.ts";
import { matchesOf } from "./score/match.ts";
import { askedDetections } from "./score/ours.ts";
import { judge, scorecardOf } from "./score/scorecard.ts";
import { type Block, detection, syntheticRecording, truthOf } from "./synthetic.ts";

const block = (startMs: number, ms: number, rest: Partial<Block> = {}): Block => ({
  ...{ tier: "store", startMs, endMs: startMs + ms },
  ...rest,
});
const truthsOf = (...blocks: Block[]): readonly Injection[] => blocks.map(truthOf);

describe("a match", () => {
  const cases: ReadonlyArray<
    readonly [
      why: string,
      durationMs: number,
      from: number,
      to: number,
      onset: boolean,
      overlap: boolean,
    ]
  > = [
    ["the onset itself", 200, 15_000, 15_200, true, true],
    ["off by half of the duration", 200, 15_100, 15_150, true, true],
    ["off by more", 200, 15_101, 15_150, false, true],
    ["early, and lasting until it begins", 200, 14_950, 15_000, true, true],
    ["over before it begins", 200, 14_950, 14_999, false, false],
    ["a short one may be off by 20 ms", 10, 14_980, 15_005, true, true],
    ["but not by 21", 10, 14_979, 15_005, false, true],
    ["a whole second around it", 50, 14_600, 15_600, false, true],
  ];
  it.each(cases)("%s", (_why, ms, from, to, onset, overlap) => {
    const truths = truthsOf(block(15_000, ms));
    expect(matchesOf(truths, [detection(from, to)], "onset")).toHaveLength(onset ? 1 : 0);
    expect(matchesOf(truths, [detection(from, to)], "overlap")).toHaveLength(overlap ? 1 : 0);
  });

  it("takes each detection once and each injection once, the nearest onset first", () => {
    const truths = truthsOf(block(15_000, 200), block(15_150, 200));
    const near = detection(15_140, 15_300);
    const far = detection(15_040, 15_300);
    const found = matchesOf(truths, [far, near], "onset");
    expect(found.map(({ injection, detection: of }) => [injection.id, of])).toEqual([
      [1, near],
      [0, far],
    ]);
    expect(matchesOf(truths, [near], "onset")).toHaveLength(1);
  });

  it("reads an onset on the clock that it may be of, and says how far it is off", () => {
    const truths = truthsOf(block(15_000, 50));
    const skewed = detection(15_105, 15_160, { aheadMs: [0, 100, -100] });
    expect(matchesOf(truths, [skewed], "onset")[0]?.onsetErrorMs).toBeCloseTo(5);
    expect(matchesOf(truths, [{ ...skewed, aheadMs: [0] }], "onset")).toEqual([]);
  });

  it("is one to one whatever is detected", () => {
    const span = fc.tuple(
      fc.integer({ min: 11_000, max: 25_000 }),
      fc.integer({ min: 1, max: 900 }),
    );
    fc.assert(
      fc.property(fc.array(span, { maxLength: 8 }), fc.array(span, { maxLength: 8 }), (a, b) => {
        const truths = truthsOf(...a.map(([start, ms]) => block(start, ms)));
        const said = b.map(([start, ms]) => detection(start, start + ms));
        for (const rule of ["onset", "overlap"] as const) {
          const found = matchesOf(truths, said, rule);
          expect(new Set(found.map((each) => each.detection)).size).toBe(found.length);
          expect(new Set(found.map((each) => each.part)).size).toBe(found.length);
        }
        // Whoever is right by the onset is right by the overlap.
        const count = (rule: "onset" | "overlap"): number => matchesOf(truths, said, rule).length;
        expect(count("overlap")).toBeGreaterThanOrEqual(count("onset"));
      }),
      { numRuns: 100 },
    );
  });
});

describe("a scorecard", () => {
  const blocks = [block(12_000, 200), block(16_000, 200), block(20_000, 200), block(24_000, 200)];
  const recording = syntheticRecording({ blocks });
  const right = { suspects: [{ tier: "store", cause: "run" }] };

  it("counts what was found, what was said for nothing, and what was said in clean time", () => {
    const said = [
      detection(12_005, 12_205, right),
      detection(13_000, 13_100, right), // in the slot of the first, about nothing
      detection(16_010, 16_250, { suspects: [{ tier: "service", cause: "run" }] }),
      detection(20_150, 20_250, right), // begins too late
      detection(35_000, 35_100), // clean
      detection(1_000, 1_100), // warming up: not judged
    ];
    const card = scorecardOf("x", [judge(recording, said)], "onset");
    expect(card.long.recall).toMatchObject({ value: 0.5, count: 4 });
    expect(card.long.precision.value).toBeCloseTo(2 / 4);
    expect(card.long.top1Tier.value).toBe(0.5);
    expect(card.long.top1Cause.value).toBe(1);
    expect(card.long.top1Pair.value).toBe(0.5);
    expect(card.cleanAlarms).toBe(1);
    expect(card.cleanHours).toBeCloseTo(10 / 3_600);
    expect(card.long.toldMs).toEqual([205, 250]);
  });

  it("has no precision where nothing was said", () => {
    const card = scorecardOf("x", [judge(recording, [])], "onset");
    expect(card.long.recall.value).toBe(0);
    expect(card.long.precision.value).toBeNaN();
    expect(card.long.top1Pair.value).toBeNaN();
  });

  it("looks for a pair in one suspect, not for a tier in one and a cause in another", () => {
    const suspects = [
      { tier: "store", cause: "gc" },
      { tier: "gateway", cause: "run" },
    ];
    const said = blocks.map(({ startMs, endMs }) => detection(startMs, endMs, { suspects }));
    const { long } = scorecardOf("x", [judge(recording, said)], "onset");
    expect([long.top1Tier.value, long.top1Cause.value]).toEqual([1, 0]);
    expect(long.top3Pair.value).toBe(0);
  });

  it("calls a loop block of a process that is blamed on the network what it is", () => {
    const said = blocks.map(({ startMs, endMs }, i) =>
      detection(startMs, endMs, {
        suspects: [{ tier: "store", cause: i === 0 ? "network" : "run" }],
      }),
    );
    const card = scorecardOf("x", [judge(recording, said)], "onset");
    expect(card.ownProcess).toMatchObject({ value: 0.75, count: 4 });
  });

  it("scores bursts and negatives by what was claimed, and never as missed faults", () => {
    const calm = syntheticRecording({
      blocks: [
        block(14_000, 200, { fault: "burst-2" }),
        block(20_000, 4, { fault: "under-noise" }),
      ],
    });
    const said = [detection(14_050, 14_150, { class: "burst" }), detection(20_001, 20_010)];
    const card = scorecardOf("x", [judge(calm, said)], "onset");
    expect(card.bursts).toEqual({ count: 1, asBurst: 1, asFault: 0 });
    expect(card.negatives).toEqual({ count: 1, asFault: 1 });
    expect(card.long.recall.count).toBe(0);
  });

  it("asks its goals of loads of 300 requests a second and more", () => {
    const slow = syntheticRecording({ blocks, ratePerSecond: 100 });
    const card = scorecardOf("x", [judge(slow, [])], "onset");
    expect(card.long.recall.count).toBe(0);
    expect(card.cells.map(({ recall }) => recall.count)).toEqual([4]);
  });
});

describe("the conditions of an injection", () => {
  it("leave out what no request felt", () => {
    const felt = block(14_000, 100);
    const unfelt = block(18_000, 100, { tier: "spare" });
    const found = conditionsOf(syntheticRecording({ blocks: [felt, unfelt] }));
    expect(found.map(({ hasEffect }) => hasEffect)).toEqual([true, false]);
  });

  it("compare requests with those of their own route, as a slow one hides what a fast one felt", () => {
    const recording = syntheticRecording({ blocks: [block(14_000, 50)] });
    const { intendedMs, doneMs } = recording.clients;
    const route = intendedMs.map((_, i) => (i % 40 === 0 ? 1 : 0));
    const slow = doneMs.map((done, i) => done + (route[i] === 1 ? 60 : 0));
    const clients = { ...recording.clients, doneMs: slow, route };
    expect(conditionsOf({ ...recording, clients }).map(({ hasEffect }) => hasEffect)).toEqual([
      true,
    ]);
  });

  it("leave out what other work on the machine disturbed, but not contention itself", () => {
    const blocks = [block(14_000, 100), block(18_000, 100), block(22_000, 100)];
    const recording = syntheticRecording({
      blocks: blocks.map((each, i) => (i === 2 ? { ...each, fault: "cpu-contention" } : each)),
      waitShare: (ms) => (ms > 17_500 ? 0.8 : 0),
    });
    const found = conditionsOf(recording);
    expect(found.map(({ isContaminated }) => isContaminated)).toEqual([false, true, false]);
  });

  it("leave out what its injector did not get round to", () => {
    const recording = syntheticRecording({ blocks: [block(14_000, 100)] });
    const truths = recording.truths.map((truth) => ({
      ...truth,
      parts: truth.parts.map((part) => ({ ...part, detail: { failed: 1 } })),
    }));
    expect(conditionsOf({ ...recording, truths })[0]?.isContaminated).toBe(true);
  });

  it("read the time in a run queue between the samples around a span", () => {
    const { hosts } = syntheticRecording({ waitShare: () => 0.5 });
    const host = hosts.get("store");
    if (host === undefined) throw new Error("no host");
    // 100 to 200 lies on samples; 90 to 195 is widened to 80 and 200.
    expect(waitedMs(host, { startMs: 100, endMs: 200 })).toBeCloseTo(50);
    expect(waitedMs(host, { startMs: 90, endMs: 195 })).toBeCloseTo(60);
  });
});

describe("a machine that other work disturbs", () => {
  // From 20 s to 22 s, and from 32 s to 33 s, which is clean time.
  const waitShare = (ms: number): number =>
    (ms >= 20_000 && ms < 22_000) || (ms >= 32_000 && ms < 33_000) ? 0.5 : 0;
  const recording = syntheticRecording({ blocks: [block(14_000, 200)], waitShare });

  it("is known by the waits of its threads, and only then", () => {
    const [first, second, ...more] = disturbancesOf(recording.hosts, recording.run);
    expect(more).toEqual([]);
    for (const [span, from, to] of [
      [first, 20_000, 22_000],
      [second, 32_000, 33_000],
    ] as const) {
      expect(Math.abs((span?.startMs ?? 0) - from)).toBeLessThanOrEqual(100);
      expect(Math.abs((span?.endMs ?? 0) - to)).toBeLessThanOrEqual(100);
    }
    expect(calmMsOf({ startMs: 30_000, endMs: 40_000 }, [{ startMs: 32_000, endMs: 33_000 }])).toBe(
      9_000,
    );
  });

  it("makes what is said of it neither right nor wrong, and is no clean time", () => {
    const said = [detection(20_500, 20_600), detection(32_500, 32_600), detection(36_000, 36_100)];
    const card = scorecardOf("x", [judge(recording, said)], "onset");
    expect(card).toMatchObject({ apartCount: 2, cleanAlarms: 1 });
    expect(card.cleanHours * 3_600).toBeCloseTo(9, 0);
  });

  it("excuses nothing that is said of an injection, or right after one", () => {
    const busy = syntheticRecording({ blocks: [block(14_000, 200)], waitShare: () => 0.5 });
    const said = [detection(13_800, 13_900), detection(14_300, 14_500), detection(16_000, 16_100)];
    const card = scorecardOf("x", [judge(busy, said)], "onset");
    expect(card.apartCount).toBe(1);
    expect(card.contaminated.precision.value).toBe(0);
  });
});

describe("a scene that collects its garbage", () => {
  const collection = (atMs: number, ms: number): Collection => ({
    ...{ tier: "service", atMs, ms, kind: "scavenge" },
  });
  const base = syntheticRecording({ blocks: [block(14_000, 200)] });

  it("is told of by V8's trace: what is said of a pause that nobody planted is neither right nor wrong", () => {
    // The middle one is too short to be a stall.
    const collections = [collection(14_420, 15), collection(20_000, 9), collection(36_000, 30)];
    const said = [detection(14_410, 14_430), detection(19_990, 20_010), detection(35_980, 36_000)];
    const card = scorecardOf("x", [judge({ ...base, collections }, said)], "onset");
    expect(card.apartCount).toBe(2);
    expect(card.cleanAlarms).toBe(0);
    expect(card.long.precision.value).toBe(0);
    // 30 ms, and 25 on either side.
    expect(card.cleanHours * 3_600_000).toBeCloseTo(10_000 - 80);
  });

  it("excuses nothing by the collections of an injection, nor what is said of one twice", () => {
    const collections = [collection(14_190, 150), collection(14_260, 20)];
    const said = [detection(14_000, 14_200), detection(14_190, 14_260)];
    const card = scorecardOf("x", [judge({ ...base, collections }, said)], "onset");
    expect(card.apartCount).toBe(0);
    expect(card.long.precision.value).toBe(0.5);
  });
});

describe("our episodes", () => {
  const episode = {
    ...{ id: "ep-1", onset: { hlc: "019aa8e1b4000000", time: "" }, durationMs: 110 },
    tier: { service: "store", node: "store-1" },
    causes: [
      { cause: "gc", node: "store-1", ms: 92 },
      { cause: "run", node: "store-1", ms: 14 },
    ],
    ...{ unexplainedMs: 4, candidates: [{ service: "gateway", node: "gateway-1" }] },
  };
  const { run } = syntheticRecording({});

  it("become detections with their causes first, then what is left, then candidates", () => {
    const [found] = askedDetections([episode], [{ receivedMs: 5, episode }], run);
    expect(found).toMatchObject({ startMs: 0x019aa8e1b400, knownMs: 5, class: "fault" });
    expect(found?.suspects.map(({ tier, cause }) => `${tier} ${cause}`)).toEqual([
      ...["store gc", "store run", "store unexplained", "gateway null"],
    ]);
    expect(found?.explained).toBeCloseTo(106 / 110);
  });

  it("name no cause first where most of it is unexplained", () => {
    const [found] = askedDetections([{ ...episode, unexplainedMs: 100, causes: [] }], [], run);
    expect(found?.suspects[0]).toEqual({ tier: "store", cause: "unexplained" });
    expect(found?.knownMs).toBeNull();
  });
});

describe("figures", () => {
  it("get intervals that hold the truth as often as they should", () => {
    const items = Array.from({ length: 40 }, (_, i) => (i < 30 ? 1 : 0));
    const mean = (drawn: readonly number[]): number =>
      drawn.reduce((sum, each) => sum + each, 0) / drawn.length;
    const { value, low, high } = estimate(items, mean);
    expect(value).toBe(0.75);
    // Binomial: 0.75 +- 1.96 x sqrt(0.75 x 0.25 / 40).
    expect(low).toBeCloseTo(0.616, 1);
    expect(high).toBeCloseTo(0.884, 1);
    expect(estimate([], mean).value).toBeNaN();
  });

  it("take percentiles by nearest rank, of requests meant to start inside", () => {
    const intendedMs = Float64Array.from({ length: 100 }, (_, i) => i);
    const doneMs = intendedMs.map((at) => at + at + 1);
    const clients = {
      ...{ intendedMs, sentMs: intendedMs, doneMs, ok: intendedMs },
      route: intendedMs.map((at) => at % 2),
    };
    const of = {
      clients: { ...clients, route: intendedMs.map(() => 0) },
      all: { startMs: 0, endMs: 100 },
    };
    expect(percentileIn(of.clients, [of.all], 0.99, 0)).toBe(99);
    expect(percentileIn(of.clients, [{ startMs: 0, endMs: 10 }], 0.5, 0)).toBe(5);
    // By route: the even ones took 1, 3, ... 99, the odd ones up to 100.
    expect(percentileIn(clients, [of.all], 1, 0)).toBe(99);
    expect(percentileIn(clients, [of.all], 1, 1)).toBe(100);
  });
});
