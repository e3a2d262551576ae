/**
 * What a run's answer is, by three clocks, and what about it is not as it must be. Numbers about wall
 * clocks are findings, not faults: they are what the case is there to show.
 */
import { impossibleCuts, judge, type Verdict } from "./judge.ts";
import type { RunResult } from "./one-run.ts";
import { readingsApart, readingsBy, writtenBy } from "./read-journals.ts";
import { type SeenPause, seenPauses } from "./seen-pauses.ts";
import { type StalenessAnswer, stalenessOf } from "./staleness.ts";

/** Shorter findings are counted in the distribution, and in no list: a cut resolves no better. */
export const SHORTEST_MS = 20;

/** The answer by one clock. */
export interface ByClock extends Verdict {
  readonly impossibleCuts: number;
}

export interface Answer {
  readonly result: RunResult;
  /** What the collector's cuts say. */
  readonly staleness: StalenessAnswer;
  readonly byStamp: ByClock;
  readonly byWall: ByClock;
  readonly pauses: readonly SeenPause[];
  readonly faults: readonly string[];
}

export function answerOf(result: RunResult): Answer {
  const { plan, journal, recorded, pauses } = result;
  const { replicas, znodes, k } = plan.question;
  const truth = stalenessOf(readingsBy("true", journal), replicas, znodes, k).findings;
  const wallReadings = readingsBy("wall", journal);
  const wall = stalenessOf(wallReadings, replicas, znodes, k).findings;
  const { findings } = recorded.staleness;
  const seen = seenPauses(pauses, truth, findings, SHORTEST_MS);
  const byStamp = {
    ...judge(findings, truth, SHORTEST_MS),
    impossibleCuts: impossibleCuts(recorded.readings, recorded.written),
  };
  const byWall = {
    ...judge(wall, truth, SHORTEST_MS),
    impossibleCuts: impossibleCuts(wallReadings, writtenBy("wall", journal)),
  };
  const apart = readingsApart(recorded.readings, readingsBy("stamp", journal));
  const stale = seen.filter((one) => one.truth !== undefined);
  const unseen = stale.filter((one) => one.found === undefined);
  return {
    result,
    staleness: recorded.staleness,
    byStamp,
    byWall,
    pauses: seen,
    faults: [
      ...recorded.faults,
      ...(apart > 0 ? [`${apart} readings differ from the observers' own journals`] : []),
      ...unseen.map(({ pause }) => `a pause of ${pause.replica} does not show`),
      ...(stale.length === 0 ? ["no pause made its replica stale: too little load"] : []),
      // Without stamps the order across processes is the clocks', and nothing can be promised.
      ...(plan.isStamped && byStamp.impossibleCuts > 0
        ? [`${byStamp.impossibleCuts} cuts hold a version that is not written yet`]
        : []),
      ...(!plan.isStamped && recorded.unstamped.join() !== replicas.join()
        ? [`without stamps: reported by ${recorded.unstamped.join(", ") || "nobody"}`]
        : []),
    ],
  };
}
