/**
 * Evaluates the detection of very short bottlenecks (R6): `npm run vsb -- --seed 7`, see README.md beside this.
 *
 * Exit codes: 0 measured, whether goals are met or not; 1 the run broke; 2 usage.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rowOf, tableOf } from "../figure.ts";
import { type Choice, choiceOf, TUNING_SEEDS, USAGE } from "./choice.ts";
import { plansOf } from "./plan.ts";
import { record } from "./record.ts";
import { readRecording, writeRecording } from "./recording-files.ts";
import { asides, byFault, figuresOf, sideBySide } from "./report.ts";
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
  const rounds =
    choice.replay.length > 0
      ? choice.replay.map((directory) => roundOf(readRecording(directory)))
      : await recordAll(choice);
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
        writeRecording(join(choice.keep, `seed-${choice.seed}-${index}`), recording);
      }
      rounds.push(roundOf(recording));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rounds;
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
