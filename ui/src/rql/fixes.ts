/**
 * Hints as edits. The engine's hints are sentences for people; some of them hold the very text that
 * was probably meant. Such a hint becomes a fix, but only if the parser then gets further than before:
 * a fix that leaves the same complaint in the same place is none.
 */
import { applyFix, type Fix, offsetOf, type Problem } from "../query/problem.ts";
import { readText } from "./reading.ts";

export interface Said {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** What was said about a place in a text, as a problem. */
export function problemOf(severity: Problem["severity"], text: string, said: Said): Problem {
  const start = offsetOf(text, said.line, said.column);
  const end = Math.min(text.length, start + said.length);
  const { code, message, hint } = said;
  return { severity, start, end, code, message, hint, fix: fixFor(text, start, end, hint) };
}

function fixFor(text: string, start: number, end: number, hint: string | undefined): Fix | null {
  if (hint === undefined) return null;
  const word = replacementIn(hint);
  const fix =
    word === undefined
      ? chainFix(text, start, hint)
      : { label: `Replace with ${word}`, start, end, insert: word };
  return fix !== null && getsFurther(text, fix) ? fix : null;
}

/** The forms in which the engine offers a text for what is underlined. */
function replacementIn(hint: string): string | undefined {
  return (
    /^did you mean (.+)\?$/s.exec(hint)?.[1] ??
    /it stands in backticks: (`.+`)$/s.exec(hint)?.[1] ??
    /^write (<=|>=|!=)$/.exec(hint)?.[1]
  );
}

/**
 * `1 < x < 3`, refused at its second relation: the hint writes both comparisons out. What it replaces
 * is found by its own words: `A op B` ends before the place, `op2 C` begins there.
 */
function chainFix(text: string, at: number, hint: string): Fix | null {
  const chain = /^write (.+) AND (.+)$/s.exec(hint);
  if (chain === null) return null;
  const [, left = "", right = ""] = chain;
  const before = text.slice(0, at).trimEnd();
  if (!before.endsWith(left)) return null;
  const start = before.length - left.length;
  // B stands in both halves; what is behind it in the second stands in the text already.
  for (let shared = 1; shared < right.length; shared += 1) {
    const rest = right.slice(shared).trimStart();
    if (left.endsWith(right.slice(0, shared)) && text.startsWith(rest, at)) {
      return {
        label: `Replace with ${left} AND ${right}`,
        start,
        end: at + rest.length,
        insert: `${left} AND ${right}`,
      };
    }
  }
  return null;
}

/** Whether the text can be read with the fix, or at least further than the place of the fix. */
function getsFurther(text: string, fix: Fix): boolean {
  const { error } = readText(applyFix(text, fix));
  return error === null || error.offset >= fix.start + fix.insert.length;
}
