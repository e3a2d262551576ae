/** What is wrong with an RQL text, or doubtful, as the editor underlines and lists it. Plain data. */

/** A replacement that makes a problem go away. Offsets are UTF-16 units from the text's start. */
export interface Fix {
  /** What it does, for a button: `Replace with Cardinality`. */
  readonly label: string;
  readonly start: number;
  readonly end: number;
  readonly insert: string;
}

export interface Problem {
  readonly severity: "error" | "warning";
  readonly start: number;
  /** Exclusive; behind `start`, but where the text ends there. */
  readonly end: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly fix: Fix | null;
}

/** The offset of a line and column, both from 1, as the engine counts them; within the text. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let n = 1; n < line; n += 1) {
    const end = /\r\n|\n|\r/g;
    end.lastIndex = start;
    const found = end.exec(text);
    if (found === null) return text.length;
    start = found.index + found[0].length;
  }
  return Math.min(text.length, start + column - 1);
}

/** The text with a fix applied. */
export function applyFix(text: string, { start, end, insert }: Fix): string {
  return text.slice(0, start) + insert + text.slice(end);
}

/** The fix that one key applies: that of the problem at the cursor, else the next, else the first. */
export function fixAt(problems: readonly Problem[], cursor: number): Fix | null {
  const fixable = problems.filter(({ fix }) => fix !== null);
  const here = fixable.find(({ start, end }) => cursor >= start && cursor <= end);
  const next = fixable.find(({ start }) => start > cursor);
  return (here ?? next ?? fixable[0])?.fix ?? null;
}
