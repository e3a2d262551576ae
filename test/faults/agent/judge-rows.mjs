/** The judge judged: a true history is falsified on its way to it, and each falsehood must be found. */
import { check, Verdict } from "./checker.mjs";
import { LOAD_LOG } from "./ledger.mjs";
import { sleep } from "./waiting.mjs";

/** A collector whose answers pass through `event` (undefined: left out; a list: these instead) and `cut`. */
function falsified(collector, { event = (one) => [one], cut = (one) => one }) {
  return {
    async get(path) {
      const answer = await collector.get(path);
      return path.startsWith("/api/cut") ? cut(answer) : answer;
    },
    async *events(node) {
      for await (const one of collector.events(node)) yield* event(one);
    },
  };
}

const isLoad = ({ kind, log }) => kind === "set" && log === LOAD_LOG;

/** What is planted, and what the judge must call it. */
const PLANTS = [
  [
    "an event left out",
    { event: (one) => (one.value === 50 ? [] : [one]) },
    ["loss", "silent gap", "open books"],
  ],
  ["an event twice", { event: (one) => (one.value === 50 ? [one, one] : [one]) }, ["duplicate"]],
  [
    "a value under two seqs",
    { event: (one) => (one.value === 50 ? [one, { ...one, seq: 1e6 }] : [one]) },
    ["duplicate"],
  ],
  [
    "an event that never was",
    { event: (one) => (one.value === 50 ? [{ ...one, value: 1e9 }] : [one]) },
    ["unexplained"],
  ],
  [
    "another time",
    { event: (one) => (isLoad(one) ? [{ ...one, t: { hlc: "0000000000000010" } }] : [one]) },
    ["unexplained"],
  ],
  ["another state, called complete", { cut: withState }, ["lie"]],
  ["a stamp that fell", { life: { fallCount: 1 } }, ["clock fell"]],
  ["a change that nobody counted", { stats: { recorded: 1 } }, ["open books"]],
];

function withState(answer) {
  const logs = answer.nodes?.judged?.logs?.[LOAD_LOG];
  if (logs?.k1 !== undefined) logs.k1 += 1;
  return answer;
}

export const rowJudge = {
  id: "J",
  title: "the judge finds what is planted",
  async run({ scene, random, figure }) {
    await scene.open();
    const host = await scene.host({ name: "judged" });
    await host.load(20, 10);
    await sleep(800);
    await scene.settle();
    const { ledger, collector } = scene;
    const { life } = host;
    let found = 0;
    for (const [what, { life: wrong, stats, ...plant }, expected] of PLANTS) {
      const verdict = new Verdict();
      const before = { fallCount: life.fallCount, stats: life.stats };
      Object.assign(life, wrong);
      if (stats !== undefined) life.stats = { ...life.stats, recorded: life.stats.recorded + 1 };
      const options = { random, mayStoreDropped: false, askedCuts: [] };
      await check({ verdict, ledger, collector: falsified(collector, plant), ...options });
      Object.assign(life, before);
      const kinds = new Set(verdict.failures.map((failure) => failure.what));
      const missed = expected.filter((kind) => !kinds.has(kind));
      if (missed.length === 0) found += 1;
      else scene.promise(false, "the judge is blind", `${what}: no ${missed}`);
    }
    figure("planted and found", found, `of ${PLANTS.length}`);
    await scene.judge();
  },
};
