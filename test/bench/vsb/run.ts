/**
 * Evaluates the detection of very short bottlenecks (R6): `npm run vsb -- --seed 7`, see README.md beside this.
 *
 * Exit codes: 0 measured, whether goals are met or not; 1 the run broke; 2 usage.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rowOf, tableOf } from "../figure.ts";
import { type Choice, choiceOf, TUNING_SEEDS, USAGE } from "./choice.ts";
import { startCollector } from "./collector-process.ts";
import { plansOf } from "./plan.ts";
import { episodesOf } from "./questions.ts";
import { record } from "./record.ts";
import type { Recording } from "./recording.ts";
import { readRecording, writeRecording } from "./recording-files.ts";
import { asides, byFault, figuresOf, sideBySide } from "./report.ts";
import { historyIn } from "./scene.ts";
import { type Round, roundOf, scoredAll } from "./score/detectors.ts";

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
  const rounds = choice.replay.length > 0 ? await replayAll(choice) : await recordAll(choice);
  print(rounds, choice.asJson);
  return 0;
}

/** Each is scored, and let go, before the next one begins. */
async function recordAll(choice: Choice): Promise<Round[]> {
  const rounds: Round[] = [];
  for (const [index, plan] of plansOf(choice).entries()) {
    const directory = mkdtempSync(join(tmpdir(), "retroscope-vsb-"));
    try {
      say(
        `${plan.ratePerSecond} requests/s, ${plan.injections.length} injections, ` +
          `${Math.round(plan.totalMs / 1_000)} s`,
      );
      const recording = await record({ plan, directory, skewMs: choice.skewMs, say });
      if (choice.keep !== undefined) {
        const kept = join(choice.keep, `seed-${choice.seed}-${index}`);
        writeRecording(kept, recording);
        cpSync(historyIn(directory), historyIn(kept), { recursive: true });
      }
      rounds.push(roundOf(recording));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rounds;
}

async function replayAll({ replay, asksAgain }: Choice): Promise<Round[]> {
  const rounds: Round[] = [];
  for (const directory of replay) {
    const recording = readRecording(directory);
    rounds.push(roundOf(asksAgain ? await askedAgain(recording, directory) : recording));
  }
  return rounds;
}

/** Of a copy: a collector that runs goes on with its history, and the kept one is to be asked once more. */
async function askedAgain(recording: Recording, kept: string): Promise<Recording> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-vsb-"));
  try {
    cpSync(historyIn(kept), historyIn(directory), { recursive: true });
    const collector = await startCollector(historyIn(directory));
    try {
      const { startMs, endMs } = recording.run;
      return { ...recording, episodes: await episodesOf(collector.url, startMs, endMs) };
    } finally {
      await collector.end();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(rounds: readonly Round[], asJson: boolean): void {
  const scored = scoredAll(rounds);
  const rows = figuresOf(scored, rounds).map((figure) => rowOf("vsb", figure));
  if (asJson) {
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const seed = rounds[0]?.run.seed ?? 0;
  const isTuning = seed >= TUNING_SEEDS[0] && seed <= TUNING_SEEDS[1];
  const parts = [
    `seed ${seed}${isTuning ? ", a TUNING seed: not to be reported" : ""}`,
    sideBySide(scored),
    `recall/precision/right tier and cause, %\n${byFault(scored)}`,
    ...scored.slice(0, 2).map(asides),
    tableOf(rows),
  ];
  if (rounds.some(({ isAnswered }) => !isAnswered)) {
    parts.push("This collector does not answer /api/bottlenecks: ours found nothing.");
  }
  process.stdout.write(`${parts.join("\n\n")}\n`);
}

function say(line: string): void {
  process.stderr.write(`vsb: ${line}\n`);
}

process.exitCode = await main(process.argv.slice(2));
