/** Row 27: power cuts. What was written and synced is recorded, and every cut's images are opened. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Verdict } from "../agent/checker.mjs";
import { CollectorProcess } from "../agent/collector-process.mjs";
import { judge } from "./judge.mjs";
import { imageAfter, RECORDED, readRecording, WITH_BYTES } from "./power-cut.mjs";
import { runVerify } from "./stage.mjs";
import { noStrace, underStrace } from "./strace.mjs";

const IMAGES_PER_RECORDING = 25;
const POSTS = 24;
const LIES = 3;

export const row27 = {
  id: "27",
  title: "power cut: writes that were not synced are lost, torn, reordered (G3)",
  skipped: noStrace,
  async run({ scene, random, runs = 15, figure }) {
    const seen = { images: 0, refused: 0, operations: 0, syncs: 0, caught: 0 };
    while (seen.images < runs) {
      scene.newStore({ nodes: 2, eventsPerBatch: 120, pauseMs: 0 });
      const { collector } = scene;
      const data = join(collector.directory, "data.mdb");
      // By turns from the first write of a new store, and from a store that stands.
      if (seen.images % (2 * IMAGES_PER_RECORDING) > 0) {
        await collector.start();
        await scene.loadFor(500);
        await collector.stop();
      }
      const base = existsSync(data) ? readFileSync(data) : Buffer.alloc(0);
      const before = scene.books.map(({ acknowledged }) => acknowledged);
      const output = scene.path("recording");
      collector.how.before = underStrace({ calls: RECORDED, output, more: WITH_BYTES });
      await collector.start();
      for (let i = 0; i < POSTS; i += 1)
        await scene.writers[i % scene.writers.length].sendOnce(collector.port);
      await collector.stop();
      collector.how.before = [];
      const operations = readRecording(output, data);
      rmSync(output);
      seen.operations += operations.length;
      seen.syncs += operations.filter(({ kind, isSynced }) => kind === "sync" || isSynced).length;
      const images = Math.min(IMAGES_PER_RECORDING, runs - seen.images);
      for (let i = 0; i < images; i += 1) {
        const count = Math.floor(random() * (operations.length + 1));
        await judgeImage(scene, random, { operations, count, base, before, seen });
        seen.images += 1;
      }
      if (seen.images >= runs) await judgeLies(scene, random, { operations, base, before, seen });
    }
    figure("caught of a disk that lies", `${seen.caught} of ${LIES}`, "");
    figure("images", seen.images, "", {
      goal: "none wrong",
      met: scene.verdict.failures.length === 0,
    });
    figure("refused clearly, nothing acknowledged yet", seen.refused, "");
    figure("writes and syncs recorded", seen.operations, `with ${seen.syncs} syncs`);
  },
};

/** The judge judged: on a disk that has not synced what it said, something must be missed. */
async function judgeLies(scene, random, { operations, base, before, seen }) {
  for (let i = 0; i < LIES; i += 1) {
    const verdict = new Verdict();
    const count = operations.length;
    const refused = { ...seen, images: `lie-${i}` };
    await judgeImage(scene, random, {
      operations,
      count,
      base,
      before,
      seen: refused,
      verdict,
      isLying: true,
    });
    if (verdict.failures.length > 0) seen.caught += 1;
  }
  scene.promise(seen.caught > 0, "the judge is blind", "a disk that lies was not noticed");
}

/** Opens what a cut after `count` operations could have left, with the books as they stood then. */
export async function judgeImage(scene, random, image) {
  const { operations, count, base, before, seen, isLying, verdict = scene.verdict } = image;
  const { isPruned = false } = image;
  const directory = scene.path(`image-${seen.images}`);
  mkdirSync(directory);
  const bytes = imageAfter(operations, count, base, random, isLying);
  writeFileSync(join(directory, "data.mdb"), bytes);
  const cutAtMs = operations[count]?.atMs ?? Number.POSITIVE_INFINITY;
  const now = scene.books.map(({ acknowledged }) => acknowledged);
  // What was acknowledged before the next operation began must be there.
  scene.books.forEach((book, i) => {
    const told = book.acks.findLast(({ atMs }) => atMs < cutAtMs);
    book.acknowledged = Math.max(before[i], told?.seq ?? 0);
  });
  const acknowledged = scene.acknowledged;
  const failuresBefore = verdict.failures.length;
  const collector = new CollectorProcess(directory);
  try {
    const { books } = scene;
    const { code, damage } = await runVerify(directory);
    // An empty file, or one without its first pages, is no store yet.
    if (code !== 0 && acknowledged > 0)
      verdict.fail("verify found damage", JSON.stringify(damage?.slice(0, 2)));
    await collector.start();
    await judge({ verdict, books, collector, random, isPruned, cuts: 4 });
    await collector.stop();
  } catch (error) {
    seen.refused += 1;
    const isClear = /is not a store|cannot open|no format|is damaged/.test(collector.stderr);
    if (acknowledged > 0 || !isClear) verdict.fail("does not open", `${error} ${collector.stderr}`);
  } finally {
    await collector.stop("SIGKILL").catch(() => {});
    scene.books.forEach((book, i) => {
      book.acknowledged = now[i];
    });
    rmSync(directory, { recursive: true, force: true });
  }
  for (const failure of verdict.failures.slice(failuresBefore))
    failure.detail = `cut after ${count} of ${operations.length} operations: ${failure.detail}`;
}
