/**
 * The audit of causality: what it finds is what was planted, and the bounds of clocks hold the truth,
 * which the test knows since it sets the clocks.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, HlcClock, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { CausalityAudit } from "../../../collector/cut/history.ts";
import type { Row } from "../../support/batches.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const limits = { messageTimeoutMs: 100 };
const END = { closed: atMs(2_000) };

async function audited(
  tellAll: (told: ReturnType<typeof tellHistory>) => Promise<void>,
  range = { from: atMs(0), to: atMs(1_000) },
): Promise<CausalityAudit> {
  const told = tellHistory({ limits });
  await tellAll(told);
  return told.history.causality(range);
}

/** Nodes with clocks apart by a known offset exchange messages through real hybrid clocks. */
function skewedHistory(draw: Draw): {
  readonly offsets: ReadonlyMap<string, number>;
  readonly rows: ReadonlyMap<string, Row[]>;
  readonly leastDelay: number;
} {
  const names = ["a", "b", "c"];
  const most = draw.chance(0.5) ? 400 * TICKS_PER_MS : TICKS_PER_MS;
  const offsets = new Map(names.map((node) => [node, draw.below(most)]));
  let real = atMs(1_000) as number;
  const clocks = new Map(
    names.map((node) => {
      const physical = { now: () => (real + (offsets.get(node) as number)) as Hlc };
      return [node, new HlcClock(physical)] as const;
    }),
  );
  const rows = new Map(names.map((node) => [node, [join((clocks.get(node) as HlcClock).now())]]));
  const leastDelay = 40;
  const underway: { to: string; node: string; seq: number; t: Hlc; due: number }[] = [];
  for (let i = 0; i < 300; i += 1) {
    real += draw.chance(0.5) ? draw.below(30) : draw.below(2 * TICKS_PER_MS);
    const due = underway.findIndex((one) => one.due <= real);
    const node = due >= 0 ? (underway[due]?.to as string) : draw.one(names);
    const clock = clocks.get(node) as HlcClock;
    const own = rows.get(node) as Row[];
    if (due >= 0) {
      const [one] = underway.splice(due, 1) as [(typeof underway)[number]];
      own.push(receive(clock.receive(one.t), one.node, 1, one.seq, one.t));
      // A heartbeat, whose stamp no event has.
      if (draw.chance(0.2)) clock.now();
    } else if (draw.chance(0.6)) {
      const t = clock.now();
      own.push(send(t));
      const to = draw.one(names.filter((other) => other !== node));
      const delay = leastDelay + draw.below(3 * TICKS_PER_MS);
      underway.push({ to, node, seq: own.length, t, due: real + delay });
    } else {
      own.push(set(clock.now(), "l", "k", i));
    }
  }
  return { offsets, rows, leastDelay };
}

describe("the bounds between two clocks", () => {
  it("hold the true offset, however far hybrid clocks were dragged ahead of physical ones", async () => {
    let bounded = 0;
    let tight = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        const { offsets, rows, leastDelay } = skewedHistory(draw);
        const { history, tell } = tellHistory({ limits });
        for (const [node, all] of rows) {
          const size = 1 + draw.below(40);
          for (let i = 0; i < all.length; i += size) {
            // What has one stamp stays in one batch: these clocks never give one twice.
            await tell(node, 1 + i, all.slice(i, i + size));
          }
        }
        const audit = await history.causality({ from: atMs(0), to: atMs(9_000) });
        for (const { from, to, lowerTicks, upperTicks, moved } of audit.offsets) {
          const truth = (offsets.get(to) as number) - (offsets.get(from) as number);
          expect(lowerTicks ?? -Infinity).toBeLessThanOrEqual(truth - leastDelay);
          expect(upperTicks ?? Infinity).toBeGreaterThanOrEqual(truth + leastDelay);
          expect(moved).toBe(false);
          bounded += 1;
          if (lowerTicks !== null && upperTicks !== null) {
            if (upperTicks - lowerTicks < 8 * TICKS_PER_MS) tight += 1;
          }
        }
      }),
      { numRuns: 60 },
    );
    // Not true for want of saying anything.
    expect(bounded).toBeGreaterThan(120);
    expect(tight).toBeGreaterThan(20);
  });

  it("are those of the messages: the physical send stamp and the receive stamp, both ways", async () => {
    const audit = await audited(async ({ tell }) => {
      await tell(
        "a",
        1,
        [join(atMs(0)), send(atMs(10)), receive(atMs(40), "b", 1, 3, atMs(30))],
        END,
      );
      await tell(
        "b",
        1,
        [join(atMs(0)), receive(atMs(15), "a", 1, 2, atMs(10)), send(atMs(30))],
        END,
      );
    });
    // b - a <= 15 - 10; a - b <= 40 - 30.
    const bounds = { lowerTicks: -10 * TICKS_PER_MS, upperTicks: 5 * TICKS_PER_MS };
    expect(audit.offsets).toEqual([{ from: "a", to: "b", ...bounds, messages: 2, moved: false }]);
  });

  it("contradict each other when a clock was set, and say so", async () => {
    const moved = await audited(async ({ tell }) => {
      await tell(
        "a",
        1,
        [join(atMs(0)), send(atMs(10)), receive(atMs(400), "b", 1, 3, atMs(450))],
        END,
      );
      const rows = [join(atMs(0)), receive(atMs(12), "a", 1, 2, atMs(10)), send(atMs(450))];
      await tell("b", 1, rows, END);
    });
    // b was at most 2 ms ahead at first, and at least 50 ms in the end.
    expect(moved.offsets).toMatchObject([{ from: "a", to: "b", moved: true }]);
  });
});

describe("an audit finds", () => {
  it("nothing in a history in which nothing is wrong", async () => {
    const audit = await audited(async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), send(atMs(10), "b"), set(atMs(11), "l", "k", 1)], END);
      await tell("b", 1, [join(atMs(0)), receive(atMs(15), "a", 1, 2, atMs(10))], END);
    });
    expect(audit).toMatchObject({
      complete: true,
      messages: { sends: 1, receives: 1, joined: 1 },
      violations: [],
      receivesWithoutSend: [],
      sendsWithoutReceive: [],
      backward: [],
      overlapping: [],
      unmerged: [],
      cutShort: [],
    });
  });

  it("receives without a send, each with the reason", async () => {
    const lost = { firstSeq: 6, lastSeq: 7, firstT: atMs(30), lastT: atMs(31) };
    const rest = { logs: null, messages: true };
    const audit = await audited(async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "k", 1)]);
      // 3 to 5 are missing, 6 and 7 lost.
      const dropped = [{ ...lost, ...rest, reason: "overflow" as const }];
      await tell("a", 8, [set(atMs(40), "l", "k", 2)], { dropped, closed: atMs(50) });
      const from = (seq: number, node = "a", epoch = 1): Row =>
        receive(atMs(100 + seq), node, epoch, seq, atMs(3));
      const noStamp = { ...from(30), from: null, sentT: null } as Row;
      const foreign = { ...from(31), from: null, sentT: null, id: "m1" } as Row;
      await tell(
        "b",
        1,
        [
          join(atMs(0)),
          from(2),
          from(4),
          from(6),
          from(9),
          from(20, "x"),
          from(21, "a", 9),
          noStamp,
          foreign,
        ],
        END,
      );
    });
    const found = audit.receivesWithoutSend.map(({ reason, from, to, count }) => [
      reason,
      from,
      to,
      count,
    ]);
    expect(found.sort()).toEqual(
      [
        ["contradiction", "a", "b", 1],
        ["hole", "a", "b", 1],
        ["lost", "a", "b", 1],
        ["lagging", "a", "b", 1],
        ["unknown-node", "x", "b", 1],
        ["unknown-epoch", "a", "b", 1],
        ["unstamped", null, "b", 1],
        ["unknown-id", null, "b", 1],
      ].sort(),
    );
    expect(audit.complete).toBe(false);
    expect(audit.messages).toEqual({ sends: 0, receives: 8, joined: 0 });
  });

  it("a stamp that is not that of the send", async () => {
    const audit = await audited(async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), send(atMs(10), "b")], END);
      await tell("b", 1, [join(atMs(0)), receive(atMs(15), "a", 1, 2, atMs(9))], END);
    });
    expect(audit.receivesWithoutSend).toMatchObject([
      { reason: "contradiction", from: "a", to: "b" },
    ]);
    expect(audit.offsets).toEqual([]);
  });

  it("sends that nobody received, once their time-out is over, by receiver", async () => {
    const rows = [
      join(atMs(0)),
      send(atMs(10), "b"),
      send(atMs(11), null, { peer: "10.0.0.1:80" }),
      send(atMs(12), null, { peer: "10.0.0.1:80" }),
      send(atMs(13), "b", { failed: true }),
      send(atMs(14), "b"),
      send(atMs(15), "b", { replaces: 6 }),
      send(atMs(16), "b"),
      send(atMs(1_950), "b"),
    ];
    const audit = await audited(
      async ({ tell }) => {
        await tell("a", 1, rows, END);
        const receives = [
          receive(atMs(20), "a", 1, 7, atMs(15)),
          receive(atMs(700), "a", 1, 8, atMs(16)),
        ];
        await tell("b", 1, [join(atMs(0)), ...receives], END);
      },
      { from: atMs(0), to: atMs(2_000) },
    );
    expect(audit.judgedTo).toBe(atMs(1_900));
    expect(
      audit.sendsWithoutReceive.map(({ to, peer, count, first }) => [to, peer, count, first.seq]),
    ).toEqual([
      ["b", null, 1, 2],
      [null, "10.0.0.1:80", 2, 3],
    ]);
    expect(audit.messages).toEqual({ sends: 7, receives: 2, joined: 2 });
  });

  it("stamps that were not merged, and the violations that come of it", async () => {
    const audit = await audited(async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), send(atMs(500), "b")], END);
      const unverified = { ...receive(atMs(20), "a", 1, 2, atMs(500)), unverified: true } as Row;
      await tell("b", 1, [join(atMs(0)), unverified], END);
    });
    expect(audit.unmerged).toEqual([{ from: "a", to: "b", count: 1, firstT: atMs(20) }]);
    expect(audit.violations).toMatchObject([{ channel: { from: "a", to: "b" } }]);
    expect(audit.violationCount).toBe(1);
  });

  it("two processes under one id", async () => {
    const audit = await audited(async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), set(atMs(300), "l", "k", 1)], { closed: atMs(300) });
      await tell("a", 1, [join(atMs(100)), set(atMs(200), "l", "k", 2)], {
        epoch: 2,
        closed: atMs(200),
      });
    });
    expect(audit.overlapping).toMatchObject([{ node: "a", epoch: 2, earlierEpoch: 1 }]);
  });

  it("the same whatever the batches are, and of named nodes only what concerns them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        const { rows } = skewedHistory(draw);
        const range = { from: atMs(1_000), to: atMs(1_600) };
        const answers: CausalityAudit[] = [];
        for (const size of [1_000, 1 + draw.below(30)]) {
          const { history, tell } = tellHistory({ limits });
          for (const [node, all] of rows) {
            for (let i = 0; i < all.length; i += size)
              await tell(node, 1 + i, all.slice(i, i + size));
          }
          answers.push(await history.causality(range));
          const named = await history.causality(range, { nodes: ["a"] });
          expect(named.offsets.every(({ from, to }) => from === "a" || to === "a")).toBe(true);
        }
        const sorted = (one: CausalityAudit | undefined): unknown => ({
          ...one,
          sendsWithoutReceive: [...(one?.sendsWithoutReceive ?? [])].sort((a, b) =>
            a.from < b.from ? -1 : 1,
          ),
        });
        expect(sorted(answers[0])).toEqual(sorted(answers[1]));
        // Every receive of the range is joined, or was planted; nothing is counted twice.
        const inside = [...rows.values()]
          .flat()
          .filter(({ t }) => t >= range.from && t <= range.to);
        const count = (kind: string): number => inside.filter((row) => row.kind === kind).length;
        expect(answers[0]?.messages).toEqual({
          sends: count("send"),
          receives: count("receive"),
          joined: count("receive"),
        });
      }),
      { numRuns: 25 },
    );
  });
});
