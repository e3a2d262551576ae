/** `collector`: runs one until it is told to stop. */
import { type Command, Option } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { readCollectorConfig, SETTINGS } from "../config.ts";
import { type CliContext, newCommand, runs, single } from "./command.ts";
import { EXIT } from "./exit.ts";

/** For the replies that were under way when writing ended. */
const LAST_WORDS_MS = 250;

export function collectorCommand(context: CliContext): Command {
  const command = newCommand(
    "collector",
    "Runs a collector: takes what agents ship, answers questions, serves the timeline.",
    "retroscope collector --data ./history",
  );
  for (const { flag, help, otherwise, environment } of SETTINGS) {
    command.addOption(single(flag, help, `$${environment} or ${otherwise}`));
  }
  command.addOption(
    new Option(
      "--quiet",
      "Print nothing but errors: no address, no log of nodes that join and leave",
    ),
  );
  return runs(command, context, async (_words, options) => {
    const { io } = context;
    const config = readCollectorConfig(options as Record<string, string>, io.environment);
    // Loaded here, because the questions need neither a store nor a server.
    const { createCollector } = await import("../index.ts");
    const interrupted = io.interrupted();
    const quiet = options["quiet"] === true;
    const collector = await createCollector({ ...config, quiet });
    if (!quiet) {
      io.out(`retroscope collector: open ${collector.url} (data in ${config.data})\n`);
    }
    const failure = await Promise.race([interrupted, collector.failed]);
    if (failure instanceof RetroError) {
      // A supervisor sees exit code 3 and starts the next one, which verifies what is on the disk. This one
      // is not closed: after a failed write lmdb's own memory may be overrun (store/README.md), and
      // freeing it would end the process by a signal. What was refused is told first.
      await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
      throw failure;
    }
    await collector.close();
    return EXIT.done;
  });
}
