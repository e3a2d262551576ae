/** Rows 5, 6 and 7, and G8's memory: what the host does to the agent, and the agent to the host. */
import { quantile, sleep } from "./waiting.mjs";

const QUEUE_BYTES = 512 * 1024;
const MAX_CALL_MS = 1_000;
/** Five turn the agent off; ending its parts may add some, but no timer goes on to add more. */
const MAX_OWN_ERRORS = 20;

export const row5 = {
  id: "5",
  title: "host floods changes, ten times the usual and as fast as it can",
  alone: true,
  async run({ scene, minutes, figure }) {
    await scene.open();
    const host = await scene.host({ name: "flood", agent: { queueBytes: QUEUE_BYTES } });
    await host.load(200, 10);
    await sleep(2_000);
    const usual = await host.stats();
    await host.load(2_000, 10);
    await sleep(2_000);
    const tenfold = await host.stats();
    await host.load(0, 0);
    const forMs = minutes === undefined ? 600 : minutes * 60_000;
    const { nsPerChange } = await host.ask("flood", { forMs, count: 2_000 }, forMs + 60_000);
    const flat = await host.stats();
    await host.load(20, 10);
    await sleep(500);
    await scene.settle({ drainMs: 30_000 });
    const part = Math.ceil(nsPerChange.length / 10);
    const early = quantile(nsPerChange.slice(part, 2 * part), 0.5);
    const late = quantile(nsPerChange.slice(-part), 0.5);
    const rss = ({ memory }) => Math.round(memory.rss / 2 ** 20);
    figure("loop delay p99, usual", usual.loopMs.p99, "ms");
    figure("loop delay p99, tenfold", tenfold.loopMs.p99, "ms");
    figure(
      "one change early, late in the flood",
      `${Math.round(early)}, ${Math.round(late)}`,
      "ns",
    );
    figure("changes in the flood", nsPerChange.length * 2_000, "");
    figure("RSS usual, tenfold, flood", `${rss(usual)}, ${rss(tenfold)}, ${rss(flat)}`, "MiB");
    for (const { queueBytes } of [usual, tenfold, flat])
      scene.promise(queueBytes <= QUEUE_BYTES, "queue bound exceeded", queueBytes);
    for (const { windowBytes } of [usual, tenfold, flat])
      scene.promise(windowBytes <= 33 * 2 ** 20, "window bound exceeded", windowBytes);
    scene.promise((flat.drops.overflow ?? 0) > 0, "the fault did not occur", "nothing was dropped");
    scene.promise(flat.ownErrors === 0, "own errors", flat.healthReason);
    await scene.judge({ mayStoreDropped: true });
  },
};

export const row6 = {
  id: "6",
  title: "hostile values under load",
  alone: true,
  async run({ scene, random, runs, figure }) {
    await scene.open();
    const host = await scene.host({ name: "hostile" });
    host.life.isPlain = false; // other logs are changed too
    await host.load(20, 10);
    const calls = runs ?? 1_500;
    const seed = Math.floor(random() * 1e9);
    const result = await host.ask("hostile", { calls, seed }, 120_000);
    const stats = await host.stats();
    await sleep(300);
    await scene.settle({ drainMs: 30_000 });
    const [slowest] = Object.entries(result.slowest).sort(([, a], [, b]) => b - a);
    figure("hostile calls", calls, "");
    figure("a call, p99", result.p99, "ms");
    figure(`slowest call (${slowest[0]})`, slowest[1], "ms");
    scene.promise(result.max < MAX_CALL_MS, "a call took too long", JSON.stringify(result.slowest));
    scene.promise(!result.polluted, "Object.prototype was changed");
    scene.promise(stats.ownErrors === 0, "own errors", stats.healthReason);
    scene.promise(
      stats.health === "ok",
      "the agent is not well",
      `${stats.health}: ${stats.healthReason}`,
    );
    await scene.judge();
  },
};

/** Ports that break, and whether the agent must be off in the end. */
const BREAKAGES = [
  [{ name: "throwingClock" }, "off"],
  [{ name: "throwingClock", everyNth: 400 }, "any"],
  [{ name: "nonsenseClock" }, "any"],
  [{ name: "brokenTransport", send: "throws" }, "off"],
  [{ name: "brokenTransport", send: "rejects" }, "off"],
  [{ name: "brokenTransport", send: "nothing" }, "off"],
  [{ name: "brokenTransport", send: "junk" }, "off"],
  [{ name: "brokenTransport", send: "throwingReply" }, "off"],
  [{ name: "brokenTransport", send: "badAcks" }, "any"],
  [{ name: "brokenTransport", send: "never" }, "any"],
  [{ name: "throwingScheduler" }, "off"],
];

export const row7 = {
  id: "7",
  title: "own code throws: clock, transport, timers",
  async run({ scene, figure }) {
    await scene.open();
    let offCount = 0;
    for (const [i, [ports, expected]] of BREAKAGES.entries()) {
      const name = `broken${i}`;
      const what = JSON.stringify(ports);
      const host = await scene.host({ name, ports });
      host.life.isBroken = true;
      await host.load(20, 10);
      await sleep(ports.name === "brokenTransport" ? 3_500 : 1_200);
      const stats = await host.stats();
      if (stats.health === "off") offCount += 1;
      // It must have done its work all along: some 100 bursts a second.
      scene.promise(
        host.life.bursts.length > 40,
        "the host was held up",
        `${what}: ${host.life.bursts.length}`,
      );
      scene.promise(
        stats.ownErrors < MAX_OWN_ERRORS,
        "errors after it was off",
        `${what}: ${stats.ownErrors}`,
      );
      if (expected === "off")
        scene.promise(
          stats.health === "off",
          "not off after five errors",
          `${what}: ${stats.health}, ${stats.ownErrors}`,
        );
      if (expected === "off")
        scene.promise(/the agent is off/.test(host.stderr), "being off was not said", what);
      await host.load(0, 0);
      await host.close();
      scene.promise(host.escapes.length === 0, "escaped into the host", `${what}: ${host.escapes}`);
    }
    figure("breakages", BREAKAGES.length, "");
    figure("agents off", offCount, "");
    await scene.judge({ mayStoreDropped: true });
  },
};

export const rowG8 = {
  id: "G8",
  title: "agent memory above its window, ring full, collector down",
  alone: true,
  async run({ scene, minutes, figure }) {
    await scene.open();
    await scene.collector.stop();
    const flags = ["--expose-gc"];
    const plain = await scene.host({ name: "plain", noAgent: true, flags });
    const host = await scene.host({ name: "full", flags });
    const forMs = minutes === undefined ? 5_000 : minutes * 60_000;
    const used = ({ memory }) => memory.heapUsed + memory.external;
    for (const one of [plain, host]) await one.load(3_000, 10);
    await sleep(forMs);
    for (const one of [plain, host]) await one.load(0, 0);
    const without = await plain.ask("gc");
    const stats = await host.ask("gc");
    await plain.kill();
    await host.kill();
    await scene.collector.start();
    const above = (used(stats) - used(without) - stats.windowBytes) / 2 ** 20;
    figure("heap above the window", above, "MiB", { goal: "<= 16 MiB", met: above <= 16 });
    figure("window", stats.windowBytes / 2 ** 20, "MiB");
    figure("queue", stats.queueBytes / 2 ** 20, "MiB");
    figure(
      "RSS with, without",
      `${Math.round(stats.memory.rss / 2 ** 20)}, ${Math.round(without.memory.rss / 2 ** 20)}`,
      "MiB",
    );
    scene.promise(
      stats.windowBytes <= 32 * 2 ** 20 * 1.01,
      "window bound exceeded",
      stats.windowBytes,
    );
    scene.promise(stats.queueBytes <= 8 * 2 ** 20, "queue bound exceeded", stats.queueBytes);
    scene.promise(stats.ownErrors === 0, "own errors", stats.healthReason);
  },
};
