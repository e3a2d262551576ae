/**
 * What a text says, as a tree: the parser makes it, the printer writes it back, the checker gives its
 * names a meaning. Operators have one spelling here (`=` for `==`, `AND` for `&&`); spans are of the
 * text it was read from and mean nothing else.
 */
import type { Span } from "./span.ts";

export type DurationUnit = "us" | "ms" | "s" | "m" | "h" | "d";

/** Milliseconds in each unit. */
export const UNIT_MS: ReadonlyMap<DurationUnit, number> = new Map([
  ["us", 0.001],
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

export type ArithmeticOp = "+" | "-" | "*" | "/" | "%";
export type SetOp = "UNION" | "INTERSECT" | "\\";
export type EqualityOp = "=" | "!=";
export type OrderOp = "<" | "<=" | ">" | ">=";
export type MembershipOp = "IN" | "NOTIN";
export type InclusionOp = "ISSUBSET" | "ISPROPSUBSET";
export type Relation = EqualityOp | OrderOp | MembershipOp | InclusionOp;
export type LogicalOp = "AND" | "OR";
export type QuantifierKind = "EXISTS" | "FORALL" | "FOREACH";
export type Scope = "VAR" | "GLOBAL" | "OUT";

interface Node {
  readonly at: Span;
}

export interface NumberNode extends Node {
  readonly type: "number";
  readonly value: number;
}
export interface DurationNode extends Node {
  readonly type: "duration";
  readonly amount: number;
  readonly unit: DurationUnit;
}
export interface StringNode extends Node {
  readonly type: "string";
  readonly value: string;
}
export interface TimeNode extends Node {
  readonly type: "time";
  readonly text: string;
}
export interface BooleanNode extends Node {
  readonly type: "boolean";
  readonly value: boolean;
}
export interface NullNode extends Node {
  readonly type: "null";
}
export interface NameNode extends Node {
  readonly type: "name";
  readonly name: string;
}
/** `x.f`. `aside`: a lone name on the left stood in parentheses, so it is no log's name. */
export interface FieldNode extends Node {
  readonly type: "field";
  readonly object: Expr;
  readonly field: string;
  readonly aside: boolean;
}
/** `x[i]`. `aside`: the left stood in parentheses, so the index is no node. */
export interface IndexNode extends Node {
  readonly type: "index";
  readonly object: Expr;
  readonly index: Expr;
  readonly aside: boolean;
}
export interface NegateNode extends Node {
  readonly type: "negate";
  readonly operand: Expr;
}
export interface NotNode extends Node {
  readonly type: "not";
  readonly operand: Expr;
}
export interface ArithmeticNode extends Node {
  readonly type: "arithmetic";
  readonly op: ArithmeticOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface SetOpNode extends Node {
  readonly type: "setop";
  readonly op: SetOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface CompareNode extends Node {
  readonly type: "compare";
  readonly op: Relation;
  readonly left: Expr;
  readonly right: Expr;
}
export interface IsNode extends Node {
  readonly type: "is";
  readonly operand: Expr;
  readonly what: "NULL" | "UNKNOWN";
  readonly negated: boolean;
}
/** Two operands or more, from left to right: a chain is flat. */
export interface LogicalNode extends Node {
  readonly type: "logical";
  readonly op: LogicalOp;
  readonly operands: readonly Expr[];
}
/** `c ? (a) : (b)`; without `whenFalse` the else is TRUE. */
export interface ChoiceNode extends Node {
  readonly type: "choice";
  readonly condition: Expr;
  readonly whenTrue: Expr;
  readonly whenFalse: Expr | undefined;
}
export interface CallNode extends Node {
  readonly type: "call";
  readonly name: string;
  readonly nameAt: Span;
  readonly args: readonly Expr[];
}
export interface SetNode extends Node {
  readonly type: "set";
  readonly members: readonly Expr[];
}
/** `{x IN s : (p)}` */
export interface FilterNode extends Node {
  readonly type: "filter";
  readonly variable: NameRef;
  readonly source: Expr;
  readonly body: Expr;
}
export interface QuantifierNode extends Node {
  readonly type: "quantifier";
  readonly kind: QuantifierKind;
  readonly bindings: readonly Binding[];
  readonly body: Expr;
}
export interface DeclareNode extends Node {
  readonly type: "declare";
  readonly scope: Scope;
  readonly target: NameRef;
  readonly value: Expr | undefined;
}
export interface AssignNode extends Node {
  readonly type: "assign";
  readonly target: NameRef;
  readonly value: Expr;
}

export type Expr =
  | NumberNode
  | DurationNode
  | StringNode
  | TimeNode
  | BooleanNode
  | NullNode
  | NameNode
  | FieldNode
  | IndexNode
  | NegateNode
  | NotNode
  | ArithmeticNode
  | SetOpNode
  | CompareNode
  | IsNode
  | LogicalNode
  | ChoiceNode
  | CallNode
  | SetNode
  | FilterNode
  | QuantifierNode
  | DeclareNode
  | AssignNode;

/** A name where it is written. */
export interface NameRef extends Node {
  readonly name: string;
}

export interface Binding extends Node {
  readonly variables: readonly NameRef[];
  readonly source: Expr;
}

/** A column: `*`, or an expression with its heading. */
export type Item =
  | { readonly star: true; readonly at: Span }
  | {
      readonly star: false;
      readonly expr: Expr;
      readonly as: string | undefined;
      readonly at: Span;
    };

/** What WHEN asks of time, beside its condition. */
export interface Window extends Node {
  readonly kind: "for-at-least" | "then" | "not-followed-by";
  /** Absent for FOR AT LEAST. */
  readonly expr: Expr | undefined;
  readonly duration: DurationNode;
}

export interface Condition {
  readonly expr: Expr;
  readonly window: Window | undefined;
}

/** FIRST n, LAST n, LIMIT n, COUNT. */
export interface Take extends Node {
  readonly kind: "FIRST" | "LAST" | "LIMIT" | "COUNT";
  /** 1 unless written; meaningless for COUNT. */
  readonly count: number;
}

export interface Query extends Node {
  readonly explain: boolean;
  readonly items: readonly Item[];
  readonly logs: readonly NameRef[];
  readonly compute: Expr | undefined;
  readonly when: Condition | undefined;
  /** Node ids of AT NODES; undefined: all. */
  readonly nodes: readonly NameRef[] | undefined;
  readonly time:
    | { readonly from: Expr; readonly to: Expr | undefined; readonly at: Span }
    | undefined;
  readonly groupByService: boolean;
  readonly eachChange: boolean;
  readonly take: Take | undefined;
}

export interface Program {
  readonly text: string;
  readonly queries: readonly Query[];
}
