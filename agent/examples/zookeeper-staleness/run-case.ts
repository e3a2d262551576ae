/**
 * The case: one ensemble, two runs on it, what was found in each, and whether that was so.
 *
 * 1. No stamp passes through ZooKeeper, and all clocks are right: cuts are as good as the clocks are.
 * 2. The stamp rides in the znodes, and the observers' clocks are off: cuts stay as good, wall clocks do not.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessGroup } from "../processes.ts";
import { seededRandom } from "../seeded-random.ts";
import { SERVER_COUNT, startEnsemble } from "./ensemble.ts";
import { findInstallation } from "./installation.ts";
import { runOnce } from "./one-run.ts";
import type { Question } from "./recorded.ts";
import { printRun } from "./report.ts";
import { answerOf } from "./verdict.ts";

export interface CaseOptions {
  /** Of the load, both runs together. */
  readonly durationMs: number;
  /** How many versions behind is too many. */
  readonly behind: number;
  readonly updatesPerSecond: number;
  readonly seed: number;
  /** Aborts when the case is to end early. */
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

const ZNODES = ["z1", "z2", "z3", "z4"];
/** Of the observers in the second run, in their order. */
const SKEWS_MS = [200, -200, 0];

/**
 * Runs it; resolves to whether all is as it must be. Whatever happens, nothing is left running.
 * @throws ExampleError if something has to be installed; Error if it could not run, or was ended early
 */
export async function runCase(options: CaseOptions): Promise<boolean> {
  const { print, signal } = options;
  const installation = findInstallation(process.env);
  const directory = mkdtempSync(join(tmpdir(), "retroscope-zookeeper-"));
  const group = new ProcessGroup(directory);
  const ended = new Promise<never>((_, reject) => {
    group.onUnexpectedExit = (name, tail) => reject(new Error(`${name} ended by itself:\n${tail}`));
    signal.addEventListener("abort", () => reject(new Error("ended early")), { once: true });
  });
  ended.catch(() => undefined);
  const run = async (): Promise<boolean> => {
    const ensemble = await startEnsemble(group, directory, installation);
    print(
      `Three ZooKeeper servers on loopback, ${ensemble.leader.name} leads (seed ${options.seed}).`,
    );
    const question: Question = {
      replicas: Array.from({ length: SERVER_COUNT }, (_, i) => `replica-${i + 1}`),
      znodes: ZNODES,
      k: options.behind,
    };
    const common = {
      question,
      durationMs: options.durationMs / 2,
      updatesPerSecond: options.updatesPerSecond,
      random: seededRandom(options.seed),
    };
    const plans = [
      { ...common, name: "plain", isStamped: false, skewsMs: SKEWS_MS.map(() => 0) },
      { ...common, name: "stamped", isStamped: true, skewsMs: SKEWS_MS },
    ];
    let isFaultless = true;
    for (const plan of plans) {
      const answer = answerOf(await runOnce(group, directory, ensemble, plan));
      printRun(print, answer);
      if (answer.faults.length > 0) isFaultless = false;
    }
    print(isFaultless ? "PASS" : "FAIL");
    return isFaultless;
  };
  try {
    return await Promise.race([run(), ended]);
  } finally {
    await group.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
