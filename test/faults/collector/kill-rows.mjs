/** Rows 25, 36: the collector is killed, and started beside another. */
import { spawn } from "node:child_process";
import { sleep, within } from "../agent/waiting.mjs";
import { MAIN, runMain } from "./stage.mjs";

const LONGEST_LIFE_MS = 400;
const KILLS_PER_STORE = 100;

export const row25 = {
  id: "25",
  title: "SIGKILL at random under load, again and again (R1, G1)",
  async run({ scene, random, runs = 50, figure }) {
    let slowestStartMs = 0;
    let killed = 0;
    let acknowledged = 0;
    while (killed < runs) {
      // A new store now and then: its first moments are killed too, and all of it is read at the end.
      scene.newStore({ eventsPerBatch: 150, pauseMs: 15 });
      const kills = Math.min(KILLS_PER_STORE, runs - killed);
      let stop = async () => {};
      for (let i = 0; i < kills; i += 1) {
        const start = performance.now();
        await scene.collector.start();
        slowestStartMs = Math.max(slowestStartMs, performance.now() - start);
        if (i === 0) stop = scene.load();
        await scene.judgeWatermarks();
        await sleep(20 + random() * LONGEST_LIFE_MS);
        await scene.collector.stop("SIGKILL");
      }
      await scene.collector.start();
      await scene.judgeWatermarks();
      await stop();
      await scene.drain();
      await scene.judge();
      await scene.verify();
      killed += kills;
      acknowledged += scene.acknowledged;
    }
    figure("kills", killed, "");
    figure("acknowledged", acknowledged, "events");
    figure("slowest start", slowestStartMs, "ms");
  },
};

const STARTERS = 4;

export const row36 = {
  id: "36",
  title: "two collectors on one store; locks left behind by the killed and held by the stopped",
  async run({ scene, random, runs = 5, figure }) {
    scene.newStore({ nodes: 2 });
    const { collector } = scene;
    await collector.start();
    const words = ["collector", "--port", "0", "--data", collector.directory, "--quiet"];
    const refused = async (why) => {
      const { code, err } = await runMain(words, 30_000);
      scene.promise(code === 3, "a second collector started", `${why}: exit ${code} ${err}`);
      scene.promise(/is in use by/.test(err), "no clear error", `${why}: ${err}`);
      return err;
    };
    const stop = scene.load();
    const err = await refused("beside a running one");
    const isNamed = err.includes(`process ${collector.pid}`);
    scene.promise(isNamed, "the owner is not named", err);
    process.kill(collector.pid, "SIGSTOP");
    await refused("beside a stopped one");
    process.kill(collector.pid, "SIGCONT");
    await stop();
    for (let run = 0; run < runs; run += 1) {
      const stopLoad = scene.load();
      await sleep(random() * 200);
      await collector.stop("SIGKILL");
      // Many at once meet the stale lock: one gets it, and says where it listens.
      const started = await startMany(words.slice(0, -1));
      const winners = started.filter(({ port }) => port !== undefined);
      scene.promise(
        winners.length === 1,
        "not one winner",
        JSON.stringify(started.map(({ text }) => text)),
      );
      for (const { child, gone } of winners) {
        child.kill("SIGKILL");
        await gone;
      }
      await collector.start();
      await scene.judgeWatermarks();
      await stopLoad();
    }
    await scene.drain();
    await scene.judge();
    await scene.verify();
    figure("stale locks met by four at once", runs, "");
  },
};

function startMany(words) {
  const starting = Array.from({ length: STARTERS }, () => {
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const gone = new Promise((resolve) => child.once("close", resolve));
    const settled = new Promise((resolve) => {
      const take = (part) => {
        text += String(part);
        const found = /open http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
        if (found) resolve({ child, gone, text, port: Number(found[1]) });
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      void gone.then((code) => resolve({ child, gone, text: `${code} ${text}`, port: undefined }));
    });
    return within("a starter settles", settled, 30_000).catch((error) => {
      child.kill("SIGKILL");
      throw error;
    });
  });
  return Promise.all(starting);
}
