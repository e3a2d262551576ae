import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, MIN_HLC } from "../../agent/kernel/index.ts";
import { MAX_BOOKMARKS } from "../../ui/src/model/choices.ts";
import {
  DEFAULT_VIEW,
  type LinkedView,
  readFragment,
  writeFragment,
} from "../../ui/src/model/fragment.ts";
import { MAX_SPAN_TICKS, MIN_SPAN_TICKS } from "../../ui/src/scale/time-scale.ts";

const times = fc.integer({ min: MIN_HLC, max: 2 ** 50 }).map((t) => t as Hlc);
const spans = fc.integer({ min: MIN_SPAN_TICKS, max: MAX_SPAN_TICKS });
const viewports = fc
  .tuple(times, spans)
  .map(([from, span]) => ({ from, to: (from + span) as Hlc }));
const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });

const boxes = fc
  .tuple(viewports, fc.nat(3_600_000_000), fc.integer({ min: 1, max: 3_600_000_000 }))
  .map(([range, lowUs, us]) => ({ ...range, lowUs, highUs: lowUs + us }));

/** A paused view, as the page can be in. */
const pausedViews: fc.Arbitrary<LinkedView> = fc
  .record({
    viewport: viewports,
    cut: times,
    fixedCut: fc.option(times),
    bookmark: fc.option(times),
    bookmarks: fc
      .uniqueArray(times, { maxLength: MAX_BOOKMARKS })
      .map((all) => all.sort((a, b) => a - b)),
    tab: fc.constantFrom("state", "diff", "flight", "query", "bottlenecks", "event"),
    stateOrder: fc.constantFrom("node", "variable"),
    selectedNode: fc.option(text),
    selectedEvent: fc.option(
      fc.record({ node: text, epoch: fc.maxSafeNat(), seq: fc.maxSafeNat(), t: times }),
    ),
    foldedServices: fc.uniqueArray(text, { maxLength: 6 }),
    theme: fc.constantFrom("system", "light", "dark"),
    showAbsent: fc.boolean(),
    variable: fc.option(fc.record({ node: text, log: text, key: text })),
    pins: fc.array(fc.record({ log: text, key: text }), { maxLength: 3 }),
    bisect: fc.record({ good: fc.option(times), bad: fc.option(times) }),
    foldSilences: fc.boolean(),
    isLatencyShown: fc.boolean(),
    latencySide: fc.constantFrom("server", "caller"),
    box: fc.option(boxes),
    lanes: fc.record({
      hidden: fc.uniqueArray(text, { maxLength: 4 }),
      pinned: fc.uniqueArray(text, { maxLength: 4 }),
      order: fc.uniqueArray(text, { maxLength: 4 }),
      filter: fc.oneof(fc.constant(""), text),
    }),
    query: fc.option(
      fc.record({
        text: text.filter((one) => one.trim() !== ""),
        range: fc.option(viewports),
      }),
    ),
    hit: fc.option(
      fc.record({
        query: fc.nat(15),
        n: fc.integer({ min: 1, max: 100_000 }),
        service: fc.oneof(fc.constant(""), text),
      }),
    ),
  })
  .map((view) => ({
    ...view,
    live: false,
    spanTicks: DEFAULT_VIEW.spanTicks,
  })) as fc.Arbitrary<LinkedView>;

describe("the address", () => {
  it("restores any view exactly, whatever the nodes and services are called", () => {
    fc.assert(
      fc.property(pausedViews, (view) => {
        expect(readFragment(writeFragment(view))).toEqual({ view, ignored: [] });
      }),
      { numRuns: 1_000 },
    );
  });

  it("keeps a selected event whose node has line ends in its name", () => {
    const selectedEvent = { node: "a\u2028/\nb", epoch: 0, seq: 1, t: 0 as Hlc };
    const view = { ...DEFAULT_VIEW, selectedEvent };
    expect(readFragment(writeFragment(view)).view.selectedEvent).toEqual(selectedEvent);
  });

  it("is empty for an untouched page, and keeps the width of a live one", () => {
    expect(writeFragment(DEFAULT_VIEW)).toBe("");
    expect(readFragment("").view).toEqual(DEFAULT_VIEW);
    const wide = { ...DEFAULT_VIEW, spanTicks: 4096 * 60_000 };
    expect(readFragment(writeFragment(wide)).view).toEqual(wide);
  });

  it("never throws, and names the parts that it leaves out", () => {
    fc.assert(
      fc.property(fc.string(), (hostile) => {
        readFragment(hostile);
      }),
    );
    const { view, ignored } = readFragment(
      'v=9&from=nonsense&tab=map&hit=x&in=y&colour=pink&cut=01a1fed60d000000&pin=kv&var=["n1","kv"]',
    );
    expect([...ignored].sort()).toEqual(["colour", "from", "hit", "in", "pin", "tab", "v", "var"]);
    expect(view.tab).toBe("state");
    expect(view.live).toBe(false);
  });

  it("refuses a range that runs backwards or is absurdly wide", () => {
    expect(readFragment("v=1&from=01a1fed60d000000&to=01a1fed60c000000").view.viewport).toBeNull();
    expect(readFragment("v=1&from=0000000000000000&to=01a1fed60c000000").ignored).toContain("from");
  });

  it("stays short", () => {
    fc.assert(
      fc.property(pausedViews, (view) => {
        const typical = {
          ...view,
          selectedNode: "store-1",
          selectedEvent: null,
          foldedServices: ["store"],
          variable: null,
          bookmarks: [],
          pins: [{ log: "kv", key: "apples" }],
          lanes: DEFAULT_VIEW.lanes,
          query: { text: "SELECT leader FROM raft WHEN Cardinality(leader) > 1", range: null },
          hit: { query: 0, n: 12, service: "" },
        };
        expect(writeFragment(typical).length).toBeLessThan(460);
      }),
    );
  });
});
