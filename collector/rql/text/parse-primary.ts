/**
 * The tightest level of the grammar: literals, names, calls, parentheses, sets, quantifiers. The levels
 * above are in parse-expression.ts, which holds the grammar.
 *
 * Two bounds keep a hostile text from the stack: how deep the descent goes (`nesting`) and how high
 * the tree becomes (`treeHeight`), since everything that reads a tree descends it again.
 */
import { TEXT_LIMITS } from "../limits.ts";
import type { Binding, DurationNode, Expr, NameRef, QuantifierKind } from "./ast.ts";
import type { Token } from "./lexer.ts";
import type { TokenCursor } from "./token-cursor.ts";
import { RESERVED } from "./words.ts";

export abstract class PrimaryParser {
  protected readonly text: string;
  protected readonly tokens: TokenCursor;
  readonly #heights = new WeakMap<Expr, number>();
  #depth = 0;

  constructor(text: string, tokens: TokenCursor) {
    this.text = text;
    this.tokens = tokens;
  }

  /** The loosest level. */
  abstract expr(): Expr;
  /** What a loop may run over. */
  protected abstract setExpr(): Expr;

  /** A duration that is written out. */
  duration(): DurationNode {
    const token = this.tokens.peek();
    if (token.type !== "duration" || token.unit === undefined) {
      const hint =
        "a number and its unit without a space: 50ms, 2.5s; units are us, ms, s, m, h and d";
      return this.tokens.refuseAhead("a duration", hint);
    }
    this.tokens.take();
    return { type: "duration", amount: token.amount, unit: token.unit, at: token.at };
  }

  protected primary(): Expr {
    const token = this.tokens.peek();
    const { type, at } = token;
    if (type === "number") return this.#leaf({ type: "number", value: token.amount, at });
    if (type === "duration") return this.duration();
    if (type === "string") return this.#leaf({ type: "string", value: token.text, at });
    if (token.word === "(") return this.#grouped();
    if (token.word === "{") return this.#braces();
    const isQuantifier = ["EXISTS", "FORALL", "FOREACH"].includes(token.word);
    if (isQuantifier) return this.#quantifier();
    if (token.word === "TRUE" || token.word === "FALSE") {
      return this.#leaf({ type: "boolean", value: token.word === "TRUE", at });
    }
    if (token.word === "NULL") return this.#leaf({ type: "null", at });
    if (token.word === "TIME" && this.tokens.peek(1).type === "string") {
      this.tokens.take();
      const { text } = this.tokens.take();
      return { type: "time", text, at: this.tokens.since(at) };
    }
    if (!this.tokens.isName()) return this.#refuseValue(token);
    const isInBackticks = this.text[at.start] === "`";
    return !isInBackticks && this.tokens.peek(1).word === "(" ? this.#call() : this.#name();
  }

  #name(): Expr {
    const { name, at } = nameRef(this.tokens.take());
    return { type: "name", name, at };
  }

  #leaf(node: Expr): Expr {
    this.tokens.take();
    return node;
  }

  #refuseValue(token: Token): never {
    if (token.word === "NOT" || token.word === "!") {
      return this.tokens.refuseAhead(
        "a value",
        "NOT binds looser than a comparison: write (NOT ..)",
      );
    }
    const hint = RESERVED.has(token.word)
      ? `${token.text} is a reserved word; as a name it stands in backticks: \`${token.text}\``
      : undefined;
    return this.tokens.refuseAhead("a value", hint);
  }

  /** The tree inside parentheses; its place is that of the parentheses, so that hints quote them. */
  #grouped(): Expr {
    const start = this.tokens.take().at;
    const inner = this.expr();
    this.tokens.expect(")");
    const grouped: Expr = { ...inner, at: this.tokens.since(start) };
    this.#heights.set(grouped, this.#heightOf(inner));
    return grouped;
  }

  #call(): Expr {
    const name = this.tokens.take();
    this.tokens.expect("(");
    const args = this.#list(")", () => this.expr());
    const at = this.tokens.since(name.at);
    return this.made({ type: "call", name: name.text, nameAt: name.at, args, at }, ...args);
  }

  #braces(): Expr {
    const start = this.tokens.take().at;
    if (this.tokens.isName() && this.tokens.peek(1).word === "IN") {
      const variable = nameRef(this.tokens.take());
      this.tokens.take();
      const source = this.#source();
      const body = this.#body();
      this.tokens.expect("}");
      const at = this.tokens.since(start);
      return this.made({ type: "filter", variable, source, body, at }, source, body);
    }
    const members = this.#list("}", () => this.expr());
    const at = this.tokens.since(start);
    if (members.length > TEXT_LIMITS.setLiteral) {
      this.tokens.refuse(
        "set-too-large",
        `this set has ${members.length} members`,
        at,
        `at most ${TEXT_LIMITS.setLiteral} may be written out`,
      );
    }
    return this.made({ type: "set", members, at }, ...members);
  }

  #quantifier(): Expr {
    const token = this.tokens.take();
    const bindings = [this.#binding()];
    while (this.tokens.tookWords(",")) bindings.push(this.#binding());
    const body = this.#body();
    const kind = token.word as QuantifierKind;
    const at = this.tokens.since(token.at);
    const sources = bindings.map(({ source }) => source);
    return this.made({ type: "quantifier", kind, bindings, body, at }, body, ...sources);
  }

  #binding(): Binding {
    const variables = [nameRef(this.tokens.expectName("a loop variable's name"))];
    while (this.tokens.tookWords(",")) {
      variables.push(nameRef(this.tokens.expectName("a loop variable's name")));
    }
    this.tokens.expect("IN", "a loop variable is bound by IN: EXISTS x IN v : (x > 1)");
    const source = this.#source();
    const start = (variables[0] as NameRef).at;
    return { variables, source, at: this.tokens.since(start) };
  }

  /** What a loop runs over. It may begin another loop, so it counts as a level. */
  #source(): Expr {
    return this.deeper(() => this.setExpr());
  }

  #body(): Expr {
    this.tokens.expect(":", "after the last IN comes a colon and the condition in parentheses");
    return this.parenthesised("the condition stands in parentheses: EXISTS x IN v : (x > 1)");
  }

  protected parenthesised(hint: string): Expr {
    this.tokens.expect("(", hint);
    const inner = this.expr();
    this.tokens.expect(")");
    return inner;
  }

  /** What stands between commas, up to and with the closing sign. */
  #list(close: string, item: () => Expr): Expr[] {
    if (this.tokens.tookWords(close)) return [];
    const items = [item()];
    while (this.tokens.tookWords(",")) items.push(item());
    if (!this.tokens.isAt(close)) this.tokens.refuseAhead(`"," or "${close}"`);
    this.tokens.take();
    return items;
  }

  protected deeper<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > TEXT_LIMITS.nesting) {
      this.tokens.refuse(
        "nesting-too-deep",
        `more than ${TEXT_LIMITS.nesting} levels inside each other`,
        this.tokens.peek().at,
        "name a part of it by VAR in COMPUTE",
      );
    }
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  /** A node whose children are made: refused if its tree would be too high. */
  protected made<T extends Expr>(node: T, ...children: readonly Expr[]): T {
    const below = children.reduce((most, child) => Math.max(most, this.#heightOf(child)), 0);
    if (below >= TEXT_LIMITS.treeHeight) {
      this.tokens.refuse(
        "nesting-too-deep",
        `this chain of operators is longer than ${TEXT_LIMITS.treeHeight}`,
        { start: node.at.end - 1, end: node.at.end },
        "put parts of it in parentheses, or name them by VAR in COMPUTE",
      );
    }
    this.#heights.set(node, below + 1);
    return node;
  }

  #heightOf(node: Expr): number {
    return this.#heights.get(node) ?? 1;
  }
}

/** A name where it is written. */
export function nameRef({ text, at }: Token): NameRef {
  return { name: text, at };
}
