/**
 * A tree as text, with the fewest parentheses that bring back the same tree:
 * `parseProgram(printProgram(p))` equals p but for places. Operators have their main spelling.
 *
 * Each tree has the level of the grammar that makes it, and each place asks for a level; what is looser
 * than its place goes in parentheses. `expr` is the loosest level, `primary` the tightest.
 */
import type { DurationNode, Expr, Item, LogicalNode, Program, Query, Window } from "./ast.ts";
import { isPlainName } from "./words.ts";

const Level = {
  expr: 0,
  or: 1,
  and: 2,
  conjunct: 3,
  value: 4,
  not: 5,
  compare: 6,
  setexpr: 7,
  sum: 8,
  product: 9,
  unary: 10,
  postfix: 11,
} as const;

const WINDOW_WORDS: ReadonlyMap<Window["kind"], string> = new Map([
  ["for-at-least", "FOR AT LEAST"],
  ["then", "THEN"],
  ["not-followed-by", "NOT FOLLOWED BY"],
]);

/** A program as text. */
export function printProgram({ queries }: Program): string {
  return queries.map((query) => `${printQuery(query)};`).join("\n");
}

/** One query as text, without a closing semicolon. */
export function printQuery(query: Query): string {
  const { explain, items, logs, compute, when, nodes, time, take } = query;
  const parts = [explain ? "EXPLAIN " : "", "SELECT ", items.map(printItem).join(", ")];
  parts.push(" FROM ", logs.map(({ name }) => printName(name)).join(", "));
  if (compute !== undefined) parts.push(" COMPUTE ", printExpression(compute));
  if (when !== undefined) parts.push(" WHEN ", printExpression(when.expr));
  const window = when?.window;
  if (window !== undefined) {
    const what = window.expr === undefined ? "" : `${printExpression(window.expr)} WITHIN `;
    parts.push(` ${WINDOW_WORDS.get(window.kind)} ${what}${printDuration(window.duration)}`);
  }
  if (nodes !== undefined)
    parts.push(" AT NODES ", nodes.map(({ name }) => quote(name)).join(", "));
  if (time !== undefined) parts.push(" ON TIME ", printExpression(time.from));
  if (time?.to !== undefined) parts.push(" TO ", printExpression(time.to));
  if (query.groupByService) parts.push(" GROUP BY SERVICE");
  if (query.eachChange) parts.push(" EACH CHANGE");
  if (take !== undefined)
    parts.push(` ${take.kind}${take.kind === "COUNT" ? "" : ` ${take.count}`}`);
  return parts.join("");
}

/** One expression as text. */
export function printExpression(node: Expr): string {
  return print(node, Level.expr);
}

/** A name as it is written: in backticks unless it can stand alone. */
export function printName(name: string): string {
  return isPlainName(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

function printItem(item: Item): string {
  if (item.star) return "*";
  const as = item.as === undefined ? "" : ` AS ${printName(item.as)}`;
  return printExpression(item.expr) + as;
}

/** A tree for a place: what is looser than that goes in parentheses, in which anything may stand. */
function print(node: Expr, place: number): string {
  return levelOf(node, place) < place ? `(${text(node, Level.expr)})` : text(node, place);
}

/** The level of the grammar that makes a tree. */
function levelOf(node: Expr, place: number): number {
  switch (node.type) {
    case "negate":
      return Level.unary;
    case "not":
      return Level.not;
    case "arithmetic":
      return "+-".includes(node.op) ? Level.sum : Level.product;
    case "setop":
      return Level.setexpr;
    case "compare":
    case "is":
      return Level.compare;
    case "logical":
      return node.op === "AND" ? Level.and : Level.or;
    case "choice":
      // A value takes its own choice.
      return place === Level.value ? Level.value : Level.expr;
    case "declare":
    case "assign":
      return Level.conjunct;
    default:
      return Level.postfix;
  }
}

function text(node: Expr, place: number): string {
  switch (node.type) {
    case "number":
      return printNumber(node.value);
    case "duration":
      return printDuration(node);
    case "string":
      return quote(node.value);
    case "time":
      return `TIME ${quote(node.text)}`;
    case "boolean":
      return node.value ? "TRUE" : "FALSE";
    case "null":
      return "NULL";
    case "name":
      return printName(node.name);
    case "field":
      return `${printObject(node.object, node.aside)}.${printName(node.field)}`;
    case "index":
      return `${printObject(node.object, node.aside)}[${print(node.index, Level.expr)}]`;
    case "negate":
      return `-${print(node.operand, Level.unary)}`;
    case "not":
      return `NOT ${print(node.operand, Level.not)}`;
    case "arithmetic":
      return binary(node, levelOf(node, place));
    case "setop":
      return binary(node, Level.setexpr);
    case "compare": {
      const left = print(node.left, Level.setexpr);
      return `${left} ${node.op} ${print(node.right, Level.setexpr)}`;
    }
    case "is": {
      const negated = node.negated ? "NOT " : "";
      return `${print(node.operand, Level.setexpr)} IS ${negated}${node.what}`;
    }
    case "logical":
      return printLogical(node, place);
    case "choice": {
      // A value takes its own choice, but an expression's condition may be looser.
      const isValue = place === Level.value;
      const asked = isValue ? Level.not : Level.or;
      const condition = endsWithValue(node.condition)
        ? `(${print(node.condition, Level.expr)})`
        : print(node.condition, asked);
      const whenFalse =
        node.whenFalse === undefined ? ";" : `(${print(node.whenFalse, Level.expr)})`;
      const text = `${condition} ? (${print(node.whenTrue, Level.expr)}) : ${whenFalse}`;
      return text;
    }
    case "call":
      return `${node.name}(${printAll(node.args)})`;
    case "set":
      return `{${printMembers(node.members)}}`;
    case "filter": {
      const source = print(node.source, Level.setexpr);
      const body = print(node.body, Level.expr);
      return `{${printName(node.variable.name)} IN ${source} : (${body})}`;
    }
    case "quantifier": {
      const bindings = node.bindings.map(({ variables, source }) => {
        const names = variables.map(({ name }) => printName(name)).join(", ");
        return `${names} IN ${print(source, Level.setexpr)}`;
      });
      const text = `${node.kind} ${bindings.join(", ")} : (${print(node.body, Level.expr)})`;
      return text;
    }
    case "declare": {
      const value = node.value === undefined ? "" : ` := ${print(node.value, Level.value)}`;
      return `${node.scope} ${printName(node.target.name)}${value}`;
    }
    case "assign":
      return `${printName(node.target.name)} := ${print(node.value, Level.value)}`;
  }
}

function printLogical({ op, operands }: LogicalNode, place: number): string {
  const [first, second] = operands as readonly [Expr, Expr];
  const isAfterChoice = first.type === "choice" && operands.length === 2 && place === Level.expr;
  if (isAfterChoice) return `${print(first, Level.expr)} ${op} ${print(second, Level.expr)}`;
  // A chain is one node, so a chain inside a chain stands in parentheses.
  const tighter = op === "AND" ? Level.conjunct : Level.and;
  return operands.map((operand) => print(operand, tighter)).join(` ${op} `);
}

/** Whether the text of a tree ends with an assigned value, which would take a `?` after it for its own. */
function endsWithValue(node: Expr): boolean {
  if (node.type === "logical") return endsWithValue(node.operands.at(-1) as Expr);
  if (node.type !== "assign" && node.type !== "declare") return false;
  return node.value !== undefined && node.value.type !== "choice";
}

/** Operators associate to the left, so the right side must be tighter. */
function binary(node: { op: string; left: Expr; right: Expr }, level: number): string {
  return `${print(node.left, level)} ${node.op} ${print(node.right, level + 1)}`;
}

function printObject(object: Expr, aside: boolean): string {
  return aside ? `(${print(object, Level.expr)})` : print(object, Level.postfix);
}

function printAll(nodes: readonly Expr[]): string {
  return nodes.map((node) => print(node, Level.expr)).join(", ");
}

/** `{x IN ..` always begins a filter: a first member that would look so stands in parentheses. */
function printMembers(members: readonly Expr[]): string {
  const [first, ...rest] = members;
  if (first === undefined) return "";
  const text = print(first, Level.expr);
  const shown = beginsWithNameIn(first) ? `(${text})` : text;
  return [shown, ...rest.map((member) => print(member, Level.expr))].join(", ");
}

/** Whether the text of a tree begins with a bare name and IN. */
function beginsWithNameIn(node: Expr): boolean {
  switch (node.type) {
    case "compare":
      return node.op === "IN" && node.left.type === "name";
    case "logical":
      return beginsWithNameIn(node.operands[0] as Expr);
    case "choice":
      return beginsWithNameIn(node.condition);
    default:
      return false;
  }
}

/** Digits alone up to 2^53 - 1; larger ones as the double they are. */
function printNumber(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? value.toExponential()
    : String(value);
}

function printDuration({ amount, unit }: DurationNode): string {
  return `${printNumber(amount)}${unit}`;
}

/** A string in double quotes, with the escapes that the lexer knows. */
function quote(value: string): string {
  const escaped = value.replaceAll(/["\\\p{Cc}\p{Cs}\u2028\u2029]/gu, (char) => {
    const known = ESCAPED.get(char);
    return known ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);
