/**
 * `demo`: a thin door to the replicated store of agent/examples. The example is an agent's user and
 * no part of the collector, and the published package leaves it out; so it is loaded when asked for.
 */
import { type Command, Option } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { askedDurationMs } from "./asked-times.ts";
import { type CliContext, newCommand, runs, single, wholeNumber } from "./command.ts";

export function demoCommand(context: CliContext): Command {
  const command = newCommand(
    "demo",
    "Starts a collector and a replicated store of real processes, and prints what to try.",
    "retroscope demo --duration 20s --check",
  )
    .addOption(single("--duration <duration>", "Stop by itself after so long"))
    .option("--check", "Compare cuts with the processes' own journals at the end")
    .option("--stalls", "Plant stalls of 150 ms into the replicas, and say what is told of each")
    .addOption(single("--cuts <number>", "How many cuts to compare", "400"))
    .addOption(single("--port <number>", "Port of collector and timeline", "7700 or a free one"))
    .addOption(single("--rate <number>", "Client requests per second", "60, 120 with --stalls"))
    .addOption(single("--seed <number>", "Seed of the times that are compared"))
    .addOption(
      new Option(
        "--kill-collector-after <duration>",
        "SIGKILL the collector after so long, and start it again",
      ),
    );
  return runs(command, context, async (_words, options) => {
    const duration = (name: string) => {
      const word = options[name] as string | undefined;
      return word === undefined ? undefined : askedDurationMs(word, name);
    };
    const number = (name: string, min: number, max: number) =>
      options[name] === undefined
        ? undefined
        : wholeNumber(options, name, { min, max, otherwise: min });
    const given = {
      durationMs: duration("duration"),
      killCollectorAfterMs: duration("killCollectorAfter"),
      check: options["check"] === true,
      stalls: options["stalls"] === true,
      cuts: number("cuts", 1, 100_000),
      port: number("port", 1, 65_535),
      rate: number("rate", 1, 10_000),
      seed: number("seed", 0, 2 ** 31),
      print: (line: string) => context.io.out(`${line}\n`),
    };
    const known = Object.entries(given).filter(([, value]) => value !== undefined);
    return (await loadDemo())(Object.fromEntries(known));
  });
}

type DemoRunner = (options: object) => Promise<number>;

async function loadDemo(): Promise<DemoRunner> {
  try {
    const { runDemo } = await import("../../agent/examples/replicated-store/run-demo.ts");
    return runDemo;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new RetroError("not-found", "the demo is not part of this installation", {
      hint: "Clone the project and type `npm run demo` there.",
      cause: error,
    });
  }
}
