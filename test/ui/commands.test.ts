import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  COMMAND_GROUPS,
  COMMAND_WORDS,
  groupedCommands,
  keyText,
} from "../../ui/src/find/command-words.ts";
import { fitting, rankOf } from "../../ui/src/find/match.ts";
import type { CommandName } from "../../ui/src/input/command-names.ts";
import { COMMANDS } from "../../ui/src/input/commands.ts";
import { commandsByKey, keysOf } from "../../ui/src/input/key-map.ts";
import {
  isFreeKey,
  KEYS_AS_BUILT,
  type KeyChoices,
  readKeyChoices,
} from "../../ui/src/model/key-choices.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];

describe("commands and their keys", () => {
  it("gives each key to one command, and lists each command once", () => {
    const keys = NAMES.flatMap((name) => COMMANDS[name].keys);
    expect(new Set(keys).size).toBe(keys.length);
    expect(groupedCommands().flatMap(([, names]) => names)).toEqual(Object.keys(COMMAND_WORDS));
    expect(Object.keys(COMMAND_WORDS).sort()).toEqual([...NAMES].sort());
    for (const [title] of COMMAND_GROUPS) expect(title).not.toBe("");
  });

  it.each([
    ["Shift+KeyW", "Shift+W"],
    ["Digit1", "1"],
    ["ArrowLeft", "←"],
    ["Shift+Comma", "Shift+,"],
    ["Ctrl+KeyK", "Ctrl+K"],
    ["?", "?"],
    ["F9", "F9"],
  ])("writes %s as %s", (key, text) => expect(keyText(key)).toBe(text));

  it("runs one command by a key at most, whatever was moved, and a moved key its own", () => {
    const keys = fc.constantFrom("", "KeyM", "KeyH", "Shift+KeyH", "Digit1", "F9", "Period");
    const moves = fc.dictionary(fc.constantFrom(...NAMES), keys);
    fc.assert(
      fc.property(moves, fc.boolean(), (moved, areLettersOff) => {
        const choices: KeyChoices = { moved, areLettersOff };
        const all = NAMES.flatMap((name) => keysOf(name, choices).map((key) => [key, name]));
        const byKey = commandsByKey(choices);
        const given = new Set<string>(Object.values(moved));
        for (const [key, name] of all) {
          // Two that were given the same key: the help never does that; one of them has it.
          if (given.has(key as string)) expect(moved[name as string]).toBe(key);
          else expect(byKey.get(key as string)).toBe(name);
        }
        if (areLettersOff) {
          expect([...byKey.keys()].filter((key) => /^(Shift\+)?(Key|Digit)/.test(key))).toEqual([]);
        }
      }),
    );
  });

  it("reads what a browser kept, and nothing else", () => {
    const choices: KeyChoices = { areLettersOff: true, moved: { live: "KeyH", fit: "" } };
    expect(readKeyChoices(JSON.stringify(choices))).toEqual(choices);
    for (const text of [null, "", "{", "[]", "7", '{"moved":7}']) {
      expect(readKeyChoices(text), String(text)).toEqual(KEYS_AS_BUILT);
    }
    const hostile = '{"moved":{"live":"Escape","fit":"Ctrl+KeyW","fold":{}}}';
    expect(readKeyChoices(hostile)).toEqual(KEYS_AS_BUILT);
    // A command of another version takes no key away.
    const later = readKeyChoices('{"moved":{"nobody":"KeyL","toString":"KeyM"}}');
    expect(commandsByKey(later)).toEqual(commandsByKey(KEYS_AS_BUILT));
    fc.assert(fc.property(fc.string(), (text) => void readKeyChoices(text)));
    fc.assert(fc.property(fc.json(), (text) => void readKeyChoices(text)));
  });

  it("gives no command a key that the page or the browser needs", () => {
    for (const key of ["Escape", "Tab", "Enter", "Ctrl+KeyW", "ArrowLeft", "F6", "ShiftLeft"]) {
      expect(isFreeKey(key), key).toBe(false);
    }
    for (const key of ["KeyH", "Shift+KeyH", "Semicolon", "F9"]) {
      expect(isFreeKey(key), key).toBe(true);
    }
  });
});

describe("finding by name", () => {
  it("puts exact names first, then beginnings, then beginnings of words, then the rest", () => {
    const names = ["restore", "kv / store", "store-1", "store", "cart"];
    expect(fitting(names, "STORE", (name) => name)).toEqual([
      "store",
      "store-1",
      "kv / store",
      "restore",
    ]);
  });

  it("wants every word, in any order", () => {
    expect(rankOf("Cut to the next change", "change next")).toBe(2);
    expect(rankOf("Cut to the next change", "change last")).toBeUndefined();
    expect(rankOf("anything", " ")).toBe(1);
  });
});
