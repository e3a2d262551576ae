/** Which key runs which command: what stands in commands.ts, moved or switched off by the person. */
import { type KeyChoices, LETTER } from "../model/key-choices.ts";
import type { CommandName } from "./command-names.ts";
import { COMMANDS } from "./commands.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];

/** The keys of one command, as they are now. */
export function keysOf(name: CommandName, { areLettersOff, moved }: KeyChoices): readonly string[] {
  const own = moved[name];
  const keys = own === undefined ? COMMANDS[name].keys : own === "" ? [] : [own];
  const taken = NAMES.map((one) => moved[one]);
  return keys.filter(
    (key) => !(areLettersOff && LETTER.test(key)) && (own !== undefined || !taken.includes(key)),
  );
}

/** Whom a key runs; a key that was given to a command is its alone. */
export function commandsByKey(choices: KeyChoices): ReadonlyMap<string, CommandName> {
  return new Map(NAMES.flatMap((name) => keysOf(name, choices).map((key) => [key, name] as const)));
}
