/**
 * Rows 26B and 27B: kills and power cuts while the collector works behind ingest: checkpoints, sealing,
 * retention's marks and sweeps. Each life is two: in the first, events come, and it is killed before it has
 * come to them; the second finds all of that work at its start and is given nothing else, so that every call
 * that it makes belongs to it.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sleep, until } from "../agent/waiting.mjs";
import { RECORDED, readRecording, WITH_BYTES } from "./power-cut.mjs";
import { judgeImage } from "./power-rows.mjs";
import { runVerify } from "./stage.mjs";
import { noStrace, underStrace } from "./strace.mjs";

/** Short, and longer than from one life to the next. */
const RETENTION = ["--retention", "5s"];
/** Enough for a segment of every node in each life (8,192 events), in few posts. */
const LOAD = { nodes: 2, eventsPerBatch: 4_000, batchesPerBody: 3, pauseMs: 0 };
const POSTS_PER_LIFE = 6;
/** Retention looks a second after the start; what it finds takes less than another. */
const WORK_MS = 3_000;
const CALLS = ["pwrite64", "fdatasync", "writev", "pwritev"];
const LONGEST_STEP = 3;
const POINTS = 12;
const IMAGES = 12;

/** Events come, and the process is killed as soon as the last are acknowledged. */
async function fill(scene) {
  const { collector, writers } = scene;
  await collector.start({});
  for (let i = 0; i < POSTS_PER_LIFE; i += 1)
    await writers[i % writers.length].sendOnce(collector.port);
  await collector.stop("SIGKILL");
}

/** What was done behind ingest so far, by the files alone: kinds of records, and whether any history went. */
async function judgeWork(scene) {
  const { collector } = scene;
  const { kinds, code, damage } = await runVerify(collector.directory);
  scene.promise(code === 0, "verify found damage", JSON.stringify(damage?.slice(0, 3)));
  scene.promise((kinds?.block ?? 0) > 0, "nothing was sealed", JSON.stringify(kinds));
  scene.promise((kinds?.pruned ?? 0) > 0, "nothing was pruned", JSON.stringify(kinds));
  return kinds ?? {};
}

export const row26Behind = {
  id: "26B",
  title: "SIGKILL at each write and sync of sealing and pruning (G2)",
  skipped: noStrace,
  async run({ scene, random, runs = POINTS, figure }) {
    scene.newStore(LOAD);
    const { collector } = scene;
    const output = scene.path("trace");
    const more = ["-P", join(collector.directory, "data.mdb")];
    const hit = {};
    const sweeps = CALLS.map((call) => ({ call, n: 0 }));
    let [point, lives] = [0, 0];
    while (sweeps.length > 0 && point < runs) {
      await fill(scene);
      lives += 1;
      const sweep = sweeps.shift();
      sweep.n += 1 + Math.floor(random() * LONGEST_STEP);
      const inject = [`${sweep.call}:signal=KILL:when=${sweep.n}`];
      collector.how.before = underStrace({ calls: sweep.call, inject, output, more });
      collector.how.options = RETENTION;
      const isClean = await workBehind(collector);
      collector.how.before = [];
      collector.how.options = [];
      if (isClean) continue;
      point += 1;
      sweeps.push(sweep);
      hit[sweep.call] = (hit[sweep.call] ?? 0) + 1;
    }
    // What the kills left is pruned by whoever comes next.
    collector.how.options = RETENTION;
    await collector.start({});
    await untilRemoved(collector);
    await collector.stop();
    collector.how.options = [];
    await fill(scene);
    await collector.start({});
    await scene.judgeWatermarks();
    await scene.drain();
    await scene.judge({ isPruned: true });
    await collector.stop();
    const kinds = await judgeWork(scene);
    figure("points", point, `in ${lives} lives`);
    const calls = Object.entries(hit).map(([call, count]) => `${call} ${count}`);
    figure("killed at", calls.join(", "), "");
    figure("blocks, marks", `${kinds.block}, ${kinds.pruned}`, "");
  },
};

/** A life without ingest; true if it outlived its work. */
async function workBehind(collector) {
  // One thread in the pool: the n-th call of that thread is the n-th of all.
  const starting = collector.start({ UV_THREADPOOL_SIZE: "1" });
  let isGone = false;
  const gone = collector.expectEnd().then(() => {
    isGone = true;
  });
  try {
    await starting;
  } catch (error) {
    if (collector.ended === undefined && !/did not start/.test(String(error))) throw error;
    return false;
  }
  await Promise.race([gone, sleep(WORK_MS)]);
  await collector.stop("SIGKILL");
  return !isGone;
}

export const row27Behind = {
  id: "27B",
  title: "power cut while batches are sealed and the oldest are pruned (G3)",
  skipped: noStrace,
  async run({ scene, random, runs = IMAGES, figure }) {
    scene.newStore({ ...LOAD, drops: false });
    const { collector } = scene;
    const data = join(collector.directory, "data.mdb");
    const output = scene.path("recording");
    const seen = { images: 0, refused: 0 };
    let [operationCount, removed] = [0, 0];
    // Something that is old enough to go when the first recording begins.
    await fill(scene);
    await sleep(2_000);
    while (seen.images < runs) {
      await fill(scene);
      const base = existsSync(data) ? readFileSync(data) : Buffer.alloc(0);
      collector.how.before = underStrace({ calls: RECORDED, output, more: WITH_BYTES });
      collector.how.options = RETENTION;
      await collector.start({});
      removed += await untilRemoved(collector);
      await collector.stop();
      collector.how.before = [];
      collector.how.options = [];
      const operations = readRecording(output, data);
      rmSync(output);
      operationCount += operations.length;
      scene.promise(operations.length > 0, "nothing was recorded", "no write behind ingest");
      const before = scene.books.map(({ acknowledged }) => acknowledged);
      const images = Math.min(6, runs - seen.images);
      for (let i = 0; i < images; i += 1) {
        const count = Math.floor(random() * (operations.length + 1));
        await judgeImage(scene, random, { operations, count, base, before, seen, isPruned: true });
        seen.images += 1;
      }
    }
    scene.promise(removed > 0, "nothing was pruned", "while it was recorded");
    const kinds = await judgeWork(scene);
    figure("images", seen.images, "", {
      goal: "none wrong",
      met: scene.verdict.failures.length === 0,
    });
    figure("writes and syncs recorded", operationCount, `${removed} pieces pruned meanwhile`);
    figure("blocks, marks", `${kinds.block}, ${kinds.pruned}`, "");
  },
};

/** Waits until retention has had its turn; how many pieces went. */
async function untilRemoved(collector) {
  const removed = async () => (await collector.get("/api/nodes")).retention.removed;
  await until("retention took something", async () => (await removed()) > 0, 12_000).catch(
    () => {},
  );
  await sleep(500);
  return removed();
}
