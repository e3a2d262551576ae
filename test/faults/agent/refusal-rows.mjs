/** Rows 3 and 4: answers that are no acknowledgement. */
import { createServer } from "node:http";
import { Agent } from "#dist/agent/agent.js";
import { resolveConfig } from "#dist/agent/config.js";
import { HttpTransport } from "#dist/agent/shipping/http-transport.js";
import { realScheduler } from "#dist/agent/shipping/real-scheduler.js";
import { HttpFront } from "./http-front.mjs";
import { VirtualScheduler } from "./virtual-scheduler.mjs";
import { sleep } from "./waiting.mjs";

const AGENTS = 100;
const BIN_MS = 250;
const LONGEST_WAIT_MS = 60_000;
/** A wait asked for is lengthened by up to a quarter, so that agents do not come back together. */
const JITTER = 1.25;
const TICK_MS = 60;

/** What the real transport makes of a real answer with this header. */
async function waitAsked(status, retryAfter) {
  const server = createServer((incoming, response) => {
    incoming.resume();
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    response.writeHead(status, headers);
    response.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const collector = new URL(`http://127.0.0.1:${server.address().port}`);
  const transport = new HttpTransport({ collector, scheduler: realScheduler });
  const reply = await transport.send([new Uint8Array(4)], { timeoutMs: 5_000, holdMs: 0 });
  transport.close();
  server.closeAllConnections();
  server.close();
  return reply;
}

/** 100 agents that get this answer so often: how long after the last each comes back, in virtual ms. */
async function returnsAfter(reply, answers, random) {
  const time = new VirtualScheduler(random);
  const returns = [];
  const agents = Array.from({ length: AGENTS }, (_, i) => {
    const around = { env: {}, pid: 1, script: undefined, threadId: 0, isFork: false };
    const config = resolveConfig(
      { service: "s", node: `a${i}`, hooks: "none", quiet: true },
      around,
    );
    let count = 0;
    let answeredMs = 0;
    const transport = {
      target: "virtual",
      close: () => undefined,
      send() {
        count += 1;
        if (count === answers + 1) returns.push(time.now - answeredMs);
        if (count === answers) answeredMs = time.now;
        return Promise.resolve(
          count <= answers ? reply : { kind: "failed", retryAfterMs: 1e9, message: "later" },
        );
      },
    };
    return new Agent(config, { transport, scheduler: time.port() });
  });
  await time.runTo(2 * LONGEST_WAIT_MS);
  for (const agent of agents) void agent.close({ budgetMs: 0 });
  await time.runTo(2 * LONGEST_WAIT_MS + 1_000);
  return returns;
}

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1_000).toUTCString();

export const row3 = {
  id: "3",
  title: "429 and 503 with Retry-After in seconds, as a date, absurd; 100 agents",
  async run({ scene, random, figure }) {
    const cases = [
      [429, "2", 2_000],
      [503, "30", 30_000],
      [503, () => inSeconds(10), 9_000],
      [429, "60", 60_000],
      [503, "86400", 60_000],
      [503, () => inSeconds(31_536_000), 60_000],
      [503, () => inSeconds(-3_600), 0],
      [429, "-5", 0],
      [429, "soon", 0],
      [503, "99999999999999999999", 0],
      [503, undefined, 0],
      [401, undefined, 40_000],
    ];
    let worst = 0;
    for (const [status, given, floorMs] of cases) {
      const header = typeof given === "function" ? given() : given;
      const name = `${status} ${header}`;
      const reply = await waitAsked(status, header);
      // One refusal of the token alone is not believed: a damaged request may get it.
      const returns = await returnsAfter(reply, status === 401 ? 2 : 1, random);
      scene.promise(
        returns.length === AGENTS,
        "an agent never came back",
        `${name}: ${returns.length}`,
      );
      const first = Math.min(...returns);
      const last = Math.max(...returns);
      scene.promise(first >= floorMs, "came back before it was asked to", `${name}: ${first} ms`);
      const longest = LONGEST_WAIT_MS * JITTER + TICK_MS;
      scene.promise(last <= longest, "silenced for too long", `${name}: ${last} ms`);
      // Short waits are short: their spread is below what a flush tick can show.
      if (floorMs < 1_000) continue;
      const bins = new Map();
      for (const atMs of returns)
        bins.set(Math.floor(atMs / BIN_MS), (bins.get(Math.floor(atMs / BIN_MS)) ?? 0) + 1);
      const share = Math.max(...bins.values());
      const fair = (BIN_MS / (0.25 * floorMs)) * AGENTS;
      worst = Math.max(worst, share / Math.max(fair, 8));
      scene.promise(
        share <= 3 * Math.max(fair, 8),
        "a herd",
        `${name}: ${share} of ${AGENTS} in ${BIN_MS} ms`,
      );
      if (["2", "86400"].includes(header))
        figure(`return after ${header} s`, `${first / 1_000}..${last / 1_000}`, "s");
    }
    figure("largest crowd, of what is fair", worst, "x", { goal: "<= 3", met: worst <= 3 });
  },
};

export const row4 = {
  id: "4",
  title: "400 final, 413 splits, 401 and 403 slow and visible",
  async run({ scene, figure }) {
    await scene.open();
    const front = await new HttpFront(scene).listen();
    const collector = `http://127.0.0.1:${front.port}`;
    const host = await scene.host({ name: "refused", agent: { collector } });
    await host.load(20, 10);
    await sleep(500);
    // 400: the batch is given up and declared, and what comes after it goes on.
    let refusing = 4;
    front.script = ({ body }) => (body.length > 0 && refusing-- > 0 ? { status: 400 } : undefined);
    await sleep(1_500);
    const afterRefusal = await host.stats();
    // 413: parted until it fits.
    let largest = 0;
    front.script = ({ body }) => {
      if (body.length > 700) return { status: 413 };
      largest = Math.max(largest, body.length);
      return undefined;
    };
    const refusedBefore = afterRefusal.drops.refused ?? 0;
    await host.load(100, 10);
    await sleep(1_500);
    await host.load(20, 10);
    const splits = front.countOf(413);
    await sleep(1_000);
    const afterSplit = await host.stats();
    front.script = () => undefined;
    await sleep(500);
    await host.drain();
    // 401, 403: once a minute, and said.
    front.script = ({ body }) => ({ status: front.total % 2 === 0 ? 401 : 403, body });
    const before = front.total;
    await sleep(4_000);
    const unauthorized = await host.stats();
    const attempts = front.total - before;
    await host.load(0, 0);
    await host.close();
    figure("refused for good by 4 answers 400", refusedBefore, "events");
    figure("answers 413", splits, "");
    figure("requests in 4 s of 401/403", attempts, "", { goal: "<= 2", met: attempts <= 2 });
    scene.promise(refusedBefore > 0, "400 was not final", JSON.stringify(afterRefusal.drops));
    scene.promise(splits > 0 && largest > 0, "the fault did not occur", "no 413");
    scene.promise(
      (afterSplit.drops.refused ?? 0) === refusedBefore,
      "413 lost events",
      JSON.stringify(afterSplit.drops),
    );
    scene.promise(attempts <= 2, "hurried in spite of 401", attempts);
    scene.promise(
      unauthorized.health === "degraded" && /refuses our token/.test(unauthorized.healthReason),
      "401 does not show",
      `${unauthorized.health}: ${unauthorized.healthReason}`,
    );
    scene.promise(
      /refuses our token/.test(host.stderr),
      "401 was not said to a person",
      host.stderr,
    );
    await scene.judge();
  },
};
