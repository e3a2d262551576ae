/**
 * The case: a ring forms, is left in calm, is churned, and is left in calm again; then its invariant is asked
 * of every cut, with a predicate of our own.
 *
 *     forming ... | calm | step, mended | step, mended | ... | calm |
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Hlc } from "retroscope";
import { createCollector } from "retroscope/collector";
import { ProcessGroup, waitFor } from "../processes.ts";
import { seededRandom } from "../seeded-random.ts";
import { type Answer, type History, readAnswer, type TakenStep } from "./answer.ts";
import { planChurn, textOf } from "./churn.ts";
import { Operator } from "./operator.ts";
import { printAnswer } from "./report.ts";

export interface CaseOptions {
  /** Steps of churn, before the one that lets everybody back in. */
  readonly steps: number;
  /** Of each of the two calms. */
  readonly calmMs: number;
  readonly seed: number;
  /** Aborts when the case is to end early. */
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

const NODE_COUNT = 8;
/** So many stay members. */
const LEAST_MEMBERS = 5;
/** Clocks are off by up to so much. */
const MAX_SKEW_MS = 100;
const TOLD_WAIT_MS = 20_000;
const GOODBYE_WAIT_MS = 40_000;
/** Longer than clocks are apart, so that every goodbye is later than what is asked about. */
const QUIET_MS = 300;

/**
 * Runs it; resolves to whether all is as it must be. Whatever happens, nothing is left running.
 * @throws Error if it could not run, or was ended early
 */
export async function runCase(options: CaseOptions): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-ring-"));
  const group = new ProcessGroup(directory);
  const ended = new Promise<never>((_, reject) => {
    group.onUnexpectedExit = (name, tail) => reject(new Error(`${name} ended by itself:\n${tail}`));
    const onAbort = (): void => reject(new Error("ended early"));
    options.signal.addEventListener("abort", onAbort, { once: true });
  });
  ended.catch(() => undefined);
  try {
    const answer = await Promise.race([runIn(group, directory, options), ended]);
    printAnswer(options.print, answer);
    return answer.faults.length === 0;
  } finally {
    await group.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runIn(
  group: ProcessGroup,
  directory: string,
  { steps, calmMs, seed, print }: CaseOptions,
): Promise<Answer> {
  const random = seededRandom(seed);
  const names = Array.from({ length: NODE_COUNT }, (_, i) => `ring-${i + 1}`);
  const skews = new Map(names.map((name) => [name, Math.round((2 * random() - 1) * MAX_SKEW_MS)]));
  const plan = planChurn(names, steps, LEAST_MEMBERS, random);
  const collector = await createCollector({ data: join(directory, "data"), port: 0, quiet: true });
  try {
    const operator = await Operator.start(
      group,
      collector.url,
      names,
      (name) => skews.get(name) ?? 0,
    );
    print(
      `${NODE_COUNT} processes form a ring, clocks off by up to ${MAX_SKEW_MS} ms (seed ${seed}).`,
    );
    const [first = "", ...others] = names;
    await operator.take([{ kind: "join", node: first }]);
    await operator.settled();
    await operator.take(others.map((node) => ({ kind: "join", node })));
    await operator.settled();

    const calm = async (): Promise<{ from: Hlc; to: Hlc }> => {
      const from = operator.now();
      await delay(calmMs);
      return { from, to: operator.now() };
    };
    const before = await calm();
    await toldUpTo(collector.history, before.to); // whoever is killed now has told of it
    const taken: TakenStep[] = [];
    for (const step of plan) {
      taken.push({ text: textOf(step), t: await operator.take(step) });
      await operator.settled();
      await delay(QUIET_MS * random());
    }
    const after = await calm();
    await delay(QUIET_MS);
    await operator.stop();
    await allLeft(collector.history);
    return await readAnswer(collector.history, { before, taken, after });
  } finally {
    await collector.close();
  }
}

async function toldUpTo(history: History, t: Hlc): Promise<void> {
  await waitFor("all nodes have told of the calm", TOLD_WAIT_MS, async () => {
    return (history.liveWatermark() ?? Number.NEGATIVE_INFINITY) >= t;
  });
}

async function allLeft(history: History): Promise<void> {
  await waitFor("everybody has said goodbye", GOODBYE_WAIT_MS, async () =>
    history.nodes().every(({ status }) => status === "left"),
  );
}
