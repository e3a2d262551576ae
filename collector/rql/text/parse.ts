/**
 * Programs and queries: the clauses, in their order. Expressions are in parse-expression.ts.
 *
 *     program   = query { ";" query } [ ";" ]
 *     query     = ["EXPLAIN"] "SELECT" item {"," item} "FROM" name {"," name}
 *                 ["COMPUTE" expr] ["WHEN" condition]
 *                 ["AT" ("NODES" node {"," node} | "ALL_NODES")]
 *                 ["ON" "TIME" expr ["TO" expr]]
 *                 ["GROUP" "BY" "SERVICE"] ["EACH" "CHANGE"]
 *                 [("FIRST" | "LAST") [integer] | "COUNT" | "LIMIT" integer]
 *     item      = "*" | expr ["AS" name]
 *     node      = name | string | integer
 *     condition = expr [ "FOR" "AT" "LEAST" duration
 *                      | "THEN" expr "WITHIN" duration
 *                      | "NOT" "FOLLOWED" "BY" expr "WITHIN" duration ]
 *
 * The `;` of an empty else (`c ? (a) : ;`) also ends the query when the end of the text, SELECT or
 * EXPLAIN follows it.
 */
import { type Refuse, RqlError } from "../errors.ts";
import { TEXT_LIMITS } from "../limits.ts";
import type { Condition, Expr, Item, NameRef, Program, Query, Take, Window } from "./ast.ts";
import { ExpressionParser } from "./parse-expression.ts";
import { placeOf } from "./place.ts";
import type { Span } from "./span.ts";
import { TokenCursor } from "./token-cursor.ts";
import { didYouMean } from "./words.ts";

/** What a clause begins with, in the order in which clauses stand. */
const CLAUSES: readonly string[] = [
  ...["SELECT", "FROM", "COMPUTE", "WHEN", "AT", "ON", "GROUP", "EACH"],
  ...["FIRST", "LAST", "COUNT", "LIMIT"],
];
const MORE_WORDS: readonly string[] = ["AND", "OR", "FOR", "THEN", "AS", "TO"];
const CLAUSE_ORDER =
  "clauses stand in this order: SELECT, FROM, COMPUTE, WHEN, AT NODES, ON TIME, GROUP BY SERVICE, " +
  "EACH CHANGE, then FIRST, LAST, COUNT or LIMIT";

/**
 * Reads a text: 1 to 16 queries. Names and kinds are not looked at; `checkProgram` does that.
 * Cost: linear in the text, which is bounded.
 * @throws RqlError at the first place that cannot be read
 *
 * @example
 * parseProgram("SELECT vr1 FROM setd WHEN Max(vr1) - Min(vr1) > 3").queries.length; // 1
 */
export function parseProgram(text: string): Program {
  let query = 0;
  const refuse: Refuse = (code, message, at, hint) => {
    throw new RqlError(code, message, placeOf(text, at, query), hint);
  };
  refuseLongText(text, refuse);
  const queries: Query[] = [];
  const tokens = new TokenCursor(text, refuse);
  for (;;) {
    if (queries.length === TEXT_LIMITS.queries) {
      const hint = `a text holds at most ${TEXT_LIMITS.queries} queries`;
      refuse("too-many-queries", "too many queries", tokens.peek().at, hint);
    }
    const isEnded = new QueryParser(text, tokens).endsAfter(queries);
    query = queries.length;
    const hasSeparator = tokens.tookWords(";");
    if (tokens.peek().type === "end") return { text, queries };
    if (!hasSeparator && !isEnded) refuseLeftover(tokens);
  }
}

function refuseLongText(text: string, refuse: Refuse): void {
  // One UTF-16 unit takes three bytes at most; so a text is only encoded if it may be near.
  const isSurelyShort = text.length * 3 <= TEXT_LIMITS.textBytes;
  if (isSurelyShort || utf8Bytes(text) <= TEXT_LIMITS.textBytes) return;
  const end = Math.min(text.length, TEXT_LIMITS.textBytes);
  refuse(
    "text-too-long",
    `this text is longer than ${TEXT_LIMITS.textBytes} bytes`,
    { start: end - 1, end },
    "split it into several",
  );
}

/** Bytes in UTF-8, counted up to a little past the limit. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length && bytes <= TEXT_LIMITS.textBytes; at += 1) {
    const unit = text.charCodeAt(at);
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
    bytes += unit < 0x80 ? 1 : unit < 0x800 || isSurrogate ? 2 : 3;
  }
  return bytes;
}

function refuseLeftover(tokens: TokenCursor): never {
  const { word, text } = tokens.peek();
  const words = [...CLAUSES, ...MORE_WORDS];
  if (CLAUSES.includes(word)) tokens.refuseAhead("the end of the query", CLAUSE_ORDER);
  const near = didYouMean(text, words);
  return tokens.refuseAhead('a clause or the end of the query (";")', near ?? CLAUSE_ORDER);
}

class QueryParser {
  readonly #tokens: TokenCursor;
  readonly #expressions: ExpressionParser;

  constructor(text: string, tokens: TokenCursor) {
    this.#tokens = tokens;
    this.#expressions = new ExpressionParser(text, tokens);
  }

  /** Adds the next query; whether its last sign, the `;` of an empty else, ends it as well. */
  endsAfter(queries: Query[]): boolean {
    queries.push(this.#query());
    const { word, type } = this.#tokens.peek();
    const isLast = this.#tokens.previous === this.#expressions.emptyElse;
    return isLast && (type === "end" || word === "SELECT" || word === "EXPLAIN");
  }

  #query(): Query {
    const tokens = this.#tokens;
    const start = tokens.peek().at;
    const explain = tokens.tookWords("EXPLAIN");
    tokens.expect("SELECT", "a query begins with SELECT");
    const items = this.#listOf(() => this.#item());
    tokens.expect("FROM", "after the columns comes FROM and the names of logs");
    const logs = this.#listOf(() => nameRef(tokens.expectName("a log's name")));
    if (logs.length > TEXT_LIMITS.logs) {
      const hint = `a query reads at most ${TEXT_LIMITS.logs}`;
      tokens.refuse("too-many-logs", "too many logs", tokens.since(logs[0]?.at ?? start), hint);
    }
    const compute = tokens.tookWords("COMPUTE") ? this.#expressions.expr() : undefined;
    const when = tokens.tookWords("WHEN") ? this.#condition() : undefined;
    const nodes = this.#nodes();
    const time = this.#time();
    const groupByService = this.#phrase("GROUP", "BY", "SERVICE");
    const eachChange = this.#phrase("EACH", "CHANGE");
    const take = this.#take();
    return {
      ...{ explain, items, logs, compute, when, nodes, time, groupByService, eachChange, take },
      at: tokens.since(start),
    };
  }

  #item(): Item {
    const { at } = this.#tokens.peek();
    if (this.#tokens.tookWords("*")) return { star: true, at };
    const expr = this.#expressions.expr();
    const as = this.#tokens.tookWords("AS")
      ? this.#tokens.expectName("a column's name").text
      : undefined;
    return { star: false, expr, as, at: expr.at };
  }

  #condition(): Condition {
    const expr = this.#expressions.expr();
    return { expr, window: this.#window() };
  }

  #window(): Window | undefined {
    const tokens = this.#tokens;
    const start = tokens.peek().at;
    if (tokens.tookWords("FOR")) {
      tokens.expect("AT", "FOR AT LEAST 50ms");
      tokens.expect("LEAST", "FOR AT LEAST 50ms");
      const duration = this.#expressions.duration();
      return { kind: "for-at-least", expr: undefined, duration, at: tokens.since(start) };
    }
    const isNotFollowed = tokens.isAt("NOT");
    if (isNotFollowed) {
      tokens.take();
      tokens.expect("FOLLOWED", "p NOT FOLLOWED BY q WITHIN 5s");
      tokens.expect("BY", "p NOT FOLLOWED BY q WITHIN 5s");
    } else if (!tokens.tookWords("THEN")) {
      return undefined;
    }
    const expr = this.#expressions.expr();
    tokens.expect("WITHIN", "the time that it has: WITHIN 5s");
    const duration = this.#expressions.duration();
    const kind = isNotFollowed ? "not-followed-by" : "then";
    return { kind, expr, duration, at: tokens.since(start) };
  }

  #nodes(): readonly NameRef[] | undefined {
    const tokens = this.#tokens;
    if (!tokens.tookWords("AT")) return undefined;
    if (tokens.tookWords("ALL_NODES")) return undefined;
    tokens.expect("NODES", 'AT NODES "n1", "n2" or AT ALL_NODES');
    const nodes = this.#listOf(() => this.#node());
    if (nodes.length > TEXT_LIMITS.nodesListed) {
      const hint = `at most ${TEXT_LIMITS.nodesListed} may be listed`;
      tokens.refuse("too-many-nodes", "too many nodes", (nodes[0] as NameRef).at, hint);
    }
    return nodes;
  }

  #node(): NameRef {
    const token = this.#tokens.peek();
    if (token.type === "string" || (token.type === "number" && token.isInteger)) {
      this.#tokens.take();
      return { name: token.type === "string" ? token.text : String(token.amount), at: token.at };
    }
    return nameRef(this.#tokens.expectName("a node: a name, a string or an integer"));
  }

  #time(): Query["time"] {
    const { at } = this.#tokens.peek();
    if (!this.#tokens.tookWords("ON")) return undefined;
    this.#tokens.expect("TIME", 'ON TIME "-10m" TO "now"');
    const from = this.#expressions.expr();
    const to = this.#tokens.tookWords("TO") ? this.#expressions.expr() : undefined;
    return { from, to, at: this.#tokens.since(at) };
  }

  #phrase(first: string, ...rest: readonly string[]): boolean {
    if (!this.#tokens.tookWords(first)) return false;
    for (const word of rest) this.#tokens.expect(word, [first, ...rest].join(" "));
    return true;
  }

  #take(): Take | undefined {
    const token = this.#tokens.peek();
    const kind = (["FIRST", "LAST", "LIMIT", "COUNT"] as const).find((word) => word === token.word);
    if (kind === undefined) return undefined;
    this.#tokens.take();
    const count = this.#tokens.peek();
    const isCounted = count.type === "number" && kind !== "COUNT";
    if (kind === "LIMIT" && !isCounted) return this.#tokens.refuseAhead("a number of rows");
    if (isCounted) this.#tokens.take();
    const at = this.#tokens.since(token.at);
    if (isCounted && !(count.isInteger && count.amount >= 1)) {
      this.#tokens.refuse("bad-count", "rows are counted by whole numbers from 1", count.at);
    }
    return { kind, count: isCounted ? count.amount : 1, at };
  }

  #listOf<T>(item: () => T): T[] {
    const items = [item()];
    while (this.#tokens.tookWords(",")) items.push(item());
    return items;
  }
}

function nameRef(token: { readonly text: string; readonly at: Span }): NameRef {
  return { name: token.text, at: token.at };
}

/** For tests and editors: one expression, alone. @throws RqlError */
export function parseExpression(text: string): Expr {
  const refuse: Refuse = (code, message, at, hint) => {
    throw new RqlError(code, message, placeOf(text, at, 0), hint);
  };
  refuseLongText(text, refuse);
  const tokens = new TokenCursor(text, refuse);
  const parsed = new ExpressionParser(text, tokens).expr();
  if (tokens.peek().type !== "end") tokens.refuseAhead("the end of the expression");
  return parsed;
}
