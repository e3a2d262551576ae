/** When live detection looks: at once where something stirs, seldom where nothing does, and never late for good. */
import { expect, it } from "vitest";
import { type Batch, eventsOf, type Hlc } from "../../../agent/kernel/index.ts";
import type { Episode } from "../../../collector/bottleneck/episode-shape.ts";
import { CALM_LOOK_MS, EpisodeWatch } from "../../../collector/bottleneck/episode-watch.ts";
import { hlcOfUs } from "../../../collector/bottleneck/unix-us.ts";
import type { History } from "../../../collector/cut/history.ts";
import { finish, type Work } from "../../../collector/cut/turns.ts";
import { type SimulatedFault, START_US, simulate } from "../../support/queue-simulator.ts";
import { batchesOf } from "../../support/simulated-batches.ts";

const SECONDS = 14;

/** Goes through a simulation second by second, as its seconds become durable; what was told, and when all was looked at. */
async function watched(faults: readonly SimulatedFault[]) {
  const batches: readonly Batch[] = batchesOf(
    simulate({ seed: 5, seconds: SECONDS, perSecond: 60, faults }),
  );
  const events = new Map(
    batches.map(({ header, events }) => {
      const { node, service, epoch } = header;
      const all = [...eventsOf({ header, events })].filter(
        ({ kind }) => kind === "request" || kind === "receive",
      );
      return [node, all.map((event) => ({ node, service, epoch, event }))];
    }),
  );
  let nowUs = START_US;
  const looks: number[] = [];
  const told: { readonly atMs: number; readonly episode: Episode }[] = [];
  const history = {
    nodes: () => batches.map(({ header: { node } }) => ({ node, lastT: hlcOfUs(nowUs) })),
    side: async ({ fromSecond, untilSecond }: { fromSecond: number; untilSecond: number }) =>
      batches.map(({ header: { node, service, epoch }, sideBlocks = [] }) => {
        const isKnown = (second: number): boolean =>
          second >= fromSecond && second < Math.min(untilSecond, Math.floor(nowUs / 1e6));
        const blocks = sideBlocks.filter(({ second }) => isKnown(second));
        return { node, service, epoch, blocks };
      }),
    events: async (asked: { from: Hlc; to: Hlc; selection: { nodes: [string] } }) => {
      const of = events.get(asked.selection.nodes[0]) ?? [];
      const found = of.filter(({ event: { t } }) => t >= asked.from && t <= asked.to);
      return { events: found, more: false };
    },
    inTurns: async <Answer>(work: Work<Answer>): Promise<Answer> => {
      looks.push((nowUs - START_US) / 1_000);
      return finish(work);
    },
  };
  let wake: (() => void) | undefined;
  const watch = new EpisodeWatch({
    history: history as unknown as Pick<History, "side" | "events" | "nodes" | "inTurns">,
    now: () => hlcOfUs(nowUs),
    nowMs: () => nowUs / 1_000,
    after: (_ms, run) => {
      wake = run;
      return () => undefined;
    },
    onEpisode: (episode) => told.push({ atMs: (nowUs - START_US) / 1_000, episode }),
    onFailure: (error) => {
      throw error;
    },
  });
  while (nowUs < START_US + SECONDS * 1e6) {
    nowUs += 250_000;
    watch.notify();
    wake?.();
    // A look awaits nothing but what is there.
    await new Promise((resolve) => setImmediate(resolve));
  }
  watch.close();
  return { looks, told };
}

it("looks at calm seldom", async () => {
  const { looks, told } = await watched([]);
  expect(told).toEqual([]);
  const calm = looks.filter((ms) => ms > 3_000);
  expect(calm.length).toBeGreaterThan(2);
  expect(calm.length).toBeLessThanOrEqual((SECONDS * 1_000) / CALM_LOOK_MS);
});

it("looks at once at what stirs, until it is over and told", async () => {
  const startUs = START_US + 9.4e6;
  const faults: SimulatedFault[] = [
    { kind: "run", node: "store", startUs, endUs: startUs + 150_000 },
  ];
  const { told } = await watched(faults);
  expect(told[0]?.episode).toMatchObject({ tier: { node: "store-1" }, status: "open" });
  // Its second is durable at 10 s.
  expect(told[0]?.atMs).toBe(10_000);
  expect(told.at(-1)?.episode.status).toBe("closed");
});
