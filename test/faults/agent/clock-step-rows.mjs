/** Rows 37, 38, 39 and 42: the wall clock is moved under a running host, and between two runs of one. */
import { FakeTime, noFakeTime } from "./fake-time.mjs";
import { msOfTicks, TICKS_PER_MS, ticksOfMs } from "./stamps.mjs";
import { sleep } from "./waiting.mjs";

const HOOKS = ["http-client", "http-server"];
/** Steps of more than 50 ms are counted as steps; less is slewed. */
const BACK_SECONDS = [0.001, 0.02, 0.2, 1.2, 61, 3_700, 86_400];

export const row37 = {
  id: "37",
  title: "wall clock stepped back, 1 ms to 1 day",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    await scene.open();
    const time = new FakeTime(scene.directory, "host");
    const host = await scene.host({ name: "back", env: time.env });
    host.life.mayShare = true;
    await host.load(20, 10);
    await sleep(700);
    for (const seconds of BACK_SECONDS) {
      time.set(`-${seconds}`);
      await sleep(500);
    }
    const stats = await host.stats();
    const listed = await scene.collector.get("/api/nodes");
    time.set("+0");
    await sleep(600);
    await scene.settle();
    const after = host.life.stats;
    figure("steps counted", after.clockSteps, "");
    figure("lead after a day back", stats.leadMs / 1_000, "s");
    figure("stamps that fell", host.life.fallCount, "", {
      goal: "0",
      met: host.life.fallCount === 0,
    });
    scene.promise(stats.clockSteps >= 4, "steps were not noticed", stats.clockSteps);
    scene.promise(stats.leadMs > 86_000_000, "being ahead is not reported", stats.leadMs);
    scene.promise(
      /ahead of physical time/.test(stats.healthReason),
      "being ahead does not show in health",
      stats.healthReason,
    );
    scene.promise(/wall clock was set back/.test(host.stderr), "a step was not told", host.stderr);
    scene.promise(after.leadMs < 2_000, "still ahead after the correction", after.leadMs);
    scene.promise("clockSteps" in (listed.nodes[0] ?? {}), "steps are not in /api/nodes");
    await scene.judge();
  },
};

export const row38 = {
  id: "38",
  title: "wall clock stepped forward, then corrected; peers' gates contain it",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    await scene.open();
    const time = new FakeTime(scene.directory, "ahead");
    const maxDriftMs = 5_000;
    const agent = { hooks: HOOKS, maxDriftMs };
    const ahead = await scene.host({ name: "ahead", env: time.env, agent });
    const peer = await scene.host({ name: "peer", agent });
    for (const { life } of [ahead, peer]) life.mayShare = true;
    const { port } = await peer.ask("serve");
    for (const host of [ahead, peer]) await host.load(20, 10);
    await ahead.ask("call", { port, count: 20 });
    let highestLead = 0;
    const calling = async (forMs) => {
      const end = performance.now() + forMs;
      while (performance.now() < end) {
        await ahead.ask("call", { port, count: 5 });
        highestLead = Math.max(highestLead, (await peer.stats()).leadMs);
      }
    };
    // A small step passes the gate: it may push the peer, but no further than the gate.
    time.set("+4");
    await calling(700);
    time.set("+3600");
    const steppedAt = Date.now();
    await calling(1_200);
    const followed = ahead.life.bursts.find(
      ({ firstT }) => msOfTicks(firstT) > steppedAt + 3_000_000,
    );
    // The real time of that burst is known from how far the clock then is ahead by an hour.
    const followedMs =
      followed === undefined
        ? Number.POSITIVE_INFINITY
        : msOfTicks(followed.firstT) - 3_600_000 - steppedAt;
    time.set("+0");
    await calling(800);
    const corrected = await ahead.stats();
    const stats = await peer.stats();
    time.set("+0");
    await scene.settle();
    figure("followed after", Math.round(followedMs), "ms", {
      goal: "<= 250 ms",
      met: followedMs <= 250,
    });
    figure("lead after the correction", corrected.leadMs / 1_000, "s");
    figure("highest lead of the peer", highestLead, "ms", {
      goal: `<= ${maxDriftMs}`,
      met: highestLead <= maxDriftMs,
    });
    scene.promise(followedMs <= 600, "a step was not followed", followedMs);
    scene.promise(
      corrected.leadMs > 3_000_000 && corrected.health === "degraded",
      "being ahead is not reported",
      JSON.stringify([corrected.leadMs, corrected.health]),
    );
    scene.promise(
      highestLead > 1_000,
      "the fault did not occur: the peer was not pushed",
      highestLead,
    );
    scene.promise(highestLead <= maxDriftMs, "a peer was pushed past its bound", highestLead);
    const refused = Object.values(stats.refused).reduce((sum, count) => sum + count, 0);
    scene.promise(refused > 0, "refused stamps are not counted", JSON.stringify(stats.refused));
    await scene.judge();
  },
};

export const row39 = {
  id: "39",
  title: "restart after a backward step, with a data directory and without",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    await scene.open();
    const dataDir = scene.folder("epochs");
    for (const [name, agent] of [
      ["disk", { dataDir }],
      ["nodisk", {}],
    ]) {
      const time = new FakeTime(scene.directory, name);
      const first = await scene.host({ name, env: time.env, agent });
      await first.load(20, 10);
      await sleep(1_500);
      await first.load(0, 0);
      await first.drain();
      await first.kill();
      time.set("-3600");
      const second = await scene.host({
        name,
        env: time.env,
        agent,
        firstN: first.life.lastN + 1_000,
      });
      second.life.mayShare = true;
      await second.load(20, 10);
      await sleep(1_500);
      await second.load(0, 0);
      await second.drain();
      const stats = await second.stats();
      const before = first.life.bursts.at(-1).lastT;
      const rises = second.life.bursts[0].firstT > before;
      const isHigher = stats.epoch > first.life.epochs.at(-1).epoch;
      figure(`${name}: above the old stamps`, String(rises), "");
      scene.promise(isHigher, "the epoch is not higher", `${name}: ${stats.epoch}`);
      if (name === "disk")
        scene.promise(
          rises,
          "not above the ceiling",
          `${name}: ${second.life.bursts[0].firstT} <= ${before}`,
        );
      else {
        scene.promise(
          /far ahead|another process|clock/.test(second.stderr),
          "nothing was said",
          second.stderr,
        );
        second.life.isOutOfOrder = true;
        first.life.isOutOfOrder = true;
      }
      await second.close();
    }
    await scene.judge({ mayStoreDropped: true });
  },
};

export const row42 = {
  id: "42",
  title: "host suspended; clock rates of +-5 %",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    await scene.open();
    const host = await scene.host({ name: "stopped" });
    await host.load(20, 10);
    await sleep(2_500);
    const count = (fromMs) =>
      scene.proxy.requests.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1_000).length;
    const usual = count(performance.now() - 1_000);
    host.signal("SIGSTOP");
    await sleep(4_000);
    host.signal("SIGCONT");
    const resumedMs = performance.now();
    await sleep(1_500);
    const burst = count(resumedMs);
    const leads = [];
    for (const rate of ["1.05", "0.95"]) {
      const time = new FakeTime(scene.directory, rate);
      const drifting = await scene.host({ name: `rate-${rate}`, env: time.env });
      await drifting.load(20, 10);
      time.set(`+0 x${rate}`);
      await sleep(2_500);
      const { leadMs } = await drifting.stats();
      const t = drifting.life.bursts.at(-1).lastT;
      leads.push(leadMs);
      figure(
        `offset at rate ${rate}`,
        Math.round((t - ticksOfMs(Date.now())) / TICKS_PER_MS),
        "ms",
      );
    }
    await scene.settle();
    figure("requests in the second after", burst, "", {
      against: { what: "usual", value: usual },
      ratio: usual / burst,
      goal: "burst <= 2x",
      met: burst <= 2 * usual,
    });
    scene.promise(burst <= 2 * usual + 5, "timers burst", `${burst} after, ${usual} usual`);
    scene.promise(Math.max(...leads) < 500, "ahead of a drifting clock", leads);
    await scene.judge({ mayStoreDropped: true });
  },
};
