/** The judge judged: a true history is falsified on its way to it, and each falsehood must be found. */
import { Verdict } from "../agent/checker.mjs";
import { judge } from "./judge.mjs";

/** A collector whose answers pass through `event` (a list: these instead), `nodes` and `cut`. */
function falsified(
  collector,
  { event = (one) => [one], nodes = (one) => one, cut = (one) => one },
) {
  return {
    async get(path) {
      const answer = await collector.get(path);
      if (path.startsWith("/api/cut")) return cut(answer);
      return path.startsWith("/api/nodes") ? nodes(answer) : answer;
    },
    async *events(node) {
      for await (const one of collector.events(node)) yield* event(one);
    },
  };
}

const VICTIM = 77;

/** What is planted, and what the judge must call it. */
const PLANTS = [
  ["an event left out", { event: (one) => (one.seq === VICTIM ? [] : [one]) }, "loss"],
  ["an event twice", { event: (one) => (one.seq === VICTIM ? [one, one] : [one]) }, "duplicate"],
  [
    "another value",
    { event: (one) => (one.seq === VICTIM ? [{ ...one, value: -1 }] : [one]) },
    "unexplained",
  ],
  [
    "another time",
    { event: (one) => (one.seq === VICTIM ? [{ ...one, t: { hlc: "0000000000000010" } }] : [one]) },
    "unexplained",
  ],
  [
    "an event that never was",
    { event: (one) => (one.seq === VICTIM ? [one, { ...one, seq: 1e7 }] : [one]) },
    "unexplained",
  ],
  ["a lost range that is not told", { nodes: (one) => withNodes(one, { lost: [] }) }, "silent gap"],
  [
    "a loss that never was",
    {
      nodes: (one) => withNodes(one, { lost: [{ firstSeq: 1, lastSeq: 9 }] }),
      event: (one) => (one.seq < 10 ? [] : [one]),
    },
    "false loss",
  ],
  ["a node forgotten", { nodes: (one) => ({ ...one, nodes: [] }) }, "loss"],
  ["another state, called complete", { cut: withState }, "lie"],
  [
    "complete, with reasons why not",
    { cut: (one) => ({ ...one, complete: !one.complete }) },
    "lie",
  ],
  [
    "incomplete without a reason",
    { cut: (one) => ({ ...one, complete: false, incomplete: [{ node: "n0", reason: "hole" }] }) },
    "false alarm",
  ],
];

const withNodes = (answer, change) => ({
  ...answer,
  nodes: answer.nodes.map((node) => ({ ...node, ...change })),
});

function withState(answer) {
  for (const { logs } of Object.values(answer.nodes))
    for (const log of Object.values(logs ?? {})) for (const key of Object.keys(log)) log[key] += 1;
  return answer;
}

export const rowJudge = {
  id: "J",
  title: "the judge finds what is planted",
  async run({ scene, random, figure }) {
    scene.newStore({ nodes: 2, pauseMs: 2 });
    await scene.collector.start();
    const stop = scene.load();
    const hasDrop = () => scene.books.every(({ drops }) => drops.length > 0);
    while (!hasDrop()) await scene.untilAcknowledged(500);
    await stop();
    await scene.drain();
    const { collector, books } = scene;
    let found = 0;
    for (const [what, plant, expected] of PLANTS) {
      const verdict = new Verdict();
      await judge({ verdict, books, collector: falsified(collector, plant), random });
      const isFound = verdict.failures.some((failure) => failure.what === expected);
      if (isFound) found += 1;
      else scene.promise(false, "the judge is blind", `${what}: no ${expected}`);
    }
    figure("planted and found", found, `of ${PLANTS.length}`);
    await scene.judge();
    await scene.verify();
  },
};
