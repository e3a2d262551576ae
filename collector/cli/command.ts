/**
 * What all commands share: how options are declared, how they end, how the collector is found.
 *
 * Every option and argument goes through `asTyped` (times.ts), and a repeated flag that is not meant
 * to be repeated is refused: silently taking the last would answer another question than was asked.
 */
import { Command, Option } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { CollectorClient, DEFAULT_URL } from "./client.ts";
import type { CliIo } from "./io.ts";
import { asTyped } from "./times.ts";

/** What a command's action is given beside its words. */
export interface CliContext {
  readonly io: CliIo;
  /** Takes the exit code of the command that ran. */
  finish(code: number): void;
}

export type Words = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
export type Action = (args: readonly string[], options: Words) => Promise<number>;

export function newCommand(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .addHelpText("after", `\nExample: ${example}`)
    .helpOption("-h, --help", "Print this")
    .allowExcessArguments(false);
}

/** An option with a value, given at most once. */
export function single(flags: string, description: string, shownDefault?: string): Option {
  const shown =
    shownDefault === undefined ? description : `${description} (default ${shownDefault})`;
  return new Option(flags, shown).argParser((word: string, before: string | undefined) => {
    if (before !== undefined) {
      throw new RetroError("bad-usage", `${flags.split(" ")[0]} is given twice`, {
        hint: "Give it once.",
      });
    }
    return asTyped(word);
  });
}

/** An option with a value that may be given often; all values count. */
export function repeated(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(
    (word: string, before: readonly string[] | undefined) => [...(before ?? []), asTyped(word)],
  );
}

/** Joins `action` to the command; its result is the exit code. */
export function runs(command: Command, context: CliContext, action: Action): Command {
  return command.action(async (...all: unknown[]) => {
    const words = all.slice(0, command.registeredArguments.length);
    const flat = words.flat().filter((word): word is string => typeof word === "string");
    context.finish(await action(flat.map(asTyped), command.opts()));
  });
}

/** `--json` and `--url`, which every question has. */
export function askingOptions(command: Command): Command {
  return command
    .addOption(new Option("--json", "Print JSON"))
    .addOption(single("--url <url>", "The collector", `$RETROSCOPE_URL or ${DEFAULT_URL}`));
}

/** `--node`, `--service`, `--log`, `--key`: which part of the system. */
export function selectionOptions(command: Command): Command {
  return command
    .addOption(repeated("--node <id>", "Only this node"))
    .addOption(repeated("--service <name>", "Only nodes of this service"))
    .addOption(repeated("--log <name>", "Only this log"))
    .addOption(repeated("--key <name>", "Only this variable"));
}

export function selectionOf(options: Words): Record<string, readonly string[] | undefined> {
  const list = (name: string) => options[name] as readonly string[] | undefined;
  return { node: list("node"), service: list("service"), log: list("log"), key: list("key") };
}

export function clientOf(options: Words, io: CliIo): CollectorClient {
  const fromEnvironment = io.environment["RETROSCOPE_URL"];
  return new CollectorClient(
    (options["url"] as string | undefined) ?? (fromEnvironment || DEFAULT_URL),
  );
}

/** Prints an answer: as it came with `--json`, else in words. */
export function show<Answer>(
  answer: Answer,
  options: Words,
  io: CliIo,
  inWords: (answer: Answer) => string,
): void {
  io.out(options["json"] === true ? `${JSON.stringify(answer, null, 2)}\n` : inWords(answer));
}

/** The flag of an option as it is typed: `minMs` is `--min-ms`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The value of an option that takes a whole number. @throws RetroError `bad-usage` */
export function wholeNumber(
  options: Words,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly otherwise: number },
): number {
  const word = options[name] as string | undefined;
  if (word === undefined) return bounds.otherwise;
  const value = /^\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new RetroError("bad-usage", `${flagOf(name)} is no whole number in range: ${word}`, {
    hint: `Use ${bounds.min} to ${bounds.max}.`,
  });
}
