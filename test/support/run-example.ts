/** Runs a compiled example as a user does, and gives what it printed. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ExampleRun {
  readonly code: number | null;
  /** Of both streams. */
  readonly output: string;
}

const running = new Set<ChildProcess>();

/** For `afterEach`: ends what a failed test has left; it stops what it has started, then itself. */
export async function stopExamples(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGTERM");
      return gone;
    }),
  );
}

/** Runs `agent/examples/NAME/run.ts` to its end. */
export function runExample(name: string, ...args: string[]): Promise<ExampleRun> {
  return outcomeOf(startExample(name, args));
}

export function startExample(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const script = new URL(`../../dist/agent/examples/${name}/run.js`, import.meta.url);
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], { stdio: "pipe", env });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** What has become of it when it is over. */
export function outcomeOf(child: ChildProcess): Promise<ExampleRun> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}
