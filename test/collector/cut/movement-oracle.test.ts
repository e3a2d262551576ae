/** Steps, diffs, versions and pages of events against the naive oracle, on random histories. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, MAX_HLC, MIN_HLC, toJsonForm, type Value } from "../../../agent/kernel/index.ts";
import type { BeforeAfter, Step, VariableVersion } from "../../../collector/cut/history.ts";
import { type HistoryCase, openCase, randomAsked, SHAPES } from "../../support/history-case.ts";
import {
  changeText,
  oracleDiff,
  oracleEvents,
  oracleSteps,
  oracleVersions,
  plainText,
  UNKNOWN,
} from "../../support/step-oracle.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 30 });

function forEachShape(
  name: string,
  runs: number,
  check: (one: HistoryCase) => Promise<void>,
): void {
  for (const shape of SHAPES) {
    it(`${name}: ${JSON.stringify(shape)}`, async () => {
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const one = await openCase({ seed, ...shape });
          if (one.oracle.epochs.length > 0) await check(one);
        }),
        { numRuns: runs },
      );
    });
  }
}

function plainStep({ at, changes }: Step): { at: number; changes: readonly string[] } {
  const texts = changes.map((change) => {
    const { node, log, key, kind } = change;
    return changeText(node, log, key, kind, ...bothOf(change));
  });
  return { at, changes: texts.sort() };
}

/** Values before and after, told apart from what nobody knows. */
function bothOf(change: BeforeAfter): readonly [string | undefined, string | undefined] {
  const { before, after, beforeUnknown, afterUnknown } = change;
  return [
    beforeUnknown === undefined ? textOf(before) : UNKNOWN,
    afterUnknown === undefined ? textOf(after) : UNKNOWN,
  ];
}

function textOf(value: Value | undefined): string | undefined {
  return value === undefined ? undefined : plainText(toJsonForm(value));
}

describe("steps", () => {
  forEachShape("forward and back tell the same moments", 15, async (one) => {
    const { history, oracle, draw, model } = one;
    const asked = randomAsked(one);
    const expected = oracleSteps(oracle, asked);
    for (let i = 0; i < 4; i += 1) {
      const t = draw.one(model.times);
      const count = 1 + draw.below(12);
      const later = expected.filter(({ at }) => at > t).slice(0, count);
      const earlier = expected
        .filter(({ at }) => at <= t)
        .reverse()
        .slice(0, count);
      expect((await history.step(t, "next", count, asked)).map(plainStep)).toEqual(later);
      expect((await history.step(t, "prev", count, asked)).map(plainStep)).toEqual(earlier);
    }
  });

  forEachShape("one back undoes one forward", 15, async (one) => {
    const { history, draw, model } = one;
    const t = draw.one(model.times);
    const [next] = await history.step(t, "next", 1);
    if (next !== undefined) expect(await history.step(next.at, "prev", 1)).toEqual([next]);
  });
});

describe("a diff", () => {
  forEachShape("is the difference of two replays, with the changes counted", 15, async (one) => {
    const { history, oracle, draw, model } = one;
    for (let i = 0; i < 6; i += 1) {
      const asked = randomAsked(one);
      const [from, to] = [draw.one(model.times), draw.one(model.times)].sort((a, b) => a - b);
      const all = draw.chance(0.5);
      const diff = await history.diff(from as Hlc, to as Hlc, asked, { all });
      const plain = diff.changes.map((change) => {
        const { node, log, key, count } = change;
        return changeText(node, log, key, String(count), ...bothOf(change));
      });
      expect(plain.sort()).toEqual(oracleDiff(oracle, from as number, to as number, asked, all));
    }
  });
});

describe("the history of a variable", () => {
  forEachShape("gives after each moment what a replay gives there, in pages", 15, async (one) => {
    const { oracle, draw, model } = one;
    for (let i = 0; i < 6; i += 1) {
      const run = draw.one(oracle.epochs);
      const variables = oracle.variablesOf(run);
      if (variables.length === 0) continue;
      const { log, key } = draw.one(variables);
      const [from, to] = [draw.one(model.times), draw.one(model.times)].sort((a, b) => a - b);
      const { node } = run.model;
      const versions = await allPages(
        one,
        node,
        log,
        key,
        from as Hlc,
        to as Hlc,
        1 + draw.below(4),
      );
      for (const [t, expected] of oracleVersions(
        oracle,
        node,
        log,
        key,
        from as number,
        to as number,
      )) {
        const last = versions.findLast(({ at }) => at <= t);
        expect([t, textOfVersion(last)]).toEqual([t, expected]);
      }
    }
  });
});

async function allPages(
  { history }: HistoryCase,
  node: string,
  log: string,
  key: string,
  from: Hlc,
  to: Hlc,
  limit: number,
): Promise<VariableVersion[]> {
  const whole = await history.variable(node, log, key, { from, to }, 10_000);
  expect(whole.next).toBeUndefined();
  const paged: VariableVersion[] = [];
  let next: Hlc | undefined = from;
  while (next !== undefined) {
    const page = await history.variable(node, log, key, { from: next, to }, limit);
    paged.push(...page.versions);
    next = page.next;
  }
  expect(paged).toEqual(whole.versions);
  return paged;
}

function textOfVersion(version: VariableVersion | undefined): string {
  if (version === undefined || version.deleted === true) return "absent";
  return version.unknown !== undefined ? "lost" : (textOf(version.value) as string);
}

describe("events", () => {
  forEachShape("come in global order, the same in pages as at once", 15, async (one) => {
    const { history, oracle, draw, model } = one;
    const selection = randomAsked(one);
    const [from, to] = draw.chance(0.3)
      ? [MIN_HLC, MAX_HLC]
      : [draw.one(model.times), draw.one(model.times)].sort((a, b) => a - b);
    const limit = 1 + draw.below(20);
    const found: string[] = [];
    let after: Parameters<typeof history.events>[0]["after"];
    for (;;) {
      const range = { from: from as Hlc, to: to as Hlc };
      const page = await history.events({
        ...range,
        selection,
        limit,
        ...(after ? { after } : {}),
      });
      expect(page.events.length).toBeLessThanOrEqual(limit);
      for (const { node, epoch, event } of page.events) {
        found.push(`${event.t} ${node} ${epoch} ${event.seq} ${event.kind}`);
        after = { node, epoch, seq: event.seq, t: event.t };
      }
      if (!page.more) break;
      expect(page.events.length).toBe(limit);
    }
    const expected = oracleEvents(oracle, selection)
      .filter(({ t }) => t >= (from as number) && t <= (to as number))
      .map(({ text }) => text);
    expect(found).toEqual(expected);
  });
});

describe("a timeline", () => {
  forEachShape(
    "counts in its buckets what happened in them, and shows all when it is little",
    15,
    async (one) => {
      const { history, oracle, draw, model } = one;
      const [from, to] = [draw.one(model.times), draw.one(model.times)].sort((a, b) => a - b);
      const pixels = 1 + draw.below(400);
      const timeline = await history.timeline({ from: from as Hlc, to: to as Hlc }, pixels);
      const { bucketTicks } = timeline;
      expect(timeline.from).toBeLessThanOrEqual(from as number);
      expect(
        Math.floor((to as number) / bucketTicks) - timeline.from / bucketTicks + 1,
      ).toBeLessThanOrEqual(pixels);
      for (const lane of timeline.lanes) {
        const events = oracle.runsOf(lane.node).flatMap((run) => run.events);
        const end = (Math.floor((to as number) / bucketTicks) + 1) * bucketTicks;
        const inside = events.filter(({ t }) => t >= timeline.from && t < end);
        const counts = new Map<string, number>();
        for (const { t, kind } of inside) {
          const index = Math.floor(t / bucketTicks) - timeline.from / bucketTicks;
          const name = `${index} ${measureOf(kind)}`;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        const drawn = lane.buckets.flatMap(({ index, ...bucket }) =>
          (["changes", "sends", "receives", "requests", "marks"] as const).flatMap((measure) =>
            bucket[measure] > 0 ? [[`${index} ${measure}`, bucket[measure]] as const] : [],
          ),
        );
        const expected = [...counts].filter(([name]) => !name.endsWith("others"));
        expect(new Map(drawn)).toEqual(new Map(expected));
        const shown = events.filter(({ t }) => t >= timeline.from && t <= (to as number));
        expect(timeline.exact).toBe(true);
        expect(lane.events?.map(({ event }) => event.t)).toEqual(
          shown.map(({ t }) => t).sort((a, b) => a - b),
        );
      }
    },
  );
});

function measureOf(kind: string): string {
  if (kind === "send" || kind === "receive" || kind === "request" || kind === "mark")
    return `${kind}s`;
  return kind === "keyframe" || kind === "join" || kind === "leave" ? "others" : "changes";
}
