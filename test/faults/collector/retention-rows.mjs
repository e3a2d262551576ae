/** Row 33: retention takes the oldest away while nodes write and questions are asked. */
import { judgeCut } from "./judge.mjs";

const KEPT = ["--retention", "4s", "--max-bytes", "2MiB"];
const ASKED_MS = 20_000;

export const row33 = {
  id: "33",
  title: "retention races ingest and questions: an answer is right, or says outside-retention",
  alone: true,
  async run({ scene, random, minutes, figure }) {
    scene.newStore({ nodes: 4, eventsPerBatch: 600, pauseMs: 5 });
    const { collector, verdict, books } = scene;
    collector.how.options = KEPT;
    await collector.start();
    const stop = scene.load();
    await scene.untilAcknowledged(2_000);
    const end = performance.now() + (minutes === undefined ? ASKED_MS : minutes * 60_000);
    let gone = 0;
    /** The latest time that was gone so far. */
    let border = 0;
    let asked = 0;
    const options = { verdict, books, collector, isPruned: true };
    while (performance.now() < end) {
      // Anywhere in what was acknowledged; every third near the border, where the race is.
      const book = books[Math.floor(random() * books.length)];
      const near = Math.max(1, book.seqAt(border)) + Math.floor((random() - 0.5) * 2_000);
      const seq = asked % 3 === 0 ? near : Math.floor(random() * book.acknowledged);
      const t = book.timeOf(Math.min(Math.max(1, seq), book.acknowledged));
      if ((await judgeCut(options, t)) === "gone") {
        gone += 1;
        border = Math.max(border, t);
      }
      asked += 1;
    }
    await stop();
    await scene.drain();
    for (let i = 0; i < 20; i += 1) {
      const book = books[Math.floor(random() * books.length)];
      await judgeCut(options, book.timeOf(1 + Math.floor(random() * book.acknowledged)));
    }
    // The latest is there whatever went.
    await scene.judgeWatermarks();
    const { damage } = await scene.verify();
    figure("questions", asked, `of which ${gone} outside retention`);
    figure("damage by verify", damage?.length ?? -1, "");
    scene.promise(gone > 0, "nothing went", "the race did not take place");
  },
};
