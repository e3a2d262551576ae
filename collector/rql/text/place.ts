/** How a stretch of a text is shown: line, column, and the line itself with carets below. */
import type { RqlPlace } from "../errors.ts";
import type { Span } from "./span.ts";

/** What an excerpt shows of a long line on either side of the place. */
const EXCERPT_AROUND = 60;
const EXCERPT_LONGEST = 120;

/** Line, column and excerpt of a stretch. Cost: the text up to it. */
export function placeOf(text: string, at: Span, query: number): RqlPlace {
  const offset = Math.min(at.start, text.length);
  const lineStart = lastBreakBefore(text, offset);
  const lineEnd = nextBreakFrom(text, offset);
  const length = Math.max(1, at.end - at.start);
  return {
    query,
    line: countLines(text, lineStart),
    column: offset - lineStart + 1,
    offset,
    length,
    excerpt: excerptOf(text.slice(lineStart, lineEnd), offset - lineStart, length),
  };
}

/** `\r\n`, `\n` and `\r` each end a line. */
function countLines(text: string, lineStart: number): number {
  const breaks = text.slice(0, lineStart).match(/\r\n|\n|\r/g);
  return (breaks?.length ?? 0) + 1;
}

function lastBreakBefore(text: string, offset: number): number {
  let start = offset;
  while (start > 0 && !isBreak(text[start - 1])) start -= 1;
  return start;
}

function nextBreakFrom(text: string, offset: number): number {
  let end = offset;
  while (end < text.length && !isBreak(text[end])) end += 1;
  return end;
}

function isBreak(char: string | undefined): boolean {
  return char === "\n" || char === "\r";
}

function excerptOf(line: string, column: number, length: number): string {
  const isLong = line.length > EXCERPT_LONGEST;
  const from = isLong ? Math.max(0, column - EXCERPT_AROUND) : 0;
  const to = isLong ? Math.min(line.length, column + EXCERPT_AROUND) : line.length;
  const before = (from > 0 ? "…" : "") + line.slice(from, column);
  const shown = before + line.slice(column, to) + (to < line.length ? "…" : "");
  // Tabs stay tabs, and what takes two units takes one place, so that the carets stand below.
  const pad = [...before].map((char) => (char === "\t" ? "\t" : " ")).join("");
  const carets = [...line.slice(column, Math.min(column + length, to))].length;
  return `${printable(shown)}\n${pad}${"^".repeat(Math.max(1, carets))}`;
}

/** Control characters would move the carets, or a terminal's cursor. */
function printable(shown: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return shown.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, "�");
}
