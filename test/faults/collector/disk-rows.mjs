/** Row 28: a file system that fills up and is emptied again, under load. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { quantile, sleep, until } from "../agent/waiting.mjs";
import { Watch } from "./watch.mjs";

const DISK_MIB = 160;
const RESUME_MS = 10_000;
const CHUNK = Buffer.alloc(256 * 1_024);

/** Why a small disk cannot be had; undefined: it can. */
export function noSmallDisk() {
  if (process.platform !== "linux") return "needs Linux: mounts a small tmpfs";
  if (process.getuid() !== 0) return "needs root: mounts a small tmpfs";
  const { status } = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"], {
    timeout: 5_000,
  });
  return status === 0 ? undefined : "needs the right to mount a small tmpfs (CAP_SYS_ADMIN)";
}

/** Mounts a tmpfs of so many MiB on a folder of the stage, for as long as the stage stands. */
function smallDisk(scene, mib) {
  const path = scene.folder("disk");
  const { status, stderr } = spawnSync("mount", [
    "-t",
    "tmpfs",
    "-o",
    `size=${mib}m`,
    "tmpfs",
    path,
  ]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
  scene.onClose(() => spawnSync("umount", ["-l", path]));
  return path;
}

/** A file that takes all the room that is left, but for `leaveBytes`. */
function fill(path, leaveBytes) {
  const file = openSync(path, "w");
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(path);
      const room = bavail * bsize - leaveBytes;
      if (room <= 0) return;
      writeSync(file, CHUNK, 0, Math.min(CHUNK.length, room));
    }
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

export const row28 = {
  id: "28",
  title: "disk full: 503, questions go on, resumes by itself (G4)",
  skipped: noSmallDisk,
  async run({ scene, random, runs = 6, figure }) {
    const disk = smallDisk(scene, DISK_MIB);
    scene.newStore({ nodes: 4, eventsPerBatch: 100, pauseMs: 20, directory: `${disk}/data` });
    const { collector } = scene;
    await collector.start();
    const stop = scene.load();
    await scene.untilAcknowledged(2_000);
    const watch = new Watch(collector, "/api/cut?at=now").start();
    let slowestMs = 0;
    for (let run = 0; run < runs; run += 1) {
      const refusedBefore = refusals(scene);
      // By turns to the brim, and to just below what the collector wants to keep free.
      const ballast = `${disk}/ballast`;
      fill(ballast, run % 2 === 0 ? 32 * 2 ** 20 : 0);
      await until("batches are refused", () => refusals(scene) > refusedBefore, 15_000, 10);
      await sleep(random() * 500);
      unlinkSync(ballast);
      const freedAt = performance.now();
      const resumed = await scene.untilAcknowledged(1, RESUME_MS).then(
        () => true,
        () => false,
      );
      scene.promise(resumed, "did not resume", `round ${run}`);
      slowestMs = Math.max(slowestMs, performance.now() - freedAt);
      await scene.untilAcknowledged(500);
    }
    await stop();
    const { answerMs, statuses, failures } = await watch.stop();
    const odd = [...statuses].filter(([status]) => status !== 200);
    scene.promise(odd.length === 0, "a question failed", JSON.stringify(odd));
    scene.promise(failures.length === 0, "a question had no answer", failures[0]);
    for (const { statuses: seen, book } of scene.writers)
      for (const [status] of seen)
        scene.promise(
          [200, 503, 429].includes(status),
          "another refusal",
          `${book.node}: ${status}`,
        );
    await scene.drain();
    await scene.judge();
    await scene.verify();
    figure("rounds", runs, "");
    figure("refused", refusals(scene), "requests");
    figure("resumed at most after", slowestMs, "ms", { goal: 10_000, met: slowestMs <= RESUME_MS });
    figure("questions meanwhile, p99", quantile(answerMs, 0.99), "ms");
  },
};

const refusals = ({ writers }) =>
  writers.reduce((sum, { statuses }) => sum + (statuses.get(503) ?? 0), 0);
