/**
 * Keys that the person moved or switched off. Kept in this browser alone, and written only where
 * somebody changes a key: never by opening a link.
 */
import type { Host } from "../host.ts";
import type { CommandName } from "../input/command-names.ts";

export interface KeyChoices {
  /** Keys that type a character do nothing; arrows, Esc, F6 and those with Ctrl stay. */
  readonly areLettersOff: boolean;
  /** The one key of a command in place of those it had; "" for none. */
  readonly moved: { readonly [name in CommandName]?: string };
}

export const KEYS_AS_BUILT: KeyChoices = { areLettersOff: false, moved: {} };

/** A key that types a character, with Shift or without. */
export const LETTER: RegExp =
  /^(Shift\+)?(Key.|Digit.|Space|Comma|Period|Slash|Semicolon|Quote|Bracket(Left|Right)|Backslash|Backquote|Minus|Equal|Intl\w+|.)$/u;

/** Keys that a command can be given: with Shift or without, and none that the page itself needs. */
export function isFreeKey(code: string): boolean {
  return LETTER.test(code) || /^(Shift\+)?(F[2489]|PageUp|PageDown|Insert)$/.test(code);
}

const PREFERENCE = "retroscope.keys";

/** What this browser keeps; what it cannot read counts as nothing. */
export function keptKeys(host: Host): KeyChoices {
  return readKeyChoices(host.readPreference(PREFERENCE));
}

export function keepKeys(host: Host, choices: KeyChoices): void {
  host.writePreference(PREFERENCE, JSON.stringify(choices));
}

/** Commands that a later version has and this one has not are read too, and do nothing. */
export function readKeyChoices(text: string | null): KeyChoices {
  try {
    const kept = JSON.parse(text ?? "null") as Partial<KeyChoices> | null;
    const moved = Object.entries(kept?.moved ?? {}).filter(
      ([, key]) => typeof key === "string" && (key === "" || isFreeKey(key)),
    );
    return { areLettersOff: kept?.areLettersOff === true, moved: Object.fromEntries(moved) };
  } catch {
    return KEYS_AS_BUILT;
  }
}
