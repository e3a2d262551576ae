/** `export` and `import`: history as files. */

import { createWriteStream } from "node:fs";
import type { Command } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { exportJsonl } from "../interop/export-jsonl.ts";
import { type ImportReport, importJsonl } from "../interop/import-jsonl.ts";
import { DEFAULT_URL } from "./client.ts";
import { askingOptions, type CliContext, clientOf, newCommand, runs, single } from "./command.ts";
import { doorTo } from "./door.ts";
import { EXIT, errorLines } from "./exit.ts";
import type { CliIo } from "./io.ts";
import { bytesOfFile } from "./named-file.ts";
import { counted, plain, table } from "./text.ts";

export function interopCommands(context: CliContext): Command[] {
  return [importCommand(context), exportCommand(context)];
}

/** Lines that could not be read are named up to so many, then counted. */
const SKIPPED_SHOWN = 10;

function importCommand(context: CliContext): Command {
  const command = newCommand(
    "import",
    "Feeds files to a collector. A file imported twice stores nothing new.",
    "retroscope import jsonl incident.jsonl",
  )
    .argument("<format>", "jsonl: event lines")
    .argument("<file...>", "Files to read; - is standard input")
    .option("--dry-run", "Read the files and report, but store nothing; needs no collector");
  return runs(askingOptions(command), context, async ([format, ...files], options) => {
    checkFormat(format);
    const { io } = context;
    const door = doorTo(clientOf(options, io));
    const dryRun = options["dryRun"] === true;
    const reports: (ImportReport & { readonly file: string })[] = [];
    for (const file of files) {
      const report = await importJsonl({
        door,
        name: file === "-" ? "standard input" : file,
        bytes: file === "-" ? io.stdin : bytesOfFile(file, "Name a file, or - for standard input."),
        onProgress: progress(io, "imported"),
        dryRun,
      });
      reports.push({ file, ...report });
      if (options["json"] !== true) io.out(importText(file, report, dryRun));
      for (const node of report.toldTwice) io.err(toldTwiceText(node));
    }
    if (options["json"] === true) {
      io.out(`${JSON.stringify({ dryRun, files: reports }, null, 2)}\n`);
    }
    const skipped = reports.reduce((sum, { skippedCount }) => sum + skippedCount, 0);
    if (skipped === 0) return EXIT.done;
    io.err(errorLines(unreadable(skipped, dryRun)));
    return EXIT.no;
  });
}

/** A file that was mended is another file: whoever imports it again has both. */
function unreadable(count: number, dryRun: boolean): RetroError {
  const lines = counted(count, "line");
  return dryRun
    ? new RetroError("bad-line", `${lines} cannot be read; nothing was stored`, {
        hint: "Mend the file before you import it.",
      })
    : new RetroError("bad-line", `${lines} could not be read; all others are stored`, {
        hint:
          "Import the mended file into an empty collector (`retroscope collector --data DIR`): here it" +
          " would stand beside this one. --dry-run tells before anything is stored.",
      });
}

function toldTwiceText(node: string): string {
  return `Note: another import tells the same time of ${plain(node)}; its history now holds both.\n`;
}

function importText(file: string, report: ImportReport, dryRun: boolean): string {
  const { lines, nodes, events, messages, stored, repeats, bumped, skipped, skippedCount } = report;
  const facts = [
    `${plain(file)}: ${counted(lines, "line")}, ${counted(nodes, "node")}, ${counted(events, "event")}, ${counted(messages, "message")}`,
    dryRun
      ? "nothing stored (--dry-run)"
      : stored === events
        ? "all stored"
        : `${counted(stored, "event")} stored, ${counted(events - stored, "event")} known already`,
    repeats === 0 ? "" : `${counted(repeats, "line")} repeated`,
    bumped === 0 ? "" : `${counted(bumped, "stamp")} raised to make their order strict`,
    skippedCount === 0 ? "" : `${counted(skippedCount, "line")} could not be read:`,
  ];
  const rows = skipped.slice(0, SKIPPED_SHOWN).map(({ line, reason }) => [`line ${line}`, reason]);
  const more = skippedCount - rows.length;
  const rest = more === 0 ? "" : `  and ${more} more\n`;
  return `${facts.filter((fact) => fact !== "").join("; ")}\n${table(rows, { indent: 2 })}${rest}`;
}

function exportCommand(context: CliContext): Command {
  const command = newCommand(
    "export",
    "Writes history to a file, or to standard output.",
    "retroscope export jsonl --from -5m -o incident.jsonl",
  )
    .argument("<format>", "jsonl: event lines")
    .addOption(single("--from <time>", "Begin here, with the state at that time", "everything"))
    .addOption(single("--to <time>", "End here", "now"))
    .addOption(single("-o, --output <file>", "Write here", "standard output"))
    .addOption(single("--url <url>", "The collector", `$RETROSCOPE_URL or ${DEFAULT_URL}`));
  return runs(command, context, async ([format], options) => {
    checkFormat(format);
    const { io } = context;
    const { from, to, output } = options as { from?: string; to?: string; output?: string };
    const target =
      output === undefined ? { write: io.out, end: async () => {} } : fileTarget(output);
    const report = await exportJsonl({
      door: doorTo(clientOf(options, io)),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      write: target.write,
      onProgress: progress(io, "exported"),
    });
    await target.end();
    const { eventCount, nodeCount, lineCount, uncheckedCount } = report;
    io.err(
      `${counted(lineCount, "line")}: ${counted(eventCount, "event")} of ${counted(nodeCount, "node")}.\n`,
    );
    if (uncheckedCount > 0) {
      io.err(
        `Note: ${counted(uncheckedCount, "channel")} carried no stamps; a file cannot say so (see \`unchecked\` of a snapshot).\n`,
      );
    }
    return EXIT.done;
  });
}

function checkFormat(format: string | undefined): void {
  if (format === "jsonl") return;
  throw new RetroError("bad-usage", `unknown format ${JSON.stringify(format)}`, {
    hint: "The only one so far is jsonl.",
  });
}

/** Shows a count on a terminal, on one line. */
function progress(io: CliIo, done: string): (count: number) => void {
  if (!io.isWatched) return () => {};
  return (count) => io.err(`\r${counted(count, "event")} ${done} \r`);
}

/** A file, written as fast as the disk takes it. */
function fileTarget(path: string): {
  write(text: string): Promise<void> | void;
  end(): Promise<void>;
} {
  const stream = createWriteStream(path);
  let wake = (): void => {};
  let failure: Error | undefined;
  stream.on("error", (error) => {
    failure = error;
    wake();
  });
  stream.on("drain", () => wake());
  const check = (): void => {
    if (failure === undefined) return;
    throw new RetroError("data-unusable", `cannot write ${path}: ${failure.message}`, {
      hint: "Name a file in a directory that exists and has room.",
      cause: failure,
    });
  };
  const woken = (): Promise<void> =>
    new Promise<void>((resolve) => {
      wake = resolve;
    }).then(check);
  return {
    write(text) {
      check();
      return stream.write(text) ? undefined : woken();
    },
    end() {
      check();
      const ended = woken();
      stream.end(() => wake());
      return ended;
    },
  };
}
