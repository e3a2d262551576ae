/** Rows 8 and 9: how processes end, multiply, and are killed. */
import { spawn } from "node:child_process";
import { cutAt } from "./checker.mjs";
import { between } from "./seeded.mjs";
import { quantile, sleep, within } from "./waiting.mjs";

const EXIT_HOST = new URL("./exit-host.mjs", import.meta.url).pathname;
const MANY_NODES = new URL("./many-nodes.mjs", import.meta.url).pathname;
const WITHOUT_FLUSH_MS = 100;
const WITH_FLUSH_MS = 500;
/** What a machine with other work may add to a delay; the strict goal is reported beside it. */
const SLACK_MS = 300;
const REPEATS = 3;

/** From the end of a service's own work to the end of its process, in ms. */
async function exitDelay(spec) {
  const child = spawn(process.execPath, [EXIT_HOST], {
    env: { PATH: process.env.PATH ?? "", FAULTS_EXIT: JSON.stringify(spec) },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (part) => {
    stderr += String(part);
  });
  let doneMs;
  child.stdio[3].on("data", () => {
    doneMs ??= performance.now();
    if (spec.how === "term") child.kill("SIGTERM");
  });
  const gone = new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  try {
    const { code, signal } = await within("a service ends", gone, 20_000);
    const delayMs = performance.now() - doneMs;
    const isRight = spec.how === "term" ? signal === "SIGTERM" : code === 0;
    return {
      delayMs,
      wrong: isRight && stderr === "" ? undefined : `${code ?? signal}: ${stderr}`,
    };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Measured once; where that is over the goal, as the median of several. */
async function medianDelay(spec, goalMs, wrongs) {
  const delays = [];
  do {
    const { delayMs, wrong } = await exitDelay(spec);
    delays.push(delayMs);
    if (wrong !== undefined) wrongs.push(`${JSON.stringify(spec)}: ${wrong}`);
  } while (delays.length < REPEATS && Math.max(...delays) > goalMs);
  return quantile(delays, 0.5);
}

export const row8 = {
  id: "8",
  title: "SIGTERM, process.exit, natural end; fork, cluster, worker threads",
  alone: true,
  async run({ scene, figure }) {
    await scene.open();
    const hole = await scene.newProxy();
    await hole.set({ kind: "blackhole" });
    const nowhere = await scene.newProxy();
    await nowhere.set({ kind: "down" });
    const places = {
      none: undefined,
      well: scene.proxy.url,
      down: nowhere.url,
      "black hole": hole.url,
    };
    const wrongs = [];
    let number = 0;
    for (const how of ["natural", "exit", "term"]) {
      const base = await medianDelay({ how, noAgent: true }, 0, wrongs);
      for (const [place, collector] of Object.entries(places)) {
        number += 1;
        const agent = {
          service: "exit",
          node: `exit${number}`,
          ...(collector === undefined ? {} : { collector }),
        };
        const goal = collector === undefined || how === "exit" ? WITHOUT_FLUSH_MS : WITH_FLUSH_MS;
        const delay = (await medianDelay({ how, agent }, goal + base, wrongs)) - base;
        figure(`${how}, collector ${place}`, Math.round(delay), "ms", {
          goal: `<= ${goal} ms`,
          met: delay <= goal,
        });
        scene.promise(
          delay <= goal + SLACK_MS,
          "a longer life for the host",
          `${how}, ${place}: ${delay} ms`,
        );
      }
    }
    scene.promise(wrongs.length === 0, "it did not end as it would have", wrongs[0]);
    // What was flushed in time is there: natural ends and SIGTERM with a collector that is well.
    for (const node of ["exit2", "exit10"]) {
      const values = new Set();
      for await (const event of scene.collector.events(node))
        if (event.kind === "set") values.add(event.value);
      scene.promise(
        values.size === 120,
        "the last changes are missing",
        `${node}: ${values.size} of 120`,
      );
    }
    for (const mode of ["fork", "cluster", "worker"]) await multiply(scene, mode, figure);
  },
};

/** Each process and thread must be a node of its own. */
async function multiply(scene, mode, figure) {
  const child = spawn(process.execPath, [MANY_NODES, mode], {
    env: {
      PATH: process.env.PATH ?? "",
      RETROSCOPE_NODE: `many-${mode}`,
      RETROSCOPE_SERVICE: "many",
      RETROSCOPE_COLLECTOR: scene.proxy.url,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (part) => {
    stdout += String(part);
  });
  child.stderr.on("data", (part) => {
    stderr += String(part);
  });
  const gone = new Promise((resolve) => child.once("close", resolve));
  const code = await within(`${mode} ends`, gone, 30_000).finally(() => child.kill("SIGKILL"));
  const nodes = [...stdout.matchAll(/^node (\S+) (\d+)/gm)].map(([, node]) => node);
  const expected = mode === "fork" ? 3 : 4;
  scene.promise(
    code === 0 && stderr === "",
    "a process of several failed",
    `${mode}: ${code} ${stderr}`,
  );
  scene.promise(
    nodes.length === expected && new Set(nodes).size === expected,
    "node ids are not unique",
    `${mode}: ${stdout}`,
  );
  for (const node of nodes) {
    let count = 0;
    for await (const event of scene.collector.events(node)) if (event.kind === "set") count += 1;
    scene.promise(count === 20, "changes of one of several are missing", `${node}: ${count}`);
  }
  figure(mode, nodes.length, "nodes");
}

export const row9 = {
  id: "9",
  title: "SIGKILL of the host, again and again",
  async run({ scene, random, runs, figure }) {
    await scene.open();
    const dataDir = scene.folder("epochs");
    const kills = runs ?? 10;
    let firstN = 1;
    let openEnds = 0;
    for (let i = 0; i <= kills; i += 1) {
      const host = await scene.host({ name: "killed", firstN, agent: { dataDir } });
      host.life.name = `life ${i}`;
      await host.load(20, 10);
      const isLast = i === kills;
      await sleep(isLast ? 600 : between(random, 100, 500));
      if (isLast) break;
      await host.kill();
      firstN = host.life.lastN + (host.life.open?.count ?? 0) + 1_000;
      // No cut may call the time between the lives complete, whatever was shipped.
      const last = host.life.bursts.at(-1);
      if (last !== undefined) host.life.afterT = last.lastT + 15 * 4_096;
    }
    await scene.settle();
    const { lives } = scene.ledger;
    for (const [i, life] of lives.entries()) {
      const next = lives[i + 1];
      if (next === undefined) break;
      const rises = next.epochs[0].epoch > life.epochs.at(-1).epoch;
      scene.promise(
        rises,
        "the next epoch is not higher",
        `${life.name}: ${JSON.stringify([life.epochs, next.epochs])}`,
      );
      const after = next.bursts[0]?.firstT ?? Number.POSITIVE_INFINITY;
      scene.promise(
        after > (life.bursts.at(-1)?.lastT ?? 0),
        "stamps fell over a restart",
        life.name,
      );
      if (life.afterT === undefined) continue;
      const { incomplete } = await cutAt(scene.collector, life.afterT);
      const said = incomplete.find(({ node }) => node === "killed");
      if (said !== undefined) openEnds += 1;
      else scene.promise(false, "no open end after a kill", `${life.name} at ${life.afterT}`);
    }
    figure("kills", kills, "");
    figure("open ends shown", openEnds, "");
    await scene.judge({ mayStoreDropped: true });
  },
};
