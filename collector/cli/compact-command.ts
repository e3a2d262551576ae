/** `compact`: copies a store that no collector is running on into a file without what was removed. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { DEFAULT_DATA } from "../config.ts";
import { type CliContext, newCommand, runs, show, single } from "./command.ts";
import { EXIT } from "./exit.ts";
import { plain } from "./text.ts";

export function compactCommand(context: CliContext): Command {
  const command = newCommand(
    "compact",
    "Shrinks a store's file to what is in it; old bytes of what was removed go. Stop the collector first.",
    "retroscope compact --data ./history",
  )
    .addOption(single("--data <directory>", "The collector's data", `./${DEFAULT_DATA}`))
    .addOption(new Option("--json", "Print JSON"));
  return runs(command, context, async (_words, options) => {
    const directory = resolve((options["data"] as string | undefined) ?? DEFAULT_DATA);
    // Loaded here, because the questions need no store.
    const { compactStore } = await import("../store/compact.ts");
    const compacted = await compactStore(directory);
    show({ directory, ...compacted }, options, context.io, ({ beforeBytes, afterBytes }) => {
      return `${plain(directory)}: ${beforeBytes} bytes before, ${afterBytes} after\n`;
    });
    return EXIT.done;
  });
}
