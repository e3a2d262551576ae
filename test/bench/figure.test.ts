import { describe, expect, it } from "vitest";
import { type Figure, rowOf, tableOf } from "./figure.ts";

const figure: Figure = {
  metric: "record one change",
  value: 80,
  unit: "ns",
  better: "lower",
  workload: "1,000 numbers",
};
const rival = { what: "spans", value: 960 };

describe("a figure's row", () => {
  const cases: ReadonlyArray<
    readonly [why: string, change: Partial<Figure>, ratio: number | null, met: boolean | null]
  > = [
    ["without goal or rival nothing is judged", {}, null, null],
    ["a limit is met at the limit", { goal: { atMost: 80 } }, null, true],
    ["and missed above it", { value: 80.1, goal: { atMost: 80 } }, null, false],
    ["lower is better: the rival over us", { against: rival }, 12, null],
    ["higher is better: us over the rival", { against: rival, better: "higher" }, 1 / 12, null],
    ["a goal of the ratio, met", { against: rival, goal: { of: "ratio", atLeast: 12 } }, 12, true],
    [
      "a goal of the ratio, missed",
      { against: rival, goal: { of: "ratio", atLeast: 13 } },
      12,
      false,
    ],
    ["a goal of a ratio nobody measured", { goal: { of: "ratio", atLeast: 2 } }, null, null],
  ];
  it.each(cases)("%s", (_why, change, ratio, met) => {
    expect(rowOf("agent-record", { ...figure, ...change })).toMatchObject({ ratio, met });
  });

  it("has the same keys for every bench, with null where there is nothing", () => {
    expect(rowOf("agent-record", { ...figure, goal: { atMost: 80 } })).toEqual({
      bench: "agent-record",
      metric: "record one change",
      value: 80,
      unit: "ns",
      against: null,
      ratio: null,
      goal: "<= 80 ns",
      met: true,
      workload: "1,000 numbers",
    });
  });
});

it("prints the figures as a table, a missed goal in capitals", () => {
  const rows = [
    rowOf("b", { ...figure, against: rival, goal: { of: "ratio", atLeast: 13 } }),
    rowOf("b", { ...figure, metric: "encode", value: 5_123_456.7, unit: "events/s" }),
  ];
  expect(tableOf(rows)).toBe(
    [
      "metric             value               against     ratio  goal         met",
      "record one change  80 ns               spans: 960  12x    ratio >= 13  NO",
      "encode             5,123,457 events/s  -           -      -            -",
      "",
      "workload: 1,000 numbers",
    ].join("\n"),
  );
});
