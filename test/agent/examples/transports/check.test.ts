import { expect, it } from "vitest";

interface Judgement {
  readonly joined: number;
  readonly failed: number;
  readonly channels: readonly string[];
  readonly faults: readonly string[];
}

// Plain JavaScript, as all of the example, hence without types.
const file = new URL("../../../../agent/examples/transports/driver/check.mjs", import.meta.url);
const { judge } = (await import(file.href)) as { judge(run: object): Judgement };

const at = (ms: number) => ({ hlc: ms.toString(16).padStart(16, "0"), time: `${ms}` });
const send = (node: string, seq: number, ms: number, more: object = {}) => ({
  ...{ kind: "send", node, epoch: 1, seq, t: at(ms), channel: "http", peer: "b:1" },
  ...{ id: `${node}/1/${seq}` },
  ...more,
});
const receive = (node: string, seq: number, ms: number, id: string) => ({
  ...{ kind: "receive", node, epoch: 1, seq, t: at(ms), channel: "http", id },
});
const goodCut = { at: at(9), consistent: true, complete: true };
const run = (events: readonly object[], cut: object = goodCut) =>
  judge({ nodes: [{}, {}], events, cuts: [cut] });

it("counts messages with both sides, and finds no fault in them", () => {
  const good = [
    send("a", 1, 1),
    receive("b", 1, 2, "a/1/1"),
    send("b", 2, 3),
    receive("a", 2, 4, "b/1/2"),
  ];
  expect(run(good)).toMatchObject({ joined: 2, failed: 0, channels: ["http"], faults: [] });
});

it("counts failed and replaced sends apart", () => {
  const events = [
    send("a", 1, 1),
    send("a", 2, 2, { failed: true, replaces: 1 }),
    send("a", 3, 3),
    send("a", 4, 4, { replaces: 3 }),
    receive("b", 1, 5, "a/1/4"),
  ];
  expect(run(events)).toMatchObject({ joined: 1, failed: 1, faults: [] });
});

interface Plant {
  readonly what: string;
  readonly events: readonly object[];
  readonly cut?: object;
}

const planted: readonly Plant[] = [
  { what: "a send that was never received", events: [send("a", 1, 1)] },
  { what: "a receive of nothing", events: [receive("b", 1, 2, "a/1/1")] },
  { what: "a receive before its send", events: [send("a", 1, 5), receive("b", 1, 2, "a/1/1")] },
  {
    what: "a receive as early as its send",
    events: [send("a", 1, 2), receive("b", 1, 2, "a/1/1")],
  },
  {
    what: "a message received twice",
    events: [send("a", 1, 1), receive("b", 1, 2, "a/1/1"), receive("b", 2, 3, "a/1/1")],
  },
  {
    what: "a failed send that arrived",
    events: [
      send("a", 1, 1),
      send("a", 2, 2, { failed: true, replaces: 1 }),
      receive("b", 1, 3, "a/1/1"),
    ],
  },
  { what: "an inconsistent cut", events: [], cut: { ...goodCut, consistent: false } },
  { what: "an incomplete cut", events: [], cut: { ...goodCut, complete: false } },
];
it.each(planted)("finds $what", ({ events, cut }) => {
  expect(run(events, cut).faults).toHaveLength(1);
});
