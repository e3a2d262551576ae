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
 * Primaries, and the bounds on depth and height, are in parse-primary.ts.
 */
import type { ArithmeticOp, ChoiceNode, Expr, LogicalOp, Relation, Scope, SetOp } from "./ast.ts";
import type { Token } from "./lexer.ts";
import { nameRef, PrimaryParser } from "./parse-primary.ts";
import { type Span, spanOver } from "./span.ts";

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

export class ExpressionParser extends PrimaryParser {
  /** The `;` of the last choice without an else. */
  emptyElse: Token | undefined;

  override expr(): Expr {
    return this.deeper(() => {
      const first = this.#or();
      if (!this.tokens.isAt("?")) return first;
      const choice = this.#choice(first);
      const op = LOGICAL.get(this.tokens.peek().word);
      if (op === undefined) return choice;
      this.tokens.take();
      const rest = this.expr();
      const at = spanOver(choice.at, rest.at);
      return this.made({ type: "logical", op, operands: [choice, rest], at }, choice, rest);
    });
  }

  #choice(condition: Expr): ChoiceNode {
    this.tokens.expect("?");
    const whenTrue = this.parenthesised("the branches of ? : stand in parentheses");
    this.tokens.expect(":");
    let whenFalse: Expr | undefined;
    if (this.tokens.isAt(";")) this.emptyElse = this.tokens.take();
    else whenFalse = this.parenthesised('the else is "(", an expression and ")", or ";" for none');
    const at = this.tokens.since(condition.at);
    const children = whenFalse === undefined ? [] : [whenFalse];
    return this.made(
      { type: "choice", condition, whenTrue, whenFalse, at },
      condition,
      whenTrue,
      ...children,
    );
  }

  #or(): Expr {
    return this.#flat("OR", () => this.#flat("AND", () => this.#conjunct()));
  }

  #flat(op: LogicalOp, operand: () => Expr): Expr {
    const first = operand();
    const operands = [first];
    while (LOGICAL.get(this.tokens.peek().word) === op) {
      this.tokens.take();
      operands.push(operand());
    }
    if (operands.length === 1) return first;
    return this.made(
      { type: "logical", op, operands, at: this.tokens.since(first.at) },
      ...operands,
    );
  }

  #conjunct(): Expr {
    const token = this.tokens.peek();
    if (this.#isDeclaration()) {
      const scope = this.tokens.take().word as Scope;
      const target = nameRef(this.tokens.take());
      const value = this.tokens.tookWords(":=") ? this.#value() : undefined;
      const at = this.tokens.since(token.at);
      const children = value === undefined ? [] : [value];
      return this.made({ type: "declare", scope, target, value, at }, ...children);
    }
    if (this.tokens.isName() && this.tokens.peek(1).word === ":=") {
      const target = nameRef(this.tokens.take());
      this.tokens.take();
      const value = this.#value();
      return this.made({ type: "assign", target, value, at: spanOver(target.at, value.at) }, value);
    }
    return this.#not();
  }

  /** `OUT x` declares; `OUT FOR AT LEAST 2s` is a variable called OUT, and a clause. */
  #isDeclaration(): boolean {
    const { word } = this.tokens.peek();
    if (word !== "VAR" && word !== "GLOBAL" && word !== "OUT") return false;
    if (!this.tokens.isName(1)) return false;
    if (!CLAUSE_WORDS.has(this.tokens.peek(1).word)) return true;
    return AFTER_DECLARED.has(this.tokens.peek(2).word);
  }

  #value(): Expr {
    const value = this.#not();
    return this.tokens.isAt("?") ? this.#choice(value) : value;
  }

  #not(): Expr {
    const token = this.tokens.peek();
    if (token.word !== "NOT" && token.word !== "!") return this.#compare();
    this.tokens.take();
    const operand = this.deeper(() => this.#not());
    return this.made({ type: "not", operand, at: spanOver(token.at, operand.at) }, operand);
  }

  #compare(): Expr {
    const left = this.setExpr();
    const first = this.tokens.peek();
    const is = this.#is(left);
    if (is !== undefined) return this.#unchained(is, left, first);
    const op = this.#relation();
    if (op === undefined) return left;
    const right = this.setExpr();
    const at = spanOver(left.at, right.at);
    return this.#unchained(
      this.made({ type: "compare", op, left, right, at }, left, right),
      left,
      first,
      right,
    );
  }

  #is(operand: Expr): Expr | undefined {
    if (!this.tokens.tookWords("IS")) return undefined;
    const negated = this.tokens.tookWords("NOT");
    const what = this.tokens.peek().word;
    if (what !== "NULL" && what !== "UNKNOWN") {
      return this.tokens.refuseAhead("NULL or UNKNOWN", "other values are compared with =", [
        "NULL",
        "UNKNOWN",
      ]);
    }
    this.tokens.take();
    const at = this.tokens.since(operand.at);
    return this.made({ type: "is", operand, what, negated, at }, operand);
  }

  #relation(): Relation | undefined {
    if (this.tokens.tookWords("NOT", "IN")) return "NOTIN";
    const relation = RELATIONS.get(this.tokens.peek().word);
    if (relation !== undefined) this.tokens.take();
    return relation;
  }

  /** Refuses `a < b < c`: it would compare a truth with c. */
  #unchained(compared: Expr, left: Expr, first: Token, middle?: Expr): Expr {
    const next = this.tokens.peek();
    const isRelation =
      RELATIONS.has(next.word) || next.word === "IS" || this.tokens.isAt("NOT", "IN");
    if (!isRelation) return compared;
    const written = (node: Expr): string => this.text.slice(node.at.start, node.at.end);
    let hint = "put the first comparison in parentheses, or join two of them by AND";
    if (middle !== undefined && RELATIONS.has(next.word)) {
      this.tokens.take();
      const shared = written(middle);
      const last = written(this.setExpr());
      hint = `write ${written(left)} ${first.text} ${shared} AND ${shared} ${next.text} ${last}`;
    }
    return this.tokens.refuse("chained-comparison", "comparisons do not chain", next.at, hint);
  }

  protected override setExpr(): Expr {
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
      const op = ops.get(this.tokens.peek().word);
      if (op === undefined) return left;
      this.tokens.take();
      const right = operand();
      left = this.made(make(op, left, right, spanOver(left.at, right.at)), left, right);
    }
  }

  #unary(): Expr {
    const token = this.tokens.peek();
    if (token.word !== "-") return this.#postfix();
    this.tokens.take();
    const operand = this.deeper(() => this.#unary());
    return this.made({ type: "negate", operand, at: spanOver(token.at, operand.at) }, operand);
  }

  #postfix(): Expr {
    const isParenthesised = this.tokens.isAt("(");
    let object = this.primary();
    let aside = isParenthesised && MAY_STAND_ASIDE.has(object.type);
    for (;;) {
      if (this.tokens.tookWords(".")) {
        const field = this.tokens.expectName("a field's name").text;
        const at = this.tokens.since(object.at);
        const isAside = aside && object.type === "name";
        object = this.made({ type: "field", object, field, aside: isAside, at }, object);
      } else if (this.tokens.tookWords("[")) {
        const index = this.expr();
        this.tokens.expect("]");
        const at = this.tokens.since(object.at);
        object = this.made({ type: "index", object, index, aside, at }, object, index);
      } else {
        return object;
      }
      aside = false;
    }
  }
}
