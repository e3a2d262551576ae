/** Rows 11, 12, 13 and 16: what the network does to requests and replies. */
import { request } from "node:http";
import { FakeTime, noFakeTime } from "./fake-time.mjs";
import { sleep } from "./waiting.mjs";

const HOSTS = 2;

/** Hosts under load while `mode` is on; healed, drained, judged. */
async function underMode(
  given,
  mode,
  { seconds = 5, mayStoreDropped = true, agent = {}, andThen } = {},
) {
  const { scene } = given;
  await scene.open();
  scene.proxy.keepBodies = true;
  for (let i = 0; i < HOSTS; i += 1) {
    const host = await scene.host({ name: `w${i}`, agent });
    await host.load(20, 10);
  }
  const unwatch = scene.watch();
  await sleep(500);
  await scene.proxy.set(mode);
  await sleep(seconds * 1_000);
  if (andThen !== undefined) {
    await scene.proxy.set(andThen);
    await sleep(1_500);
  }
  await scene.proxy.set({ kind: "pass" });
  // A stream that was corrupted, or cut short, ends with its connection.
  scene.proxy.cut();
  await sleep(1_200);
  await scene.settle();
  await unwatch();
  return scene.judge({ mayStoreDropped });
}

const holdsEvents = ({ method, path, bytes }) =>
  method === "POST" && bytes > 0 && !path.includes("hold=");

/** Requests that were tried again must begin with the same bytes. */
function changedRetries(requests) {
  let changed = 0;
  let same = 0;
  // The first bytes name version, node, epoch and seqs: equal there, equal all through.
  const byStart = new Map();
  for (const { body } of requests.filter(holdsEvents)) {
    const start = body.subarray(0, 48).toString("hex");
    const before = byStart.get(start);
    byStart.set(start, body);
    if (before === undefined) continue;
    const length = Math.min(before.length, body.length);
    if (before.subarray(0, length).equals(body.subarray(0, length))) same += 1;
    else changed += 1;
  }
  return { changed, same };
}

export const row11 = {
  id: "11",
  title: "reset in mid-request at a random byte",
  async run(given) {
    const { scene, figure } = given;
    const seconds = given.minutes === undefined ? 5 : given.minutes * 60;
    await underMode(given, { kind: "reset", maxByte: 2_000 }, { seconds });
    const { resets } = scene.proxy.counts;
    const { changed, same } = changedRetries(scene.proxy.requests);
    figure("resets", resets, "");
    figure("retries seen whole, byte for byte the same", same, "");
    scene.promise(resets > 5, "the fault did not occur", `${resets} resets`);
    scene.promise(changed === 0, "a batch was resent with other bytes", changed);
  },
};

export const row12 = {
  id: "12",
  title: "reply lost after commit; requests half-closed",
  async run(given) {
    const { scene, figure } = given;
    const seconds = given.minutes === undefined ? 4 : given.minutes * 60;
    await underMode(
      given,
      { kind: "swallow", chance: 0.7 },
      { seconds, andThen: { kind: "halfClose", maxByte: 2_000 } },
    );
    const { ingest } = await scene.collector.get("/api/nodes");
    figure("replies lost", scene.proxy.counts.swallowed, "");
    figure("requests half-closed", scene.proxy.counts.halfClosed, "");
    figure("events recognised as repeats", ingest.repeated, "");
    scene.promise(scene.proxy.counts.swallowed > 10, "the fault did not occur", "replies lost");
    scene.promise(
      ingest.repeated > 0,
      "the fault did not occur",
      "no repeat reached the collector",
    );
    scene.promise(ingest.conflicts === 0, "a repeat was taken for a conflict", ingest.conflicts);
  },
};

export const row16 = {
  id: "16",
  title: "corrupted bytes, in requests and in replies",
  async run(given) {
    const { scene, figure } = given;
    const seconds = given.minutes === undefined ? 5 : given.minutes * 60;
    await underMode(given, { kind: "flip", up: 0.0001, down: 0.001 }, { seconds });
    const { ingest } = await scene.collector.get("/api/nodes");
    const refused = Object.values(ingest.refused).reduce((sum, count) => sum + count, 0);
    figure("bits flipped", scene.proxy.counts.flipped, "");
    figure("requests refused", refused, "");
    scene.promise(scene.proxy.counts.flipped > 10, "the fault did not occur", "bits flipped");
    scene.promise(refused > 0, "corruption was not counted", JSON.stringify(ingest.refused));
  },
};

function post(port, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/octet-stream", "content-length": body.length };
    const options = { host: "127.0.0.1", port, method: "POST", path: "/v1/batches", headers };
    const sent = request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode,
          reply: JSON.parse(Buffer.concat(parts).toString()),
        }),
      );
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

export const row13 = {
  id: "13",
  title: "old batches replayed hours later",
  skipped: () => noFakeTime,
  async run(given) {
    const { scene, random, figure } = given;
    const time = new FakeTime(scene.directory, "collector");
    await scene.open({ env: time.env });
    scene.proxy.keepBodies = true;
    for (let i = 0; i < HOSTS; i += 1) {
      const host = await scene.host({ name: `old${i}` });
      await host.load(20, 10);
    }
    await sleep(2_500);
    await scene.settle();
    const bodies = scene.proxy.requests.filter(holdsEvents).map(({ body }) => body);
    const before = (await scene.collector.get("/api/nodes")).ingest;
    // Seven hours later, in another order, some twice; then once more after a restart.
    time.set("+25200");
    let stored = 0;
    let acknowledged = 0;
    for (let round = 0; round < 2; round += 1) {
      const shuffled = [...bodies, ...bodies.slice(0, 20)].sort(() => random() - 0.5);
      for (const body of shuffled) {
        const { status, reply } = await post(scene.collector.port, body);
        if (status !== 200) continue;
        for (const ack of reply.acks) {
          stored += ack.storedCount;
          acknowledged += ack.lastSeq - ack.firstSeq + 1;
        }
      }
      if (round === 0) {
        await scene.collector.stop();
        await scene.collector.start();
      }
    }
    figure("batches replayed", 2 * (bodies.length + Math.min(20, bodies.length)), "");
    figure("events stored again", stored, "", { goal: "0", met: stored === 0 });
    scene.promise(stored === 0, "a replay was stored", stored);
    scene.promise(
      bodies.length > 10 && acknowledged > before.stored,
      "the fault did not occur",
      acknowledged,
    );
    await scene.judge();
  },
};
