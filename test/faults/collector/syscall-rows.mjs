/** Rows 26, 29, 30: what strace does to the collector's writes and syncs. */
import { join } from "node:path";
import { quantile, sleep, until, within } from "../agent/waiting.mjs";
import { attach, injectedCalls, noStrace, underStrace } from "./strace.mjs";
import { Watch } from "./watch.mjs";

/** Calls that change a file or make it last. */
const CHANGING = [
  ...["pwrite64", "fdatasync", "writev", "ftruncate", "chmod", "unlink"],
  ...["pwritev", "write", "fsync", "msync", "sync_file_range", "rename"],
];
const POSTS_PER_LIFE = 12;
const POINTS = 30;
const SWEEP_LIMIT = 400;

/** The files that a store has. */
const filesOf = (directory) =>
  ["data.mdb", "lock.mdb", "collector.sock"].flatMap((name) => ["-P", join(directory, name)]);

export const row26 = {
  id: "26",
  title: "SIGKILL at each write, sync and rename in turn (G2)",
  skipped: noStrace,
  async run({ scene, runs, figure }) {
    scene.newStore({ nodes: 2, eventsPerBatch: 150, pauseMs: 0 });
    const { collector } = scene;
    const output = scene.path("trace");
    const hit = {};
    const points = Math.min(runs ?? POINTS, SWEEP_LIMIT);
    const more = filesOf(collector.directory);
    // strace counts each call by itself: they are swept in turns, each until a life passes without its n-th.
    const sweeps = CHANGING.map((call) => ({ call, n: 0 }));
    let point = 0;
    while (sweeps.length > 0 && point < points) {
      const sweep = sweeps.shift();
      sweep.n += 1;
      const inject = [`${sweep.call}:signal=KILL:when=${sweep.n}`];
      // One thread in the pool: the n-th call of that thread is the n-th of all.
      collector.how.before = underStrace({ calls: sweep.call, inject, output, more });
      const isUp = await start(scene, { UV_THREADPOOL_SIZE: "1" });
      const isClean = isUp && (await postsUntilGone(scene));
      if (!isUp) scene.startKills = (scene.startKills ?? 0) + 1;
      if (isClean) await collector.stop();
      await collector.stop("SIGKILL");
      collector.how.before = [];
      if (isClean) continue;
      point += 1;
      sweeps.push(sweep);
      hit[sweep.call] = (hit[sweep.call] ?? 0) + 1;
      // Every fourth point is looked at by itself; the others by the start that follows.
      if (point % 4 !== 0) continue;
      await collector.start({});
      await scene.judgeWatermarks();
      await collector.stop("SIGKILL");
    }
    await collector.start({});
    await scene.judgeWatermarks();
    await scene.drain();
    await scene.judge();
    await scene.verify();
    figure("points", point, sweeps.length === 0 ? "up to a clean pass" : "");
    figure(
      "killed at",
      Object.entries(hit)
        .map(([call, count]) => `${call} ${count}`)
        .join(", "),
      "",
    );
    figure("killed before it listened", scene.startKills ?? 0, "");
  },
};

/** False if it was killed before it listened. */
async function start(scene, env) {
  const { collector } = scene;
  try {
    const starting = collector.start(env);
    void collector.expectEnd();
    await starting;
    return true;
  } catch (error) {
    if (collector.ended === undefined && !/did not start/.test(String(error))) throw error;
    scene.promise(!/damaged|unusable/.test(collector.stderr), "refused to open", collector.stderr);
    return false;
  }
}

/** Posts in turn; true if the collector outlived them all. */
async function postsUntilGone({ writers, collector }) {
  for (let i = 0; i < POSTS_PER_LIFE; i += 1) {
    const status = await writers[i % writers.length].sendOnce(collector.port);
    if (status === 0) return false;
  }
  return true;
}

/** What fails, and with what: the n-th call on the data file from the moment of attaching. */
const FAILURES = [
  ["fdatasync", "EIO"],
  ["pwrite64", "EIO"],
  ["pwrite64", "ENOSPC"],
  ["writev", "EIO"],
  ["fdatasync", "ENOSPC"],
];
const EXIT_LIMIT_MS = 10_000;

export const row29 = {
  id: "29",
  title: "EIO of sync and write: writing ends, exit code 3, no acknowledgement after it (G4)",
  skipped: noStrace,
  async run({ scene, random, runs = 10, figure }) {
    scene.newStore({ nodes: 3, eventsPerBatch: 200, pauseMs: 25 });
    const { collector } = scene;
    const output = scene.path("trace");
    const hit = {};
    let falseAcks = 0;
    for (let run = 0; run < runs; run += 1) {
      const [call, error] = FAILURES[run % FAILURES.length];
      await collector.start();
      await scene.judgeWatermarks();
      const stop = scene.load();
      await scene.untilAcknowledged(500);
      // Once, and then the disk is well again: a sync that is tried anew would succeed.
      const inject = [`${call}:error=${error}:when=${1 + Math.floor(random() * 4)}`];
      const more = ["-P", join(collector.directory, "data.mdb")];
      const ended = collector.expectEnd();
      const calls = "pwrite64,writev,fdatasync,fsync";
      const { gone } = await attach(collector.pid, { calls, inject, output, more });
      const isEnded = await within(
        `exit after ${error} of ${call}`,
        ended.then(() => true),
        EXIT_LIMIT_MS,
      ).catch(() => false);
      await stop();
      if (!isEnded) {
        const made = injectedCalls(output);
        // A call that this store never makes cannot fail: nothing was shown.
        if (made.length > 0) scene.promise(false, "went on after a failure", made[0]);
        await collector.stop("SIGKILL");
        await gone;
        continue;
      }
      await gone;
      const [line = ""] = injectedCalls(output);
      const failedAtMs = Number(/^\d+\s+([\d.]+)/.exec(line)?.[1]) * 1_000;
      scene.promise(Number.isFinite(failedAtMs), "no failure was injected", `${call} ${error}`);
      judgeEnd(scene, call, error);
      falseAcks += ackedAfter(scene, output, failedAtMs);
      hit[`${call} ${error}`] = (hit[`${call} ${error}`] ?? 0) + 1;
    }
    scene.promise(falseAcks === 0, "acknowledged after the failure", `${falseAcks} replies`);
    scene.promise(Object.keys(hit).length > 0, "nothing failed", "no call was hit");
    await collector.start();
    await scene.judgeWatermarks();
    await scene.drain();
    await scene.judge();
    await scene.verify();
    figure(
      "failures",
      Object.entries(hit)
        .map(([what, count]) => `${what} ${count}`)
        .join(", "),
      "",
    );
    figure("ended by SIGABRT for lmdb's overrun", scene.abortCount ?? 0, "");
  },
};

/**
 * lmdb 3.5.6 overruns its heap when a write of pages fails (collector/store/README.md): such an end may be
 * by SIGABRT, after the last words. A failed sync has no such excuse.
 */
function judgeEnd(scene, call, error) {
  const { ended, stderr } = scene.collector;
  const isOverrun = call !== "fdatasync" && ended.signal === "SIGABRT";
  if (isOverrun) scene.abortCount = (scene.abortCount ?? 0) + 1;
  const detail = `${error} of ${call}: ${ended.code} ${ended.signal} ${stderr.slice(-300)}`;
  scene.promise(ended.code === 3 || isOverrun, "not exit code 3", detail);
  scene.promise(/retroscope: writing to .* failed/.test(stderr), "no word of the failure", detail);
}

/**
 * Acknowledgements of commits after the failed one. What was synced before it may be told a moment later;
 * so a reply counts as false only if it came later than any work of before can take.
 */
const TOLD_LATE_MS = 2_000;
function ackedAfter(scene, _output, failedAtMs) {
  return scene.books.reduce((sum, { acks }) => {
    const late = acks.filter(
      ({ atMs }, i) => atMs > failedAtMs + TOLD_LATE_MS && acks[i - 1]?.seq !== acks[i].seq,
    );
    const isOfThisLife = late.length > 0;
    return sum + (isOfThisLife ? late.length : 0);
  }, 0);
}

const DELAYS_MS = [300, 1_000, 5_000];

export const row30 = {
  id: "30",
  title: "slow sync, 300 ms to 5 s: back-pressure, answers go on, memory is bounded (G4)",
  skipped: noStrace,
  alone: true,
  async run({ scene, figure }) {
    scene.newStore({
      nodes: 24,
      eventsPerBatch: 2_000,
      batchesPerBody: 4,
      pauseMs: 0,
      drops: false,
    });
    const { collector } = scene;
    await collector.start();
    await scene.loadFor(1_500);
    for (const delayMs of DELAYS_MS) {
      const output = scene.path("trace");
      const inject = [`fdatasync:delay_enter=${delayMs * 1_000}`];
      const more = ["-P", join(collector.directory, "data.mdb")];
      const watch = new Watch(collector).start();
      const before = scene.acknowledged;
      const tracer = await attach(collector.pid, { calls: "fdatasync", inject, output, more });
      const stop = scene.load();
      await sleep(Math.max(4_000, delayMs * 2.5));
      const during = scene.acknowledged - before;
      await tracer.detach();
      const healedAt = performance.now();
      await until(
        "events are acknowledged again",
        () => scene.acknowledged > before + during,
        20_000,
        20,
      );
      const resumedMs = performance.now() - healedAt;
      await stop();
      const { answerMs, maxRssBytes } = await watch.stop();
      scene.promise(during > 0, "nothing was acknowledged", `with a delay of ${delayMs} ms`);
      scene.promise(resumedMs < 10_000, "did not resume", `${resumedMs} ms`);
      scene.promise(
        quantile(answerMs, 0.5) < 1_000,
        "answers stood still",
        `${answerMs}`.slice(0, 100),
      );
      figure(`${delayMs} ms: answers p99`, quantile(answerMs, 0.99), "ms");
      figure("RSS at most", maxRssBytes / 2 ** 20, "MiB");
      figure("resumed after", resumedMs, "ms");
    }
    await scene.drain(60_000);
    await scene.judge({ cuts: 10 });
    await scene.verify();
  },
};
