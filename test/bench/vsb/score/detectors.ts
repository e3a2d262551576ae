/** All detectors over a recording: ours, asked and live, and the rivals. */
import { BASELINES } from "../baselines/index.ts";
import type { Detection, Injection, Recording, RunFacts, SnapshotCheck } from "../recording.ts";
import { askedDetections, liveDetections } from "./ours.ts";
import { type Judged, judge, type Scorecard, scorecardOf } from "./scorecard.ts";

/** What remains of a recording when all have been judged on it. */
export interface Round {
  readonly run: RunFacts;
  readonly truths: readonly Injection[];
  readonly snapshots: readonly SnapshotCheck[];
  /** Whether the collector answers `/api/bottlenecks`. */
  readonly isAnswered: boolean;
  readonly judged: ReadonlyMap<string, Judged>;
}

/** Two scorecards of one detector. */
export interface Scored {
  readonly name: string;
  readonly onset: Scorecard;
  readonly overlap: Scorecard;
}

/** In the order of the report; ours first. */
const DETECTORS: ReadonlyArray<
  readonly [name: string, detect: (recording: Recording) => readonly Detection[]]
> = [
  ["retroscope", ({ episodes, live, run }) => askedDetections(episodes ?? [], live, run)],
  ["retroscope live", ({ live, run }) => liveDetections(live, run)],
  ...BASELINES.map(({ name, detect }) => [name, detect] as const),
];

export function roundOf(recording: Recording): Round {
  const { run, truths, snapshots, episodes } = recording;
  return {
    ...{ run, truths, snapshots, isAnswered: episodes !== undefined },
    judged: new Map(DETECTORS.map(([name, detect]) => [name, judge(recording, detect(recording))])),
  };
}

export function scoredAll(rounds: readonly Round[]): Scored[] {
  return DETECTORS.map(([name]) => {
    const all = rounds.flatMap(({ judged }) => judged.get(name) ?? []);
    return {
      ...{ name, onset: scorecardOf(name, all, "onset") },
      overlap: scorecardOf(name, all, "overlap"),
    };
  });
}
