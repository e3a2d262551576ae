/**
 * The command line as a function: words and surroundings in, exit code out.
 *
 *     words -> shieldTimes -> commander -> one command's action -> /api -> words or JSON
 *                                                      \-> errors: two lines and a code (exit.ts)
 */
import { Command, CommanderError } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { packageVersion } from "../version.ts";
import { withSecondsHint } from "./asked-times.ts";
import { auditCommands } from "./audit-commands.ts";
import { bottleneckCommands } from "./bottleneck-commands.ts";
import { captureCommand } from "./capture-command.ts";
import { collectorCommand } from "./collector-command.ts";
import type { CliContext } from "./command.ts";
import { compactCommand } from "./compact-command.ts";
import { demoCommand } from "./demo-command.ts";
import { doctorCommand } from "./doctor-command.ts";
import { EXIT, errorLines, exitCodeOf } from "./exit.ts";
import { interopCommands } from "./interop-commands.ts";
import type { CliIo } from "./io.ts";
import { pastCommands } from "./past-commands.ts";
import { queryCommand } from "./query-command.ts";
import { recordCommands } from "./record-commands.ts";
import { saveCommand } from "./save-command.ts";
import { plain } from "./text.ts";
import { shieldTimes } from "./times.ts";
import { verifyCommand } from "./verify-command.ts";

/** Runs one command line. Never rejects; resolves to the exit code (exit.ts). */
export async function runCli(words: readonly string[], io: CliIo): Promise<number> {
  let code: number = EXIT.done;
  const program = createProgram({
    io,
    finish: (given) => {
      code = given;
    },
  });
  try {
    await program.parseAsync(shieldTimes(words), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error, words, io);
    const told = error instanceof RetroError ? withSecondsHint(error, words) : error;
    io.err(errorLines(told));
    return exitCodeOf(told);
  }
}

/** As in exit.ts, for people. */
const EXIT_CODES = `Exit codes:
  0  done
  1  the answer is no: --strict and incomplete, --fail-on-match and something found, verify found
     damage, a check failed
  2  usage: what was typed is not understood, or names what is not there
  3  could not reach, read or finish (a query cut short too)`;

function createProgram(context: CliContext): Command {
  const program = new Command("retroscope")
    .description("See the state of a whole distributed system at any past moment.")
    .version(packageVersion(), "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this")
    .helpCommand("help [command]", "Print the help of a command")
    .addHelpText("after", `\n${EXIT_CODES}\n\nExample: retroscope snapshot --at -5s`);
  const commands = [
    collectorCommand(context),
    ...pastCommands(context),
    queryCommand(context),
    ...recordCommands(context),
    ...auditCommands(context),
    ...bottleneckCommands(context),
    captureCommand(context),
    saveCommand(context),
    compactCommand(context),
    ...interopCommands(context),
    doctorCommand(context),
    verifyCommand(context),
    demoCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  takeOver(program, context.io);
  return program;
}

/** Commander neither ends the process nor writes errors by itself; help goes where answers go. */
function takeOver(command: Command, io: CliIo): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: () => undefined,
  });
  for (const child of command.commands) takeOver(child, io);
}

function usageError(error: CommanderError, words: readonly string[], io: CliIo): number {
  if (error.exitCode === 0) return EXIT.done; // help and version
  const first = words.find((word) => /^[a-z]+$/.test(word));
  const isBare = error.code === "commander.help";
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const help = `retroscope ${first !== undefined && error.code !== "commander.unknownCommand" ? `${first} ` : ""}--help`;
  const isUnknown = error.code === "commander.unknownCommand";
  const begun = isUnknown ? commandsBegun(first ?? "", io) : "";
  const missing = error.code === "commander.missingArgument" ? usageOf(words, io) : "";
  const hint = begun || missing || (suggestion?.replace(/^\(|\)$/g, "") ?? timeHint(error, words));
  io.err(`retroscope: ${plain(isBare ? "no command is given" : message)}\n`);
  io.err(`  ${hint === "" ? "" : `${plain(hint)} `}See \`${help}\`.\n`);
  return EXIT.usage;
}

/** How the command is called whose words these are: what is missing stands there. */
function usageOf(words: readonly string[], io: CliIo): string {
  let command: Command | undefined = createProgram({ io, finish: () => undefined });
  const names: string[] = [];
  for (const word of words) {
    const child: Command | undefined = command.commands.find((one) => one.name() === word);
    if (child === undefined) break;
    names.push(word);
    command = child;
  }
  const taken = command.registeredArguments.map((one) => `<${one.name()}>`);
  return `Usage: retroscope ${[...names, ...taken].join(" ")}.`;
}

/** Commands that begin so are meant rather than those spelt alike: `snap` is no `step`. */
function commandsBegun(word: string, io: CliIo): string {
  const { commands } = createProgram({ io, finish: () => undefined });
  const names = commands.map((command) => command.name());
  const begun = names.filter((name) => word !== "" && name.startsWith(word));
  const last = begun.pop();
  if (last === undefined) return "";
  return `Did you mean ${begun.length === 0 ? "" : `${begun.join(", ")} or `}${last}?`;
}

/** A time where none is taken, or one without a unit, which reads like an option. */
function timeHint(error: CommanderError, words: readonly string[]): string {
  const bare = words.find((word) => /^-\d+(\.\d+)?$/.test(word));
  if (error.code !== "commander.excessArguments") {
    return bare === undefined ? "" : `A relative time has a unit: ${bare}s, ${bare}ms.`;
  }
  const time = words.find((word) => /^-?\d|^now$/.test(word));
  const option: Record<string, string> = {
    snapshot: "--at",
    step: "--from",
    events: "--from",
    causality: "--from",
    latency: "--from",
    bottlenecks: "--from",
    explain: "--at",
    capture: "--from",
  };
  const name = option[words[0] ?? ""];
  return time === undefined || name === undefined
    ? ""
    : `Give the time with ${name}: ${name} ${time}.`;
}
