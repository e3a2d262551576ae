/**
 * Expressions, by recursive descent: one method per level of the grammar, loosest first.
 *
 *     expr     = or [ choice [ ("AND" | "OR") expr ] ]
 *     choice   = "?" "(" expr ")" ":" ( "(" expr ")" | ";" )            ";" = no else
 *     or       = and { "OR" and }
 *     and      = conjunct { "AND" conjunct }
 *     conjunct = ("VAR" | "GLOBAL" | "OUT") name [":=" value] | name ":=" value | not
 *     value    = not [choice]
 *     not      = "NOT" not | compare
 *     compare  = setexpr [ relation setexpr | "IS" ["NOT"] ("NULL" | "UNKNOWN") ]
 *     setexpr  = sum { ("UNION" | "INTERSECT" | "\") sum }
 *     sum      = product { ("+" | "-") product }
 *     product  = unary { ("*" | "/" | "%") unary }
 *     unary    = "-" unary | primary { "." name | "[" expr "]" }
 *     primary  = number | duration | string | "TIME" string | "TRUE" | "FALSE" | "NULL"
 *              | name | name "(" [expr {"," expr}] ")" | "(" expr ")"
 *              | "{" [expr {"," expr}] "}" | "{" name "IN" setexpr ":" "(" expr ")" "}"
 *              | ("EXISTS" | "FORALL" | "FOREACH") binding {"," binding} ":" "(" expr ")"
 *     binding  = name {"," name} "IN" setexpr
 *
 * Two bounds keep a hostile text from the stack: how deep the descent goes (`nesting`) and how high
 * the tree becomes (`treeHeight`), since everything that reads a tree descends it again.
 */
import { TEXT_LIMITS } from "../limits.ts";
import type {
  ArithmeticOp,
  Binding,
  ChoiceNode,
  DurationNode,
  Expr,
  LogicalOp,
  NameRef,
  QuantifierKind,
  Relation,
  Scope,
  SetOp,
} from "./ast.ts";
import type { Token } from "./lexer.ts";
import { type Span, spanOver } from "./span.ts";
import type { TokenCursor } from "./token-cursor.ts";
import { RESERVED } from "./words.ts";

const RELATIONS: ReadonlyMap<string, Relation> = new Map([
  ["=", "="],
  ["==", "="],
  ["!=", "!="],
  ["<>", "!="],
  ["<", "<"],
  ["<=", "<="],
  [">", ">"],
  [">=", ">="],
  ["IN", "IN"],
  ["NOTIN", "NOTIN"],
  ["ISSUBSET", "ISSUBSET"],
  ["ISPROPSUBSET", "ISPROPSUBSET"],
]);

/** After `OUT name`: what shows that it is a declaration even if the name could begin a clause. */
const AFTER_DECLARED: ReadonlySet<string> = new Set([
  ...[":=", "AND", "OR", "&&", "||", "?", ")", "WHEN"],
]);
const CLAUSE_WORDS: ReadonlySet<string> = new Set([
  ...[
    "FOR",
    "THEN",
    "GROUP",
    "EACH",
    "FIRST",
    "LAST",
    "COUNT",
    "LIMIT",
    "WITHIN",
    "TO",
    "AS",
    "IS",
  ],
]);

const LOGICAL: ReadonlyMap<string, LogicalOp> = new Map([
  ["AND", "AND"],
  ["&&", "AND"],
  ["OR", "OR"],
  ["||", "OR"],
]);
const SUMS: ReadonlyMap<string, ArithmeticOp> = new Map([
  ["+", "+"],
  ["-", "-"],
]);
const PRODUCTS: ReadonlyMap<string, ArithmeticOp> = new Map([
  ["*", "*"],
  ["/", "/"],
  ["%", "%"],
]);
const SET_OPS: ReadonlyMap<string, SetOp> = new Map([
  ["UNION", "UNION"],
  ["INTERSECT", "INTERSECT"],
  ["\\", "\\"],
]);

/** What an index or a field means another thing after, once it stands in parentheses. */
const MAY_STAND_ASIDE: ReadonlySet<Expr["type"]> = new Set(["name", "field", "call"]);

export class ExpressionParser {
  readonly #text: string;
  readonly #tokens: TokenCursor;
  readonly #heights = new WeakMap<Expr, number>();
  #depth = 0;
  /** The `;` of the last choice without an else. */
  emptyElse: Token | undefined;

  constructor(text: string, tokens: TokenCursor) {
    this.#text = text;
    this.#tokens = tokens;
  }

  expr(): Expr {
    return this.#deeper(() => {
      const first = this.#or();
      if (!this.#tokens.isAt("?")) return first;
      const choice = this.#choice(first);
      const op = LOGICAL.get(this.#tokens.peek().word);
      if (op === undefined) return choice;
      this.#tokens.take();
      const rest = this.expr();
      const at = spanOver(choice.at, rest.at);
      return this.#made({ type: "logical", op, operands: [choice, rest], at }, choice, rest);
    });
  }

  /** A duration that is written out. */
  duration(): DurationNode {
    const token = this.#tokens.peek();
    if (token.type !== "duration" || token.unit === undefined) {
      const hint =
        "a number and its unit without a space: 50ms, 2.5s; units are us, ms, s, m, h and d";
      return this.#tokens.refuseAhead("a duration", hint);
    }
    this.#tokens.take();
    return { type: "duration", amount: token.amount, unit: token.unit, at: token.at };
  }

  #choice(condition: Expr): ChoiceNode {
    this.#tokens.expect("?");
    const whenTrue = this.#parenthesised("the branches of ? : stand in parentheses");
    this.#tokens.expect(":");
    let whenFalse: Expr | undefined;
    if (this.#tokens.isAt(";")) this.emptyElse = this.#tokens.take();
    else whenFalse = this.#parenthesised('the else is "(", an expression and ")", or ";" for none');
    const at = this.#tokens.since(condition.at);
    const children = whenFalse === undefined ? [] : [whenFalse];
    return this.#made(
      { type: "choice", condition, whenTrue, whenFalse, at },
      condition,
      whenTrue,
      ...children,
    );
  }

  #parenthesised(hint: string): Expr {
    this.#tokens.expect("(", hint);
    const inner = this.expr();
    this.#tokens.expect(")");
    return inner;
  }

  #or(): Expr {
    return this.#flat("OR", () => this.#flat("AND", () => this.#conjunct()));
  }

  #flat(op: LogicalOp, operand: () => Expr): Expr {
    const first = operand();
    const operands = [first];
    while (LOGICAL.get(this.#tokens.peek().word) === op) {
      this.#tokens.take();
      operands.push(operand());
    }
    if (operands.length === 1) return first;
    return this.#made(
      { type: "logical", op, operands, at: this.#tokens.since(first.at) },
      ...operands,
    );
  }

  #conjunct(): Expr {
    const token = this.#tokens.peek();
    if (this.#isDeclaration()) {
      const scope = this.#tokens.take().word as Scope;
      const target = nameRef(this.#tokens.take());
      const value = this.#tokens.tookWords(":=") ? this.#value() : undefined;
      const at = this.#tokens.since(token.at);
      const children = value === undefined ? [] : [value];
      return this.#made({ type: "declare", scope, target, value, at }, ...children);
    }
    if (this.#tokens.isName() && this.#tokens.peek(1).word === ":=") {
      const target = nameRef(this.#tokens.take());
      this.#tokens.take();
      const value = this.#value();
      return this.#made(
        { type: "assign", target, value, at: spanOver(target.at, value.at) },
        value,
      );
    }
    return this.#not();
  }

  /** `OUT x` declares; `OUT FOR AT LEAST 2s` is a variable called OUT, and a clause. */
  #isDeclaration(): boolean {
    const { word } = this.#tokens.peek();
    if (word !== "VAR" && word !== "GLOBAL" && word !== "OUT") return false;
    if (!this.#tokens.isName(1)) return false;
    if (!CLAUSE_WORDS.has(this.#tokens.peek(1).word)) return true;
    return AFTER_DECLARED.has(this.#tokens.peek(2).word);
  }

  #value(): Expr {
    const value = this.#not();
    return this.#tokens.isAt("?") ? this.#choice(value) : value;
  }

  #not(): Expr {
    const token = this.#tokens.peek();
    if (token.word !== "NOT" && token.word !== "!") return this.#compare();
    this.#tokens.take();
    const operand = this.#deeper(() => this.#not());
    return this.#made({ type: "not", operand, at: spanOver(token.at, operand.at) }, operand);
  }

  #compare(): Expr {
    const left = this.#setExpr();
    const first = this.#tokens.peek();
    const is = this.#is(left);
    if (is !== undefined) return this.#unchained(is, left, first);
    const op = this.#relation();
    if (op === undefined) return left;
    const right = this.#setExpr();
    const at = spanOver(left.at, right.at);
    return this.#unchained(
      this.#made({ type: "compare", op, left, right, at }, left, right),
      left,
      first,
      right,
    );
  }

  #is(operand: Expr): Expr | undefined {
    if (!this.#tokens.tookWords("IS")) return undefined;
    const negated = this.#tokens.tookWords("NOT");
    const what = this.#tokens.peek().word;
    if (what !== "NULL" && what !== "UNKNOWN") {
      return this.#tokens.refuseAhead("NULL or UNKNOWN", "other values are compared with =", [
        "NULL",
        "UNKNOWN",
      ]);
    }
    this.#tokens.take();
    const at = this.#tokens.since(operand.at);
    return this.#made({ type: "is", operand, what, negated, at }, operand);
  }

  #relation(): Relation | undefined {
    if (this.#tokens.tookWords("NOT", "IN")) return "NOTIN";
    const relation = RELATIONS.get(this.#tokens.peek().word);
    if (relation !== undefined) this.#tokens.take();
    return relation;
  }

  /** Refuses `a < b < c`: it would compare a truth with c. */
  #unchained(compared: Expr, left: Expr, first: Token, middle?: Expr): Expr {
    const next = this.#tokens.peek();
    const isRelation =
      RELATIONS.has(next.word) || next.word === "IS" || this.#tokens.isAt("NOT", "IN");
    if (!isRelation) return compared;
    const written = (node: Expr): string => this.#text.slice(node.at.start, node.at.end);
    let hint = "put the first comparison in parentheses, or join two of them by AND";
    if (middle !== undefined && RELATIONS.has(next.word)) {
      this.#tokens.take();
      const shared = written(middle);
      const last = written(this.#setExpr());
      hint = `write ${written(left)} ${first.text} ${shared} AND ${shared} ${next.text} ${last}`;
    }
    return this.#tokens.refuse("chained-comparison", "comparisons do not chain", next.at, hint);
  }

  #setExpr(): Expr {
    const term = (): Expr => this.#sum();
    return this.#chain(SET_OPS, term, (op, left, right, at) => {
      return { type: "setop", op, left, right, at };
    });
  }

  #sum(): Expr {
    const make = (op: ArithmeticOp, left: Expr, right: Expr, at: Span): Expr => {
      return { type: "arithmetic", op, left, right, at };
    };
    return this.#chain(SUMS, () => this.#chain(PRODUCTS, () => this.#unary(), make), make);
  }

  /** Binary operators of one level, associating to the left. */
  #chain<Op>(
    ops: ReadonlyMap<string, Op>,
    operand: () => Expr,
    make: (op: Op, left: Expr, right: Expr, at: Span) => Expr,
  ): Expr {
    let left = operand();
    for (;;) {
      const op = ops.get(this.#tokens.peek().word);
      if (op === undefined) return left;
      this.#tokens.take();
      const right = operand();
      left = this.#made(make(op, left, right, spanOver(left.at, right.at)), left, right);
    }
  }

  #unary(): Expr {
    const token = this.#tokens.peek();
    if (token.word !== "-") return this.#postfix();
    this.#tokens.take();
    const operand = this.#deeper(() => this.#unary());
    return this.#made({ type: "negate", operand, at: spanOver(token.at, operand.at) }, operand);
  }

  #postfix(): Expr {
    const isParenthesised = this.#tokens.isAt("(");
    let object = this.#primary();
    let aside = isParenthesised && MAY_STAND_ASIDE.has(object.type);
    for (;;) {
      if (this.#tokens.tookWords(".")) {
        const field = this.#tokens.expectName("a field's name").text;
        const at = this.#tokens.since(object.at);
        const isAside = aside && object.type === "name";
        object = this.#made({ type: "field", object, field, aside: isAside, at }, object);
      } else if (this.#tokens.tookWords("[")) {
        const index = this.expr();
        this.#tokens.expect("]");
        const at = this.#tokens.since(object.at);
        object = this.#made({ type: "index", object, index, aside, at }, object, index);
      } else {
        return object;
      }
      aside = false;
    }
  }

  #primary(): Expr {
    const token = this.#tokens.peek();
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
    if (token.word === "TIME" && this.#tokens.peek(1).type === "string") {
      this.#tokens.take();
      const { text } = this.#tokens.take();
      return { type: "time", text, at: this.#tokens.since(at) };
    }
    if (!this.#tokens.isName()) return this.#refuseValue(token);
    const isInBackticks = this.#text[at.start] === "`";
    return !isInBackticks && this.#tokens.peek(1).word === "(" ? this.#call() : this.#name();
  }

  #name(): Expr {
    const { name, at } = nameRef(this.#tokens.take());
    return { type: "name", name, at };
  }

  #leaf(node: Expr): Expr {
    this.#tokens.take();
    return node;
  }

  #refuseValue(token: Token): never {
    if (token.word === "NOT" || token.word === "!") {
      return this.#tokens.refuseAhead(
        "a value",
        "NOT binds looser than a comparison: write (NOT ..)",
      );
    }
    const hint = RESERVED.has(token.word)
      ? `${token.text} is a reserved word; as a name it stands in backticks: \`${token.text}\``
      : undefined;
    return this.#tokens.refuseAhead("a value", hint);
  }

  /** The tree inside parentheses; its place is that of the parentheses, so that hints quote them. */
  #grouped(): Expr {
    const start = this.#tokens.take().at;
    const inner = this.expr();
    this.#tokens.expect(")");
    const grouped: Expr = { ...inner, at: this.#tokens.since(start) };
    this.#heights.set(grouped, this.#heightOf(inner));
    return grouped;
  }

  #call(): Expr {
    const name = this.#tokens.take();
    this.#tokens.expect("(");
    const args = this.#list(")", () => this.expr());
    const at = this.#tokens.since(name.at);
    return this.#made({ type: "call", name: name.text, nameAt: name.at, args, at }, ...args);
  }

  #braces(): Expr {
    const start = this.#tokens.take().at;
    if (this.#tokens.isName() && this.#tokens.peek(1).word === "IN") {
      const variable = nameRef(this.#tokens.take());
      this.#tokens.take();
      const source = this.#source();
      const body = this.#body();
      this.#tokens.expect("}");
      const at = this.#tokens.since(start);
      return this.#made({ type: "filter", variable, source, body, at }, source, body);
    }
    const members = this.#list("}", () => this.expr());
    const at = this.#tokens.since(start);
    if (members.length > TEXT_LIMITS.setLiteral) {
      this.#tokens.refuse(
        "set-too-large",
        `this set has ${members.length} members`,
        at,
        `at most ${TEXT_LIMITS.setLiteral} may be written out`,
      );
    }
    return this.#made({ type: "set", members, at }, ...members);
  }

  #quantifier(): Expr {
    const token = this.#tokens.take();
    const bindings = [this.#binding()];
    while (this.#tokens.tookWords(",")) bindings.push(this.#binding());
    const body = this.#body();
    const kind = token.word as QuantifierKind;
    const at = this.#tokens.since(token.at);
    const sources = bindings.map(({ source }) => source);
    return this.#made({ type: "quantifier", kind, bindings, body, at }, body, ...sources);
  }

  #binding(): Binding {
    const variables = [nameRef(this.#tokens.expectName("a loop variable's name"))];
    while (this.#tokens.tookWords(",")) {
      variables.push(nameRef(this.#tokens.expectName("a loop variable's name")));
    }
    this.#tokens.expect("IN", "a loop variable is bound by IN: EXISTS x IN v : (x > 1)");
    const source = this.#source();
    const start = (variables[0] as NameRef).at;
    return { variables, source, at: this.#tokens.since(start) };
  }

  /** What a loop runs over. It may begin another loop, so it counts as a level. */
  #source(): Expr {
    return this.#deeper(() => this.#setExpr());
  }

  #body(): Expr {
    this.#tokens.expect(":", "after the last IN comes a colon and the condition in parentheses");
    return this.#parenthesised("the condition stands in parentheses: EXISTS x IN v : (x > 1)");
  }

  /** What stands between commas, up to and with the closing sign. */
  #list(close: string, item: () => Expr): Expr[] {
    if (this.#tokens.tookWords(close)) return [];
    const items = [item()];
    while (this.#tokens.tookWords(",")) items.push(item());
    if (!this.#tokens.isAt(close)) this.#tokens.refuseAhead(`"," or "${close}"`);
    this.#tokens.take();
    return items;
  }

  #deeper<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > TEXT_LIMITS.nesting) {
      this.#tokens.refuse(
        "nesting-too-deep",
        `more than ${TEXT_LIMITS.nesting} levels inside each other`,
        this.#tokens.peek().at,
        "name a part of it by VAR in COMPUTE",
      );
    }
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  /** A node whose children are made: refused if its tree would be too high. */
  #made<T extends Expr>(node: T, ...children: readonly Expr[]): T {
    const below = children.reduce((most, child) => Math.max(most, this.#heightOf(child)), 0);
    if (below >= TEXT_LIMITS.treeHeight) {
      this.#tokens.refuse(
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

function nameRef({ text, at }: Token): NameRef {
  return { name: text, at };
}
