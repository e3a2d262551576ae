/**
 * Text to tokens. Every token knows its stretch of the text; comments and spaces are dropped.
 *
 *     name       a letter or _, then letters, digits, _; or anything in `backticks` (a doubled one inside)
 *     number     7  2.5  1e6          duration   7ms  2.5s  (number and unit, no space)
 *     string     '..' or ".." on one line; \\ \' \" \n \r \t \uXXXX
 *     comment    # to the end of the line   and   /* to the next end mark
 *
 * One pass, no pattern that backtracks. Keywords are names here; the parser knows where they stand.
 */
import type { Refuse } from "../errors.ts";
import { type DurationUnit, UNIT_MS } from "./ast.ts";
import type { Span } from "./span.ts";
import { keywordForm } from "./words.ts";

export interface Token {
  readonly type: "name" | "number" | "duration" | "string" | "symbol" | "end";
  /** A name without its backticks, a string without its escapes, a symbol; else as written. */
  readonly text: string;
  /** The upper-case form of a name that may be a keyword; a symbol itself; else "". */
  readonly word: string;
  readonly at: Span;
  /** Of numbers and durations. */
  readonly amount: number;
  readonly unit: DurationUnit | undefined;
  /** A number written with digits alone. */
  readonly isInteger: boolean;
}

/** Longest first. */
const SYMBOLS: readonly string[] = [
  ...[":=", "==", "!=", "<>", "<=", ">=", "&&", "||"],
  ...["=", "<", ">", "+", "-", "*", "/", "%", "\\", "!", "?", ":", ";", ",", "."],
  ...["(", ")", "[", "]", "{", "}"],
];

const SPACE = /[\s\uFEFF]+/y;
const PLAIN_NAME = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Letters and digits straight after a number: a unit, or a mistake. */
const AFTER_NUMBER = /[\p{L}\p{Nd}_]+/uy;

/** The tokens of a text, one by one; past the last, `end` for ever. */
export class Lexer {
  readonly #text: string;
  readonly #refuse: Refuse;
  #offset = 0;

  constructor(text: string, refuse: Refuse) {
    this.#text = text;
    this.#refuse = refuse;
  }

  next(): Token {
    this.#skipBlanks();
    const start = this.#offset;
    const char = this.#text[start];
    if (char === undefined) return this.#token("end", start, "", "");
    if (char === "'" || char === '"') return this.#string(char);
    if (char === "`") return this.#quotedName();
    const name = this.#match(PLAIN_NAME);
    if (name !== undefined) return this.#token("name", start, name, keywordForm(name));
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#number(number, start);
    const symbol = SYMBOLS.find((one) => this.#text.startsWith(one, start));
    if (symbol === undefined) return this.#unexpected(start);
    this.#offset += symbol.length;
    return this.#token("symbol", start, symbol, symbol);
  }

  #skipBlanks(): void {
    for (;;) {
      if (this.#match(SPACE) !== undefined) continue;
      if (this.#text[this.#offset] === "#") this.#skipLine();
      else if (this.#text.startsWith("/*", this.#offset)) this.#skipComment();
      else return;
    }
  }

  #skipLine(): void {
    while (this.#offset < this.#text.length && !isLineEnd(this.#text[this.#offset])) {
      this.#offset += 1;
    }
  }

  #skipComment(): void {
    const start = this.#offset;
    const end = this.#text.indexOf("*/", start + 2);
    if (end < 0) {
      this.#refuse("unterminated-comment", "this comment has no end", {
        start,
        end: start + 2,
      });
    }
    this.#offset = end + 2;
  }

  #number(written: string, start: number): Token {
    const amount = Number(written);
    const unit = this.#match(AFTER_NUMBER);
    const at = { start, end: this.#offset };
    if (unit !== undefined && !isUnit(unit)) {
      this.#refuse(
        "unknown-unit",
        `"${clip(unit)}" is no unit of time`,
        { start: start + written.length, end: this.#offset },
        "units are us, ms, s, m, h and d; a name does not begin with a digit",
      );
    }
    const isInteger = /^\d+$/.test(written);
    if (!Number.isFinite(amount) || (isInteger && !Number.isSafeInteger(amount))) {
      this.#refuse(
        "number-too-large",
        "this number is too large",
        at,
        "integers go up to 9007199254740991 (2^53 - 1), other numbers up to some 1.79e308",
      );
    }
    const type = unit === undefined ? "number" : "duration";
    return { type, text: this.#text.slice(start, at.end), word: "", at, amount, unit, isInteger };
  }

  #string(quote: string): Token {
    const start = this.#offset;
    let value = "";
    let at = start + 1;
    for (;;) {
      const char = this.#text[at];
      if (char === undefined || isLineEnd(char)) {
        this.#refuse(
          "unterminated-string",
          "this string has no end on its line",
          { start, end: at },
          `close it with ${quote}; a line break inside is written \\n`,
        );
      }
      if (char === quote) break;
      if (char === "\\") {
        const [escaped, length] = this.#escape(at);
        value += escaped;
        at += length;
      } else {
        value += char;
        at += 1;
      }
    }
    this.#offset = at + 1;
    return this.#token("string", start, value, "");
  }

  /** The character that an escape stands for, and how long it is written. */
  #escape(at: number): readonly [string, number] {
    const letter = this.#text[at + 1];
    const simple = letter === undefined ? undefined : ESCAPES.get(letter);
    if (simple !== undefined) return [simple, 2];
    if (letter === "u") {
      const digits = this.#text.slice(at + 2, at + 6);
      if (/^[0-9a-fA-F]{4}$/.test(digits)) {
        return [String.fromCharCode(Number.parseInt(digits, 16)), 6];
      }
    }
    return this.#refuse(
      "bad-escape",
      "this backslash begins no escape",
      { start: at, end: at + 2 },
      "escapes are \\\\ \\' \\\" \\n \\r \\t and \\u with four hex digits; double a backslash that is meant",
    );
  }

  #quotedName(): Token {
    const start = this.#offset;
    let name = "";
    let at = start + 1;
    for (;;) {
      const end = this.#text.indexOf("`", at);
      if (end < 0) {
        this.#refuse("unterminated-name", "this name has no closing backtick", {
          start,
          end: start + 1,
        });
      }
      name += this.#text.slice(at, end);
      at = end + 1;
      if (this.#text[at] !== "`") break;
      name += "`";
      at += 1;
    }
    this.#offset = at;
    if (name === "") this.#refuse("empty-name", "a name is never empty", { start, end: at });
    return this.#token("name", start, name, "");
  }

  #unexpected(start: number): never {
    const char = String.fromCodePoint(this.#text.codePointAt(start) ?? 0);
    const hint = UNEXPECTED_HINTS.get(char);
    return this.#refuse(
      "unexpected-character",
      `${JSON.stringify(char)} means nothing here`,
      { start, end: start + char.length },
      hint ?? "names with other characters go in backticks: `cart.size`",
    );
  }

  /** The match of a sticky pattern here, which is then passed. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#offset += found.length;
    return found;
  }

  #token(type: Token["type"], start: number, text: string, word: string): Token {
    const at = { start, end: this.#offset };
    return { type, text, word, at, amount: 0, unit: undefined, isInteger: false };
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ...([
    ["\\", "\\"],
    ["'", "'"],
    ['"', '"'],
  ] as const),
  ...([
    ["n", "\n"],
    ["r", "\r"],
    ["t", "\t"],
  ] as const),
]);

const UNEXPECTED_HINTS: ReadonlyMap<string, string> = new Map([
  ["&", "AND is written AND or &&"],
  ["|", "OR is written OR or ||"],
  ["“", "strings stand in straight quotes: '..' or \"..\""],
  ["”", "strings stand in straight quotes: '..' or \"..\""],
  ["‘", "strings stand in straight quotes: '..' or \"..\""],
  ["’", "strings stand in straight quotes: '..' or \"..\""],
  ["≤", "write <="],
  ["≥", "write >="],
  ["≠", "write !="],
]);

function isUnit(text: string): text is DurationUnit {
  return UNIT_MS.has(text as DurationUnit);
}

function isLineEnd(char: string | undefined): boolean {
  return char === "\n" || char === "\r";
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
