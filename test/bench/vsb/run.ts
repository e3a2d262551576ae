/**
 * Evaluates the detection of very short bottlenecks (R6): `npm run vsb -- --seed 7`, see README.md beside this.
 *
 * Exit codes: 0 measured, whether goals are met or not; 1 the run broke; 2 usage.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rowOf, tableOf } from "../figure.ts";
import { BASELINES } from "./baselines/index.ts";
import { type Choice, choiceOf, TUNING_SEEDS, USAGE } from "./choice.ts";
import { plansOf } from "./plan.ts";
import { record } from "./record.ts";
import type { Detection, Recording } from "./recording.ts";
import { readRecording, writeRecording } from "./recording-files.ts";
import { asides, byFault, figuresOf, type Scored, sideBySide } from "./report.ts";
import { askedDetections, liveDetections } from "./score/ours.ts";
import { scorecardOf } from "./score/scorecard.ts";

async function main(args: readonly string[]): Promise<number> {
  let choice: Choice | undefined;
  try {
    choice = choiceOf(args);
    if (choice !== undefined) plansOf(choice);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (choice === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const recordings =
    choice.replay.length > 0 ? choice.replay.map(readRecording) : await recordAll(choice);
  print(recordings, choice.asJson);
  return 0;
}

/** One recording for each load of the size. */
async function recordAll(choice: Choice): Promise<Recording[]> {
  const recordings: Recording[] = [];
  for (const [index, plan] of plansOf(choice).entries()) {
    const directory = mkdtempSync(join(tmpdir(), "retroscope-vsb-"));
    try {
      say(
        `${plan.ratePerSecond} requests/s, ${plan.injections.length} injections, ` +
          `${Math.round(plan.totalMs / 1_000)} s`,
      );
      const recording = await record({ plan, directory, skewMs: choice.skewMs, say });
      recordings.push(recording);
      if (choice.keep !== undefined) {
        writeRecording(join(choice.keep, `seed-${choice.seed}-${index}`), recording);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return recordings;
}

function print(recordings: readonly Recording[], asJson: boolean): void {
  const scored = scoredAll(recordings);
  const rows = figuresOf(scored, recordings).map((figure) => rowOf("vsb", figure));
  if (asJson) {
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const seed = recordings[0]?.run.seed ?? 0;
  const isTuning = seed >= TUNING_SEEDS[0] && seed <= TUNING_SEEDS[1];
  const parts = [
    `seed ${seed}${isTuning ? ", a TUNING seed: not to be reported" : ""}`,
    sideBySide(scored),
    `recall/precision/right tier and cause, %\n${byFault(scored)}`,
    ...scored.slice(0, 2).map(asides),
    tableOf(rows),
  ];
  if (recordings.some(({ episodes }) => episodes === undefined)) {
    parts.push("This collector does not answer /api/bottlenecks: ours found nothing.");
  }
  process.stdout.write(`${parts.join("\n\n")}\n`);
}

/** Ours first. */
function scoredAll(recordings: readonly Recording[]): Scored[] {
  const of = (name: string, detect: (recording: Recording) => readonly Detection[]): Scored => {
    const said = recordings.map((recording) => ({ recording, detections: detect(recording) }));
    const card = (rule: "onset" | "overlap"): Scored["onset"] => scorecardOf(name, said, rule);
    return { name, onset: card("onset"), overlap: card("overlap") };
  };
  return [
    of("retroscope", ({ episodes, live, run }) => askedDetections(episodes ?? [], live, run)),
    of("retroscope live", ({ live, run }) => liveDetections(live, run)),
    ...BASELINES.map(({ name, detect }) => of(name, detect)),
  ];
}

function say(line: string): void {
  process.stderr.write(`vsb: ${line}\n`);
}

process.exitCode = await main(process.argv.slice(2));
