/** Rows 31, 34, 35: more than it can take, in a small memory, with questions that never end. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quantile, sleep, until } from "../agent/waiting.mjs";
import { readLmdb } from "./lmdb-file.mjs";
import { Watch } from "./watch.mjs";

const FLOOD_MS = 10_000;
/** Agents that keep the rules, and those that do not pause. */
const CALM = { nodes: 4, eventsPerBatch: 100, pauseMs: 60, drops: false };
const FLOOD = { nodes: 40, eventsPerBatch: 4_000, batchesPerBody: 4, pauseMs: 0, drops: false };
const CALM_AGAIN_MS = 5_000;
const RSS_MIB = 1_024;
const LIVE_EVERY_MS = 50;

async function flood(scene, figure, minutes) {
  const { collector } = scene;
  const calm = scene.writers;
  const flooding = scene.newWriters({ ...FLOOD, prefix: "flood", add: true });
  const quiet = new Watch(collector).start();
  await scene.loadFor(2_000, calm);
  const before = await quiet.stop();
  const watch = new Watch(collector).start();
  const stopCalm = scene.load(calm);
  const stop = scene.load(flooding);
  const start = performance.now();
  const acknowledgedBefore = scene.acknowledged;
  await sleep(minutes === undefined ? FLOOD_MS : minutes * 60_000);
  const perSecond =
    (scene.acknowledged - acknowledgedBefore) / ((performance.now() - start) / 1_000);
  const { answerMs, maxRssBytes, failures, statuses } = await watch.stop();
  const stopping = stop();
  const calmAt = performance.now();
  const isCalm = async () => {
    const asked = performance.now();
    await collector.get("/api/nodes");
    return performance.now() - asked < 4 * Math.max(20, quantile(before.answerMs, 0.99));
  };
  await until("answers are as soon as before", isCalm, 30_000, 50);
  const calmMs = performance.now() - calmAt;
  await stopping;
  await stopCalm();
  const odd = [...statuses].filter(([status]) => status !== 200);
  scene.promise(
    odd.length === 0,
    "a question was refused: its reserve is gone",
    JSON.stringify(odd),
  );
  scene.promise(failures.length === 0, "a question had no answer", failures[0]);
  const counts = new Map();
  for (const { statuses: seen } of scene.writers)
    for (const [status, count] of seen) counts.set(status, (counts.get(status) ?? 0) + count);
  for (const status of counts.keys())
    scene.promise([200, 429, 503].includes(status), "another refusal", `status ${status}`);
  figure("events acknowledged", perSecond, "/s");
  figure("requests", [...counts].map(([status, n]) => `${status}: ${n}`).join(", "), "");
  figure("answers before, p99", quantile(before.answerMs, 0.99), "ms");
  figure("answers under it, p99", quantile(answerMs, 0.99), "ms");
  figure("normal again after", calmMs, "ms", { goal: CALM_AGAIN_MS, met: calmMs <= CALM_AGAIN_MS });
  return maxRssBytes / 2 ** 20;
}

export const row34 = {
  id: "34",
  title: "ten times overload: refused with 429 or 503, questions answered, normal again (G9)",
  alone: true,
  async run({ scene, minutes, figure }) {
    scene.newStore(CALM);
    await scene.collector.start();
    const rssMib = await flood(scene, figure, minutes);
    scene.promise(rssMib < RSS_MIB, "memory grew without bound", `${rssMib} MiB`);
    figure("RSS (anonymous) at most", rssMib, "MiB");
    await scene.drain(60_000);
    await scene.judge({ cuts: 6 });
    await scene.verify();
  },
};

const CEILING_MIB = 512;
const GROUPS = "/sys/fs/cgroup/memory";

function noMemoryGroup() {
  if (!existsSync(join(GROUPS, "memory.limit_in_bytes")))
    return "needs memory cgroups (version 1), as root";
  const probe = join(GROUPS, `retroscope-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return undefined;
  } catch (error) {
    return `needs the right to make a memory cgroup: ${error.message}`;
  }
}

export const row35 = {
  id: "35",
  title: `overload under a memory ceiling of ${CEILING_MIB} MiB: refuses before the kernel kills (G9)`,
  alone: true,
  skipped: noMemoryGroup,
  async run({ scene, minutes, figure }) {
    const group = join(GROUPS, `retroscope-faults-${process.pid}`);
    mkdirSync(group);
    scene.onClose(async () => {
      await until(
        "the group is empty",
        () => readFileSync(join(group, "cgroup.procs"), "utf8") === "",
        5_000,
      );
      rmdirSync(group);
    });
    writeFileSync(join(group, "memory.limit_in_bytes"), String(CEILING_MIB * 2 ** 20));
    scene.newStore(CALM);
    const { collector } = scene;
    // The shell moves itself into the group and becomes the collector.
    const enter = `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`;
    collector.how.before = ["sh", "-c", enter];
    await collector.start();
    const rssMib = await flood(scene, figure, minutes);
    const kills = Number(
      /oom_kill (\d+)/.exec(readFileSync(join(group, "memory.oom_control"), "utf8"))?.[1] ?? 0,
    );
    scene.promise(
      kills === 0 && collector.ended === undefined,
      "killed for its memory",
      `${kills}`,
    );
    figure("RSS (anonymous) at most", rssMib, `MiB of ${CEILING_MIB}`);
    figure("OOM kills", kills, "", { goal: 0, met: kills === 0 });
    await scene.drain(60_000);
    await scene.judge({ cuts: 6 });
    await scene.verify();
  },
};

export const row31 = {
  id: "31",
  title: "the map grows under load; long questions do not pin its pages",
  async run({ scene, minutes, figure }) {
    scene.newStore({ nodes: 6, eventsPerBatch: 400, pauseMs: 5, drops: false });
    const { collector } = scene;
    await collector.start();
    const stop = scene.load();
    let isOn = true;
    // Each reads all there is, again and again, while it grows.
    const readers = Array.from({ length: 4 }, async () => {
      while (isOn) for await (const _ of collector.events("n0")) if (!isOn) break;
    });
    // Sealing leaves a third of what batches took: the file is as long as what was live at once needs.
    let mostLive = 0;
    const watcher = (async () => {
      for (; isOn; await sleep(LIVE_EVERY_MS)) {
        const { retention } = await collector.get("/api/nodes");
        mostLive = Math.max(mostLive, retention.usedBytes);
      }
    })();
    await sleep(minutes === undefined ? 8_000 : minutes * 60_000);
    await stop();
    isOn = false;
    await Promise.all([...readers, watcher]);
    await scene.drain();
    await scene.judge({ cuts: 6 });
    await scene.verify();
    const path = join(collector.directory, "data.mdb");
    const { pageCount, pageBytes } = readLmdb(path);
    const fileBytes = statSync(path).size;
    const ratio = fileBytes / Math.max(mostLive, pageCount * pageBytes);
    scene.promise(ratio <= 2, "the file is more than twice what was live at once", `${ratio}`);
    figure("file", fileBytes / 2 ** 20, "MiB");
    figure("file over what is live at the end", fileBytes / (pageCount * pageBytes), "");
    figure("file over what was live at once", ratio, "", { goal: 2, met: ratio <= 2 });
  },
};
