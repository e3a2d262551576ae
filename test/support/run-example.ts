/** Runs a compiled example as a user does, and gives what it printed. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ExampleRun {
  readonly code: number | null;
  /** Of both streams. */
  readonly output: string;
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
  return spawn(process.execPath, [fileURLToPath(script), ...args], { stdio: "pipe", env });
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
