/** Row 10: the agent's data directory is full, read-only, not there, not a directory, or holds nonsense. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "./waiting.mjs";

const epochFile = (directory, name) => join(directory, `agent-${name}.json`);

/** Each prepares a data directory for a node; what the agent should say of it, if anything. */
const DISKS = [
  ["a file in its place", (path) => writeFileSync(path, "no directory"), true],
  ["its parent is missing", (path) => join(path, "missing", "deeper"), true],
  ["a file system that takes no files", () => "/proc/self", true],
  [
    "full from the start",
    (path, name) => {
      mkdirSync(path);
      symlinkSync("/dev/full", `${epochFile(path, name)}.new`);
    },
    true,
  ],
  ["an empty file", (path, name) => leave(path, name, ""), true],
  ["no JSON", (path, name) => leave(path, name, "{]\0garbage"), true],
  ["JSON of another shape", (path, name) => leave(path, name, '{"epoch":"7","ceiling":{}}'), true],
  ["null", (path, name) => leave(path, name, "null"), true],
  ["an epoch that is no safe integer", (path, name) => leave(path, name, '{"epoch":1e300}'), true],
  [
    "the highest epoch there can be",
    (path, name) => leave(path, name, `{"epoch":${Number.MAX_SAFE_INTEGER}}`),
    true,
  ],
  ["8 MiB of text", (path, name) => leave(path, name, "x".repeat(8 * 2 ** 20)), true],
  [
    "a directory in place of the file",
    (path, name) => mkdirSync(epochFile(path, name), { recursive: true }),
    true,
  ],
];

function leave(path, name, text) {
  mkdirSync(path);
  writeFileSync(epochFile(path, name), text);
}

/** A tiny file system of its own; undefined where it cannot be mounted (no root, no permission). */
function mounted(scene, path, options) {
  mkdirSync(path);
  const done = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  if (done.status !== 0) return false;
  scene.onClose(() => spawnSync("umount", ["-l", path]));
  return true;
}

export const row10 = {
  id: "10",
  title: "data directory full, read-only, corrupt",
  async run({ scene, figure }) {
    await scene.open();
    const cases = [...DISKS];
    if (mounted(scene, scene.path("disk-full"), "size=64k")) {
      const fill = (path) =>
        spawnSync("dd", ["if=/dev/zero", `of=${join(path, "filler")}`, "bs=4k"]);
      cases.push([
        "a full disk",
        () => fill(scene.path("disk-full")) && scene.path("disk-full"),
        true,
      ]);
    }
    if (mounted(scene, scene.path("disk-ro"), "size=64k,ro"))
      cases.push(["a read-only disk", () => scene.path("disk-ro"), true]);
    for (const [i, [what, prepare, isTold]] of cases.entries()) {
      const name = `disk${i}`;
      const path = scene.path(`data${i}`);
      const made = prepare(path, name);
      const dataDir = typeof made === "string" ? made : path;
      const host = await scene.host({ name, agent: { dataDir } });
      await host.load(10, 10);
      await sleep(300);
      const { health, healthReason, ownErrors } = await host.stats();
      scene.promise(
        ownErrors === 0 && health === "ok",
        "a disk did harm",
        `${what}: ${health}, ${healthReason}`,
      );
      const said = /epoch file|data directory/.test(host.stderr);
      scene.promise(said === isTold, "the agent does not say so", `${what}: ${host.stderr}`);
      await host.load(0, 0);
      await host.drain();
      await host.close();
    }
    // Damaged between two starts: the next epoch is higher all the same.
    const dataDir = scene.path("twice");
    let firstN = 1;
    for (let i = 0; i < 2; i += 1) {
      const host = await scene.host({ name: "twice", firstN, agent: { dataDir } });
      await host.load(10, 10);
      await sleep(300);
      await host.load(0, 0);
      await host.drain();
      await host.close();
      firstN = host.life.lastN + 1;
      rmSync(epochFile(dataDir, "twice"), { force: true });
      writeFileSync(epochFile(dataDir, "twice"), "\u0000\u0000");
    }
    const [first, second] = scene.ledger.lives.slice(-2);
    scene.promise(second.epochs[0].epoch > first.epochs[0].epoch, "an epoch was used again");
    figure("disks", cases.length, "");
    await scene.judge();
  },
};
