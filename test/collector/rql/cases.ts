/**
 * Cases as text files. Adding one needs no code:
 *
 *     # title
 *     what is read, any number of lines
 *     ==>
 *     what is expected, any number of lines
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface TextCase {
  readonly title: string;
  readonly input: string;
  readonly expected: string;
}

const FOLDER = join(import.meta.dirname, "cases");

/** The files whose name begins with that word. */
export function caseFiles(word: string): readonly string[] {
  return readdirSync(FOLDER).filter((file) => file.startsWith(`${word}-`) && file.endsWith(".txt"));
}

export function casesIn(file: string): readonly TextCase[] {
  const text = readFileSync(join(FOLDER, file), "utf8");
  return text
    .split(/^# /m)
    .slice(1)
    .map((part) => {
      const [title = "", ...lines] = part.split("\n");
      const [input, expected, ...more] = `\n${lines.join("\n")}`.split("\n==>\n");
      if (input === undefined || expected === undefined || more.length > 0) {
        throw new Error(`${file}: the case "${title}" has not one ==>`);
      }
      return { title, input: input.trim(), expected: expected.trim() };
    });
}
