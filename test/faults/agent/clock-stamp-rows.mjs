/** Rows 40, 41, 43 and 44, and G12: forged stamps, clocks that stand still or are a day off, the collector's own clock. */
import { request } from "node:http";
import { AnchoredClock, HlcClock } from "#dist/agent/kernel/index.js";
import { cutAt } from "./checker.mjs";
import { FakeTime, noFakeTime } from "./fake-time.mjs";
import { pick } from "./seeded.mjs";
import { hexOfTicks, TICKS_PER_MS, ticksOfMs } from "./stamps.mjs";
import { sleep } from "./waiting.mjs";

const HOOKS = ["http-client", "http-server"];
const HEADER = "retroscope-hlc";
const DAY_MS = 86_400_000;

function post(port, headers) {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, method: "POST", path: "/", headers },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
      },
    );
    sent.once("error", reject);
    sent.end("body");
  });
}

const ahead = (ms) => hexOfTicks(ticksOfMs(Date.now() + ms));

/** Forged: well written, and beyond the gate. */
const FORGED = [
  () => `1-${ahead(DAY_MS)}-abc.1-peer`,
  () => `1-${ahead(61_000)}-abc.1-peer`,
  () => `1-${hexOfTicks(Number.MAX_SAFE_INTEGER)}-abc.1-peer`,
  () => `1-${ahead(50 * 365 * DAY_MS)}-abc.zz-peer`,
];

/** Malformed: of any shape, over-wide, negative, cut. */
const MALFORMED = [
  () => "",
  () => "nonsense",
  () => "1-ffffffffffffffff-abc.1-peer",
  () => "1--000000000000001-abc.1-peer",
  () => `1-${ahead(DAY_MS)}0-abc.1-peer`,
  () => `2-${ahead(0)}-abc.1-peer`,
  () => `1-${ahead(0)}-${"z".repeat(60)}.1-peer`,
  () => `1-${ahead(0)}-abc.0-peer`,
  () => `1-${ahead(0)}-abc.-1-peer`,
  () => `1-${ahead(0)}-abc.1-`,
  () => `1-${ahead(0)}-abc.1-pe er`,
  () => `1-${ahead(0).toUpperCase().replace(/\d/g, "A")}-abc.1-peer`,
  () => "x".repeat(8_000),
  () => ",".repeat(4_000),
  (random) =>
    Array.from({ length: 60 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join(""),
  (random) => {
    const right = `1-${ahead(0)}-abc.1-peer`;
    const at = Math.floor(random() * 20);
    return `${right.slice(0, at)}?${right.slice(at + 1)}`;
  },
];

export const row40 = {
  id: "40",
  title: "forged, malformed, over-wide, negative stamps against a real service",
  async run({ scene, random, runs, figure }) {
    await scene.open();
    const host = await scene.host({ name: "honest", agent: { hooks: HOOKS } });
    const { port } = await host.ask("serve");
    const count = runs ?? 1_500;
    let failed = 0;
    let forged = 0;
    let highestLead = 0;
    for (let i = 0; i < count; i += 1) {
      const isForged = random() < 0.4;
      if (isForged) forged += 1;
      const value = pick(random, isForged ? FORGED : MALFORMED)(random);
      if ((await post(port, { [HEADER]: value })) !== 200) failed += 1;
      if (i % 100 === 0) highestLead = Math.max(highestLead, (await host.stats()).leadMs);
    }
    const stats = await host.stats();
    await scene.settle();
    const listed = (await scene.collector.get("/api/nodes")).nodes[0];
    const sum = (counts) => Object.values(counts ?? {}).reduce((all, one) => all + one, 0);
    figure("forged", forged, "");
    figure("malformed counted", sum(stats.malformed), "");
    figure("highest lead", highestLead, "ms", { goal: "<= 50", met: highestLead <= 50 });
    scene.promise(failed === 0, "a message was not delivered", failed);
    scene.promise(
      sum(stats.refused) === forged,
      "forged stamps are not all counted",
      `${sum(stats.refused)} of ${forged}`,
    );
    scene.promise(
      sum(stats.malformed) > 0.5 * (count - forged),
      "malformed stamps are not counted",
      sum(stats.malformed),
    );
    scene.promise(highestLead < 1_000, "an honest clock was moved", highestLead);
    scene.promise(stats.ownErrors === 0, "own errors", stats.healthReason);
    scene.promise(
      sum(listed?.refused) > 0 && sum(listed?.malformed) > 0,
      "not in /api/nodes",
      JSON.stringify([listed?.refused, listed?.malformed]),
    );
    await scene.judge();
  },
};

export const row41 = {
  id: "41",
  title: "stamping outruns a frozen clock",
  async run({ scene, figure }) {
    await scene.open();
    const maxDriftMs = 100;
    const ports = { name: "frozenClock" };
    const host = await scene.host({
      name: "frozen",
      ports,
      agent: { maxDriftMs, queueBytes: 32 * 2 ** 20 },
    });
    host.life.mayShare = true;
    await host.ask("flood", { forMs: 5_000, count: 2_000, changes: 150_000 });
    const stats = await host.stats();
    // Its clock stands still, so no cut of now is complete: only the books are judged.
    await scene.settle({ complete: false });
    figure("changes", host.life.changeCount, "");
    figure("lead", stats.leadMs, "ms", {
      goal: `<= ${maxDriftMs}`,
      met: stats.leadMs <= maxDriftMs,
    });
    scene.promise(stats.leadMs > 20, "the fault did not occur", stats.leadMs);
    scene.promise(stats.leadMs <= maxDriftMs, "ran ahead without bound", stats.leadMs);
    scene.promise(stats.ownErrors === 0, "own errors", stats.healthReason);
    await scene.judge({ mayStoreDropped: true });
  },
};

export const row43 = {
  id: "43",
  title: "skew up to a day: refused merges show as violations",
  async run({ scene, figure }) {
    await scene.open();
    const skewed = { name: "skewedClock", skewMs: 20 * 3_600_000 };
    const late = await scene.host({ name: "tomorrow", ports: skewed, agent: { hooks: HOOKS } });
    const peer = await scene.host({ name: "today", agent: { hooks: HOOKS } });
    const ports = { late: (await late.ask("serve")).port, peer: (await peer.ask("serve")).port };
    for (const host of [late, peer]) await host.load(10, 10);
    await late.ask("call", { port: ports.peer, count: 40 });
    await peer.ask("call", { port: ports.late, count: 40 });
    const { leadMs, refused } = await peer.stats();
    await scene.settle();
    // At the end of today's events tomorrow's sends are not in the cut, but their receives are.
    const cut = await cutAt(scene.collector, peer.life.bursts.at(-1).lastT);
    const shown = cut.violations.filter(
      ({ channel }) => channel.from === "tomorrow" && channel.to === "today",
    );
    figure("violations shown", shown.length, "");
    figure(
      "stamps refused",
      Object.values(refused).reduce((sum, count) => sum + count, 0),
      "",
    );
    figure("lead of the honest one", leadMs, "ms");
    scene.promise(leadMs < 1_000, "an honest clock was moved", leadMs);
    scene.promise(
      cut.consistent === false && shown.length >= 40,
      "violations are hidden",
      `${cut.consistent}, ${shown.length}`,
    );
    await scene.judge();
  },
};

export const row44 = {
  id: "44",
  title: "the collector's own clock jumps forward: nobody expires, nothing goes",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    const time = new FakeTime(scene.directory, "collector");
    await scene.open({ env: time.env });
    const hosts = [await scene.host({ name: "kept0" }), await scene.host({ name: "kept1" })];
    for (const host of hosts) await host.load(20, 10);
    await sleep(1_500);
    const before = await scene.collector.get("/api/nodes");
    time.set("+1000000");
    await sleep(3_500);
    const after = await scene.collector.get("/api/nodes");
    const live = after.nodes.filter(({ status }) => status === "live").length;
    scene.promise(
      live === hosts.length,
      "nodes expired with the collector's clock",
      JSON.stringify(after.nodes.map(({ status }) => status)),
    );
    scene.promise(
      after.ingest.expired === 0,
      "nodes expired with the collector's clock",
      after.ingest.expired,
    );
    scene.promise(
      after.ingest.stored > before.ingest.stored,
      "ingest stopped",
      JSON.stringify(after.ingest),
    );
    time.set("+0");
    await scene.settle();
    figure("still live", live, `of ${hosts.length}`);
    await scene.judge();
    // Retention is not built yet: that it pauses and alarms is for the issue that builds it.
    scene.verdict.note = "retention under a jump is not judged: there is no retention yet";
  },
};

export const rowG12 = {
  id: "G12",
  title: "clock scenarios in virtual time: steps, rates, restarts, forged stamps",
  async run({ scene, random, runs, figure }) {
    const scenarios = runs ?? 500;
    let fallen = 0;
    let pushed = 0;
    let stamps = 0;
    for (let i = 0; i < scenarios; i += 1) {
      const maxDriftMs = pick(random, [500, 5_000, 60_000]);
      const nodes = Array.from({ length: 3 }, (_, index) =>
        machineNode(random, maxDriftMs, index > 0),
      );
      for (let turn = 0; turn < 120; turn += 1) {
        for (const node of nodes) node.advance(random() * 40);
        const [from, to] = [pick(random, nodes), pick(random, nodes)];
        const t = from.stamp();
        const lie = random() < 0.2 ? (random() - 0.3) * 4 * maxDriftMs * TICKS_PER_MS : 0;
        to.receive(Math.round(t + lie));
        for (const node of nodes) for (let n = 0; n < 3; n += 1) node.change();
        stamps += 11;
        for (const node of nodes) if (node.isHonest && node.leadMs() > maxDriftMs + 1) pushed += 1;
      }
      fallen += nodes.reduce((sum, { falls }) => sum + falls(), 0);
    }
    figure("scenarios", scenarios, "");
    figure("stamps", stamps, "");
    figure("stamps that fell", fallen, "", { goal: "0", met: fallen === 0 });
    figure("honest clocks past their bound", pushed, "", { goal: "0", met: pushed === 0 });
    scene.promise(fallen === 0, "stamps fell", fallen);
    scene.promise(pushed === 0, "an honest clock was pushed past its bound", pushed);
  },
};

/** A node on a machine of its own; `isWild`: its wall clock is stepped and runs at a wrong rate. */
function machineNode(random, maxDriftMs, isWild) {
  let mono = 1_000 * random();
  let wall = Date.UTC(2026, 10, 21) + random() * 100;
  const rate = isWild ? 0.95 + random() * 0.1 : 1;
  const machine = {
    wallMs: () => Math.floor(wall),
    monotonicMs: () => mono,
    offsetGuessMs: wall - mono,
  };
  const physical = new AnchoredClock(machine);
  let clock = new HlcClock(physical, { maxDriftMs });
  let last = Number.MIN_SAFE_INTEGER;
  let fallCount = 0;
  const rose = (t, mayShare = false) => {
    if (mayShare ? t < last : t <= last) fallCount += 1;
    last = t;
    return t;
  };
  return {
    isHonest: !isWild,
    falls: () => fallCount,
    leadMs: () => clock.leadTicks() / TICKS_PER_MS,
    advance(ms) {
      mono += ms;
      wall += ms * rate;
      if (isWild && random() < 0.03)
        wall += (random() - 0.5) * pick(random, [2, 200, 20_000, 2 * DAY_MS]);
      if (random() < 0.02) clock = new HlcClock(physical, { maxDriftMs, above: last });
    },
    stamp: () => rose(clock.now()),
    receive: (remote) => rose(clock.receive(remote)),
    change: () => rose(clock.change(), true),
  };
}
