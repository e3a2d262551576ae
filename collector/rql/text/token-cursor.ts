/** Where the parser stands among the tokens: a look ahead, and words that say what was expected. */
import type { Refuse } from "../errors.ts";
import { Lexer, type Token } from "./lexer.ts";
import type { Span } from "./span.ts";
import { didYouMean, RESERVED } from "./words.ts";

export class TokenCursor {
  readonly #lexer: Lexer;
  readonly refuse: Refuse;
  /** Read, not yet taken. */
  readonly #ahead: Token[] = [];
  #previous: Token | undefined;

  constructor(text: string, refuse: Refuse) {
    this.#lexer = new Lexer(text, refuse);
    this.refuse = refuse;
  }

  /** The token `by` places ahead. */
  peek(by = 0): Token {
    while (this.#ahead.length <= by) this.#ahead.push(this.#lexer.next());
    return this.#ahead[by] as Token;
  }

  take(): Token {
    const token = this.peek();
    this.#ahead.shift();
    this.#previous = token;
    return token;
  }

  /** The token taken last. */
  get previous(): Token | undefined {
    return this.#previous;
  }

  /** From `start` to the end of what was taken. */
  since(start: Span): Span {
    return { start: start.start, end: Math.max(start.end, this.#previous?.at.end ?? 0) };
  }

  /** Whether the tokens ahead are these symbols and keywords. */
  isAt(...words: readonly string[]): boolean {
    return words.every((word, index) => this.peek(index).word === word);
  }

  /** Takes these symbols and keywords if they are ahead. */
  tookWords(...words: readonly string[]): boolean {
    if (!this.isAt(...words)) return false;
    for (const _ of words) this.take();
    return true;
  }

  /** Takes a symbol or keyword that must be ahead. */
  expect(word: string, hint?: string): Token {
    if (this.peek().word === word) return this.take();
    const isKeyword = /^[A-Z_]+$/.test(word);
    return this.refuseAhead(isKeyword ? word : `"${word}"`, hint, isKeyword ? [word] : []);
  }

  /** Whether a name is ahead: anything but a reserved word. */
  isName(by = 0): boolean {
    const token = this.peek(by);
    return token.type === "name" && !RESERVED.has(token.word);
  }

  expectName(what: string): Token {
    if (this.isName()) return this.take();
    const { word, text } = this.peek();
    const hint = RESERVED.has(word)
      ? `${text} is a reserved word; as a name it stands in backticks: \`${text}\``
      : undefined;
    return this.refuseAhead(what, hint);
  }

  /** Says what was expected and what is there. `words`: what a misspelt word may have been. */
  refuseAhead(expected: string, hint?: string, words: readonly string[] = []): never {
    const token = this.peek();
    const near = token.word === "" ? undefined : didYouMean(token.word, words);
    return this.refuse(
      "syntax",
      `expected ${expected}, found ${nameOf(token)}`,
      token.at,
      near ?? hint,
    );
  }
}

function nameOf({ type, text }: Token): string {
  if (type === "end") return "the end of the text";
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return type === "string" ? `the string ${JSON.stringify(shown)}` : `"${shown}"`;
}
