/**
 * What each stretch of a text is, for colours. The engine's lexer says where words begin and end and
 * its parser which of them are keywords: `first` is one after the clauses and a variable elsewhere. A
 * text that cannot be read is coloured as far as possible: keywords of its place are then those in
 * capitals, and the lexer goes on behind whatever it refuses.
 */
import { RqlError } from "../../../collector/rql/errors.ts";
import type { Expr, Query } from "../../../collector/rql/text/ast.ts";
import { Lexer, type Token } from "../../../collector/rql/text/lexer.ts";
import { walk } from "../../../collector/rql/text/walk.ts";
import { CONTEXTUAL, RESERVED } from "../../../collector/rql/text/words.ts";
import { readText } from "./reading.ts";

export type TokenKind =
  | "keyword"
  | "name"
  | "function"
  | "number"
  | "string"
  | "symbol"
  | "comment"
  | "invalid";

export interface ColouredToken {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

/** Ascending and disjoint; between them is nothing but blanks. Never throws. */
export function colouredTokens(text: string): readonly ColouredToken[] {
  const { program } = readText(text);
  const found = lexed(text);
  const names =
    program === null ? null : new Set(program.queries.flatMap((query) => nameStarts(query, found)));
  const coloured: ColouredToken[] = [];
  let end = 0;
  for (const [place, token] of found.entries()) {
    const { start } = token;
    coloured.push(...commentsIn(text, end, start));
    end = token.end;
    const isColumn = coloured.at(-1)?.kind === "keyword" && found[place - 1]?.token?.word === "AS";
    const kind = isColumn ? "name" : kindOf(token, found[place + 1], text, names);
    coloured.push({ kind, start, end });
  }
  return [...coloured, ...commentsIn(text, end, text.length)];
}

interface Found {
  readonly token: Token | null;
  readonly start: number;
  readonly end: number;
}

/** The tokens, and in their place whatever the lexer refuses. */
function lexed(text: string): readonly Found[] {
  const found: Found[] = [];
  let offset = 0;
  while (offset < text.length) {
    const base = offset;
    let refusedAt = { start: 0, end: 0 };
    const lexer = new Lexer(text.slice(base), (code, message, at) => {
      // What has no end goes to the end of the text.
      const isOpen = code === "unterminated-comment" || code === "unterminated-name";
      refusedAt = isOpen ? { start: at.start, end: text.length } : at;
      throw new RqlError(code, message, NOWHERE);
    });
    try {
      for (let token = lexer.next(); token.type !== "end"; token = lexer.next()) {
        offset = base + token.at.end;
        found.push({ token, start: base + token.at.start, end: offset });
      }
      return found;
    } catch (error) {
      if (!(error instanceof RqlError)) throw error;
      const start =
        base + refusedAt.start - begunBefore(text.slice(offset, base + refusedAt.start));
      offset = Math.max(start + 1, Math.min(text.length, base + refusedAt.end));
      found.push({ token: null, start, end: offset });
    }
  }
  return found;
}

/** How many characters of the refused token stand before the place: its quote, the digits before a unit. */
function begunBefore(between: string): number {
  const begun = between.trimStart();
  return begun.startsWith("#") || begun.startsWith("/*") ? 0 : begun.length;
}

const NOWHERE = { query: 0, line: 1, column: 1, offset: 0, length: 1, excerpt: "" };

function kindOf(
  { token, start }: Found,
  next: Found | undefined,
  text: string,
  names: ReadonlySet<number> | null,
): TokenKind {
  if (token === null) return "invalid";
  if (token.type === "duration") return "number";
  if (token.type !== "name") return token.type === "end" ? "symbol" : token.type;
  if (text[start] === "`") return "name";
  if (RESERVED.has(token.word)) return "keyword";
  if (CONTEXTUAL.has(token.word)) {
    const isKeyword = names === null ? token.text === token.word : !names.has(start);
    if (isKeyword) return "keyword";
  }
  return next?.token?.word === "(" ? "function" : "name";
}

/** Comments between two tokens: whatever there is not blank. */
function commentsIn(text: string, start: number, end: number): readonly ColouredToken[] {
  const between = text.slice(start, end);
  const from = start + (between.length - between.trimStart().length);
  const to = start + between.trimEnd().length;
  return to > from ? [{ kind: "comment", start: from, end: to }] : [];
}

/** Where the query has names of users and functions: there no word is a keyword. */
function nameStarts(query: Query, found: readonly Found[]): readonly number[] {
  const starts: number[] = [];
  for (const { at } of [...query.logs, ...(query.nodes ?? [])]) starts.push(at.start);
  for (const expr of expressionsOf(query)) {
    for (const node of walk(expr)) addNames(node, found, starts);
  }
  return starts;
}

function addNames(node: Expr, found: readonly Found[], starts: number[]): void {
  switch (node.type) {
    case "name":
      // In parentheses its place is that of the parentheses.
      starts.push(firstFrom(found, node.at.start, node.name));
      return;
    case "field":
      starts.push(lastBefore(found, node.at.end, node.field));
      return;
    case "call":
      starts.push(node.nameAt.start);
      return;
    case "filter":
      starts.push(node.variable.at.start);
      return;
    case "quantifier":
      for (const { variables } of node.bindings)
        for (const { at } of variables) starts.push(at.start);
      return;
    case "declare":
    case "assign":
      starts.push(node.target.at.start);
      return;
    default:
      return;
  }
}

/** Where the first token of that text begins, from `start` on. */
function firstFrom(found: readonly Found[], start: number, text: string): number {
  for (let place = placeFrom(found, start); place < found.length; place += 1) {
    if (found[place]?.token?.text === text) return (found[place] as Found).start;
  }
  return -1;
}

/** Where the last token of that text begins that ends by `end`. */
function lastBefore(found: readonly Found[], end: number, text: string): number {
  for (let place = placeFrom(found, end) - 1; place >= 0; place -= 1) {
    if (found[place]?.token?.text === text) return (found[place] as Found).start;
  }
  return -1;
}

function placeFrom(found: readonly Found[], start: number): number {
  let low = 0;
  let high = found.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((found[middle] as Found).start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every expression of a query, outermost. */
export function expressionsOf(query: Query): readonly Expr[] {
  const items = query.items.flatMap((item) => (item.star ? [] : [item.expr]));
  const { compute, when, time } = query;
  const rest = [compute, when?.expr, when?.window?.expr, time?.from, time?.to];
  return [...items, ...rest.filter((one) => one !== undefined)];
}
