/** Looking piece by piece, as live detection does, comes to what one look at all of it comes to. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diagnose } from "../../../collector/bottleneck/diagnose.ts";
import type { Episode } from "../../../collector/bottleneck/episode-shape.ts";
import type { NodeRecording } from "../../../collector/bottleneck/recording.ts";
import { CHAIN, START_US, simulate } from "../../support/queue-simulator.ts";
import "../../support/seed.ts";

const SECONDS = 13;
const END_US: number = START_US + SECONDS * 1e6;

/** What had been recorded by `us`. */
function knownBy(recordings: readonly NodeRecording[], us: number): NodeRecording[] {
  const second = Math.floor(us / 1e6);
  return recordings.map((one) => ({
    ...one,
    load: one.load.filter((load) => load.second < second),
    gaps: one.gaps.filter(({ endUs }) => endUs <= us),
    gc: one.gc.filter(({ endUs }) => endUs <= us),
    requests: one.requests.filter(({ endUs }) => endUs <= us),
    signals: new Map(
      [...one.signals].map(([name, { atUs, values }]) => {
        const count = atUs.filter((at) => at <= us).length;
        return [name, { atUs: atUs.slice(0, count), values: values.slice(0, count) }] as const;
      }),
    ),
  }));
}

const faults = fc.array(
  fc.record({
    kind: fc.constantFrom("run", "gc", "freeze", "sleep", "network" as const),
    node: fc.constantFrom(...CHAIN),
    atMs: fc.integer({ min: 7_000, max: 9_500 }),
    ms: fc.integer({ min: 20, max: 300 }),
  }),
  { minLength: 1, maxLength: 3 },
);

describe("live detection", () => {
  it("agrees with a look at the past once data are complete", () => {
    const looks = fc.array(fc.integer({ min: 1, max: SECONDS }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.nat(), faults, looks, (seed, drawn, seconds) => {
        const recordings = simulate({
          ...{ seed, seconds: SECONDS, perSecond: 100 },
          faults: drawn.map(({ atMs, ms, ...rest }) => {
            return { ...rest, startUs: START_US + atMs * 1e3, endUs: START_US + (atMs + ms) * 1e3 };
          }),
        });
        const past = diagnose(recordings, { fromUs: START_US, untilUs: END_US }).episodes;
        const told = new Map<string, Episode>();
        let settledUs = START_US;
        const times = [...new Set(seconds)].sort((a, b) => a - b).map((s) => START_US + s * 1e6);
        for (const us of [...times, END_US + 5e6]) {
          const isLast = us > END_US;
          const look = diagnose(knownBy(recordings, us), {
            fromUs: settledUs,
            untilUs: us,
            ...(isLast ? {} : { knownUntilUs: us - 1e6 }),
          });
          for (const episode of look.episodes) {
            if (episode.status === "closed") told.set(episode.id, episode);
          }
          settledUs = look.settledUs;
        }
        expect([...told.values()].map(shown)).toEqual(
          past.filter(({ status }) => status === "closed").map(shown),
        );
      }),
      { numRuns: 6 },
    );
  });
});

function shown({ id, tier, onsetUs, endUs, drainMs, severity, causes }: Episode): unknown {
  return { id, tier, onsetUs, endUs, drainMs, severity, causes };
}
