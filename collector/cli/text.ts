/**
 * Text for terminals. Names and values come from the services under observation: a value must not be
 * able to move the cursor, colour the screen or turn the writing direction around.
 */
import type { Json } from "../../agent/kernel/index.ts";

/** C0 and C1 controls, line separators, and marks that change the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** `text` without anything that a terminal would obey. */
export function plain(text: string): string {
  return text.replace(CONTROLS, "\ufffd");
}

/** Why a value is not known, where it is not: no word of "deleted" or "none". */
export const UNKNOWN_TEXT: Readonly<Record<"lost" | "not-captured", string>> = {
  lost: "(unknown: changes of it are lost)",
  "not-captured": "(unknown: not captured)",
};

/** A value as one line: JSON, sets as `{a, b}`. */
export function valueText(value: Json | undefined): string {
  if (value === undefined) return "(none)";
  if (isSet(value)) return plain(`{${value.$set.map((one) => JSON.stringify(one)).join(", ")}}`);
  return plain(JSON.stringify(value));
}

function isSet(value: Json): value is { readonly $set: readonly Json[] } {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && Array.isArray((value as { $set?: Json }).$set);
}

/** Where an answer is shown: when, and how wide. */
export interface ShowOptions {
  readonly nowMs: number;
  readonly columns: number | undefined;
}

export interface TableOptions {
  /** Spaces before each row. */
  readonly indent?: number;
  /** Longer rows are cut in their last cell, with an ellipsis. */
  readonly columns?: number | undefined;
  /** Columns that are numbers: aligned to the right. */
  readonly right?: readonly number[];
}

/** Rows with their cells in line. Every line ends in a newline; no trailing spaces. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { indent = 0, columns, right = [] } = options;
  const shown = rows.map((row) => row.map(plain));
  const widths: number[] = [];
  for (const row of shown) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, lengthOf(cell));
    });
  }
  return shown
    .map((row) => {
      const cells = row.map((cell, i) => {
        const gap = " ".repeat((widths[i] as number) - lengthOf(cell));
        if (right.includes(i)) return gap + cell;
        return i === row.length - 1 ? cell : cell + gap;
      });
      return `${cutShort(" ".repeat(indent) + cells.join("  "), columns).trimEnd()}\n`;
    })
    .join("");
}

function cutShort(line: string, columns: number | undefined): string {
  if (columns === undefined || lengthOf(line) <= columns) return line;
  return `${[...line].slice(0, Math.max(1, columns - 1)).join("")}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `a, b and 3 more`. */
export function listed(names: readonly string[], most: number): string {
  const more = names.length - most;
  const shown = plain(names.slice(0, most).join(", "));
  return more > 0 ? `${shown} and ${more.toLocaleString("en")} more` : shown;
}
