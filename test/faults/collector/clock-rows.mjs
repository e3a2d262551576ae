/** Row 44: the collector's own clock jumps. Age is reckoned by it, so everything would seem old at once. */
import { FakeTime, noFakeTime } from "../agent/fake-time.mjs";
import { sleep, until } from "../agent/waiting.mjs";

/** Its clock is looked at every second; longer than until the clock is set right again. */
const RETENTION = ["--retention", "64s"];
const JUMP = "+7200";
/** What came behind the first jump is stamped by it. */
const SECOND_JUMP = "+14400";
/** Two looks, and some more. */
const LOOKS_MS = 3_000;
const SHORT_RETENTION = ["--retention", "2s"];

export const row44 = {
  id: "44",
  title: "the collector's clock jumps two hours ahead: retention pauses and alarms, nothing goes",
  skipped: () => noFakeTime,
  async run({ scene, figure }) {
    scene.newStore({ nodes: 3, eventsPerBatch: 200, pauseMs: 20 });
    const { collector } = scene;
    const time = new FakeTime(scene.directory, "collector");
    collector.how.options = RETENTION;
    await collector.start(time.env);
    await scene.loadFor(1_500);
    // Its first look is a second after the start: a jump before it would be one of the start.
    await sleep(500);
    // While it runs: the first look after it must see it, and all that came before stays.
    time.set(JUMP);
    const jumpedAt = performance.now();
    await until(
      "the jump is seen",
      async () => (await retentionOf(collector)).clockJumps === 1,
      15_000,
    );
    figure("jump seen after", performance.now() - jumpedAt, "ms");
    judgePause(scene, await retentionOf(collector), "after the jump");
    scene.promise(
      /jumped ahead: retention by age pauses/.test(collector.stderr),
      "no alarm",
      collector.stderr.slice(-500),
    );
    await scene.loadFor(1_000);
    await sleep(LOOKS_MS);
    judgePause(scene, await retentionOf(collector), "two looks later");
    await scene.drain();
    await scene.judge({ cuts: 10 });
    // Set right again: no reason to wait any longer, and nothing is old.
    time.set("+0");
    await until(
      "the pause ends",
      async () => (await retentionOf(collector)).paused === false,
      15_000,
    );
    scene.promise((await retentionOf(collector)).removed === 0, "went too early", "clock set back");
    await collector.stop();
    // While it was down: nobody can tell a jump from a long stop, so it counts as one.
    time.set(SECOND_JUMP);
    await collector.start(time.env);
    await until(
      "the jump is seen at the start",
      async () => (await retentionOf(collector)).clockJumps === 1,
      15_000,
    );
    await sleep(LOOKS_MS);
    judgePause(scene, await retentionOf(collector), "after a start with the clock ahead");
    await scene.loadFor(500);
    await scene.drain();
    await scene.judge({ cuts: 10 });
    await collector.stop();
    // What all this has kept does go when it is old.
    time.set("+0");
    collector.how.options = SHORT_RETENTION;
    await collector.start(time.env);
    await until("what is old goes", async () => (await retentionOf(collector)).removed > 0, 20_000);
    await scene.verify();
  },
};

async function retentionOf(collector) {
  return (await collector.get("/api/nodes")).retention;
}

function judgePause(scene, { paused, removed, forgotten, clockJumps }, when) {
  const detail = `${when}: ${JSON.stringify({ paused, removed, forgotten, clockJumps })}`;
  scene.promise(paused, "retention did not pause", detail);
  scene.promise(removed === 0 && forgotten === 0, "mass deletion", detail);
  scene.promise(clockJumps === 1, "counted wrongly", detail);
}
