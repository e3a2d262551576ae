/** Rows 14 and 15: slow and dead peers of the collector; partitions of a whole fleet. */
import { connect } from "node:net";
import { between } from "./seeded.mjs";
import { quantile, sleep, until } from "./waiting.mjs";

const FLEET = 12;
const BIN_MS = 100;
const HEAD =
  "POST /v1/batches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: 100000\r\n\r\n";

export const row14 = {
  id: "14",
  title: "slow trickle and half-open sockets beside an honest agent",
  async run({ scene, random, minutes, figure }) {
    await scene.open();
    const host = await scene.host({ name: "honest" });
    await host.load(20, 10);
    const flushes = async (count) => {
      const times = [];
      for (let i = 0; i < count; i += 1) {
        const start = performance.now();
        await host.ask("flush", { timeoutMs: 5_000 });
        times.push(performance.now() - start);
        await sleep(30);
      }
      return quantile(times, 0.99);
    };
    await sleep(500);
    const before = await flushes(60);
    const sockets = Array.from({ length: 300 }, (_, i) => {
      const socket = connect(scene.collector.port, "127.0.0.1");
      socket.on("error", () => undefined);
      let at = 0;
      // A third says nothing at all, a third never ends its head, a third never its body.
      const text =
        i % 3 === 0
          ? ""
          : i % 3 === 1
            ? HEAD.slice(0, 60) + "x: y\r\n".repeat(1_000)
            : HEAD + "x".repeat(2_000);
      const timer = setInterval(
        () => {
          const count = i % 3 === 1 ? 1 : 200;
          if (at < text.length) socket.write(text.slice(at, at + count));
          at += count;
        },
        between(random, 500, 1_000),
      );
      socket.on("close", () => clearInterval(timer));
      return { socket, timer };
    });
    await sleep(1_000);
    const during = await flushes(minutes === undefined ? 100 : minutes * 600);
    const openCount = sockets.filter(({ socket }) => !socket.destroyed).length;
    for (const { socket, timer } of sockets) {
      clearInterval(timer);
      socket.destroy();
    }
    // The honest agent's own link may be slow too.
    await scene.proxy.set({ kind: "trickle", bytesPerSecond: 4_000 });
    await sleep(2_500);
    await scene.proxy.set({ kind: "pass" });
    await sleep(300);
    await scene.settle();
    figure("slow clients", sockets.length, "");
    figure("still open at the end", openCount, "");
    figure("honest flush p99", during, "ms", {
      against: { what: "without them", value: before },
      ratio: before / during,
    });
    scene.promise(during < 2_000, "an honest agent waited", `${during} ms`);
    await scene.judge();
  },
};

export const row15 = {
  id: "15",
  title: "partition of a fleet and heal, also one-way: no herd",
  alone: true,
  async run({ scene, minutes, figure }) {
    await scene.open();
    const { proxy } = scene;
    const hosts = await Promise.all(
      Array.from({ length: FLEET }, (_, i) =>
        scene.host({ name: `fleet${i}`, agent: { queueBytes: 4 * 2 ** 20 } }),
      ),
    );
    for (const host of hosts) await host.load(5, 20);
    await sleep(1_500);
    const unwatch = scene.watch();
    const usual = peak(proxy.requests, performance.now() - 1_000);
    const downMs = minutes === undefined ? 4_000 : minutes * 60_000;
    await proxy.set({ kind: "down" });
    await sleep(downMs);
    const healedMs = performance.now();
    await proxy.set({ kind: "pass" });
    const drained = async () => {
      const stats = await Promise.all(hosts.map((host) => host.stats()));
      return stats.every(({ queued }) => queued < 500);
    };
    await until("the fleet has drained", drained, 30_000 + downMs);
    const drainMs = performance.now() - healedMs;
    const returns = proxy.connectionTimes.filter(
      (atMs) => atMs >= healedMs && atMs < healedMs + 5_000,
    );
    const crowd = highestBin(returns.slice(0, FLEET));
    const after = peak(proxy.requests, healedMs);
    // One way only: requests arrive and replies wait, then the other way round.
    for (const way of [{ down: true }, { up: true }]) {
      await proxy.set({ kind: "hold", ...way });
      await sleep(2_500);
      await proxy.set({ kind: "pass" });
      await sleep(500);
    }
    await unwatch();
    await scene.settle({ drainMs: 30_000 });
    figure("partition", downMs / 1_000, "s");
    figure("drained after", drainMs / 1_000, "s");
    figure(`agents back in the same ${BIN_MS} ms`, crowd, `of ${FLEET}`);
    figure("peak rate after heal", after * (1_000 / BIN_MS), "requests/s", {
      against: { what: "usual", value: usual * (1_000 / BIN_MS) },
      ratio: usual / after,
    });
    scene.promise(
      crowd <= Math.ceil(FLEET * 0.6),
      "a herd",
      `${crowd} of ${FLEET} within ${BIN_MS} ms`,
    );
    scene.promise(drainMs < downMs + 5_000, "drained slower than it arrived", `${drainMs} ms`);
    await scene.judge({ mayStoreDropped: true });
  },
};

const peak = (requests, fromMs) =>
  highestBin(requests.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs));

function highestBin(times) {
  const bins = new Map();
  for (const atMs of times) {
    const bin = Math.floor(atMs / BIN_MS);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return Math.max(0, ...bins.values());
}
