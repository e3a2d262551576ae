/** Row 32: bytes of live records are flipped while no collector runs. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CollectorProcess } from "../agent/collector-process.mjs";
import { pick } from "../agent/seeded.mjs";
import { judge } from "./judge.mjs";
import { readLmdb } from "./lmdb-file.mjs";
import { runVerify } from "./stage.mjs";

const FLIPS_PER_ROUND = 5;
const ENVELOPE_BYTES = 12;

/** A store with some thousand events, several rounds of checkpoints, and no collector. */
async function aStore(scene) {
  scene.newStore({ nodes: 3, eventsPerBatch: 150, pauseMs: 2 });
  await scene.collector.start();
  const stop = scene.load();
  await scene.untilAcknowledged(9_000, 60_000);
  await stop();
  await scene.drain();
  await scene.judge({ cuts: 5 });
  await scene.verify();
  return scene.collector.directory;
}

/** Node by epoch id, from the records of epochs themselves. */
function nodesById(path, { records }) {
  const file = readFileSync(path);
  const nodes = new Map();
  for (const { key, at, length } of records) {
    if (kindOf(key) !== "E") continue;
    const { id, node } = JSON.parse(file.subarray(at + ENVELOPE_BYTES, at + length));
    nodes.set(id, node);
  }
  return nodes;
}

const kindOf = (key) => String.fromCharCode(key[0]);

/** The seqs that the key of a batch names (the layout is drawn in collector/store/keys.ts). */
const seqsOfBatch = (key) => ({ first: numberAt(key, 13), last: numberAt(key, 29) });
const numberAt = (key, at) => (key.readUInt32BE(at) - 2 ** 21) * 2 ** 32 + key.readUInt32BE(at + 4);

/** Flips bits of so many live records of a copy; returns which. `part` says where: in records, or in keys. */
function flip(path, lmdb, random, count, part) {
  const file = readFileSync(path);
  const hit = new Map();
  while (hit.size < count) {
    // Kinds in turn, so that the many batches do not hide the few of the others.
    const kinds = [...new Set(lmdb.records.map(({ key }) => kindOf(key)))];
    const kind = random() < 0.5 ? "B" : pick(random, kinds);
    const record = pick(
      random,
      lmdb.records.filter(({ key }) => kindOf(key) === kind),
    );
    if (record === undefined || hit.has(record)) continue;
    const at =
      part === "key"
        ? record.keyAt + Math.floor(random() * record.key.length)
        : record.at + Math.floor(random() * record.length);
    file[at] ^= 1 << Math.floor(random() * 8);
    hit.set(record, at);
  }
  writeFileSync(path, file);
  return [...hit.keys()];
}

export const row32 = {
  id: "32",
  title: "flipped bits in live records: all found, none served, ranges called lost (G14)",
  async run({ scene, random, runs = 30, figure }) {
    const store = await aStore(scene);
    const lmdb = readLmdb(join(store, "data.mdb"));
    const nodes = nodesById(join(store, "data.mdb"), lmdb);
    const seen = { flips: 0, found: 0, refused: 0, wrong: 0 };
    const kinds = {};
    for (let round = 0; seen.flips < runs; round += 1) {
      const directory = scene.path(`flipped-${round}`);
      cpSync(store, directory, { recursive: true });
      const count = Math.min(FLIPS_PER_ROUND, runs - seen.flips);
      const hit = flip(join(directory, "data.mdb"), lmdb, random, count, "record");
      seen.flips += hit.length;
      for (const { key } of hit) kinds[kindOf(key)] = (kinds[kindOf(key)] ?? 0) + 1;
      const { damage, code } = await runVerify(directory);
      scene.promise(code === 1, "verify did not say no", `exit ${code}`);
      const named = new Set(damage.map(({ key }) => key));
      for (const { key } of hit) {
        const isFound = named.has(key.toString("hex"));
        if (isFound) seen.found += 1;
        scene.promise(isFound, "not found by verify", `${kindOf(key)} ${key.toString("hex")}`);
      }
      const before = scene.verdict.failures.length;
      await serve(scene, random, directory, hit, nodes, seen, { damage });
      nameHit(scene, before, hit);
    }
    figure(
      "flips",
      seen.flips,
      Object.entries(kinds)
        .map(([kind, n]) => `${kind} ${n}`)
        .join(" "),
    );
    figure("found by verify", seen.found, `of ${seen.flips}`, {
      goal: "all",
      met: seen.found === seen.flips,
    });
    figure("stores refused in one clear line", seen.refused, "");
  },
};

/** Starts a collector on the damaged copy and asks it for everything. */
async function serve(
  scene,
  random,
  directory,
  hit,
  nodes,
  seen,
  { mayRefuse = false, damage = [] } = {},
) {
  const collector = new CollectorProcess(directory);
  const mustRefuse = hit.some(({ key }) => ["E", "L", "F"].includes(kindOf(key)));
  try {
    await collector.start();
  } catch {
    seen.refused += 1;
    const isClear =
      /is damaged|cannot open|but no format/.test(collector.stderr) && collector.ended?.code === 3;
    scene.promise(isClear, "no clear refusal", `${collector.ended?.code} ${collector.stderr}`);
    scene.promise(mustRefuse || mayRefuse, "refused without need", collector.stderr);
    return;
  }
  scene.promise(
    !mustRefuse || mayRefuse,
    "started on what it cannot read",
    hit.map(({ key }) => kindOf(key)).join(),
  );
  const damaged = new Map();
  // A search that meets a damaged key may go astray: which neighbours it misses is not for us to say.
  if (mayRefuse)
    for (const { book } of scene.writers)
      damaged.set(book.node, [{ first: 1, last: book.recorded }]);
  for (const { key } of hit) {
    if (kindOf(key) !== "B") continue;
    const node = nodes.get(key.readUInt32BE(1));
    damaged.set(node, [...(damaged.get(node) ?? []), seqsOfBatch(key)]);
  }
  // Of records that hold parts of a batch the key does not tell the seqs: `verify` does.
  for (const { kind, node, firstSeq, lastSeq } of damage)
    if (kind === "block")
      damaged.set(node, [...(damaged.get(node) ?? []), { first: firstSeq, last: lastSeq }]);
  const { verdict, books } = scene;
  try {
    await judge({ verdict, books, collector, random, damaged, cuts: 8 });
  } finally {
    await collector.stop();
  }
  // What was served without has been told as well.
  if (damaged.size > 0 && !mayRefuse)
    scene.promise(/a stored record is damaged/.test(collector.stderr), "no word in the log", "");
}

/** A key with a flipped bit stands in the wrong place, or is of another kind: one at a time. */
export const row32Keys = {
  id: "32K",
  title: "flipped bits in the keys of live records: found, and nothing wrong served (G14)",
  async run({ scene, random, runs = 12, figure }) {
    const store = await aStore(scene);
    const lmdb = readLmdb(join(store, "data.mdb"));
    const nodes = nodesById(join(store, "data.mdb"), lmdb);
    const seen = { found: 0, refused: 0 };
    for (let run = 0; run < runs; run += 1) {
      const directory = scene.path(`keys-${run}`);
      cpSync(store, directory, { recursive: true });
      const hit = flip(join(directory, "data.mdb"), lmdb, random, 1, "key");
      const { code } = await runVerify(directory);
      if (code === 1) seen.found += 1;
      scene.promise(code === 1, "verify did not say no", `exit ${code}: ${describe(hit)}`);
      const before = scene.verdict.failures.length;
      await serve(scene, random, directory, hit, nodes, seen, { mayRefuse: true });
      nameHit(scene, before, hit);
    }
    figure("found by verify", seen.found, `of ${runs}`, { goal: "all", met: seen.found === runs });
    figure("stores refused in one clear line", seen.refused, "");
  },
};

/** Failures tell which records were hit. */
function nameHit(scene, before, hit) {
  for (const failure of scene.verdict.failures.slice(before))
    failure.detail = `${describe(hit)}: ${failure.detail}`;
}

const describe = (hit) =>
  hit.map(({ key }) => `${kindOf(key)} ${key.toString("hex").slice(0, 24)}`).join();
