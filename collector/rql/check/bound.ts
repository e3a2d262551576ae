/**
 * A checked tree: what the parser read, with every name resolved to a number. Whatever evaluates a
 * query works from this alone; names and literals travel as data.
 *
 *     column   a variable of a log, by its index in `CheckedQuery.columns`
 *     slot     a loop variable or a declared name, by its index in the frame that holds it
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { RqlWarning } from "../errors.ts";
import type {
  ArithmeticOp,
  LogicalOp,
  QuantifierKind,
  Query,
  Relation,
  Scope,
  SetOp,
  Take,
} from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import type { Datum, Known } from "../values/datum.ts";

/** A variable that the query names. */
export interface Column {
  /** Undefined: no FROM log has it, and it is absent everywhere. */
  readonly log: string | undefined;
  readonly key: string;
}

/** Functions of collections and numbers, by their main name. */
export type PlainFunction =
  | "Count"
  | "Cardinality"
  | "Sum"
  | "Max"
  | "Min"
  | "Avg"
  | "Median"
  | "Percentile"
  | "Flatten"
  | "Abs"
  | "Ceil"
  | "Floor"
  | "Sin"
  | "Cos"
  | "Tan"
  | "Subset"
  | "Node"
  | "InFlight"
  | "Nodes"
  | "Service"
  | "Status";

/** What of a variable is asked for, per node. */
export type Aspect = "value" | "previous" | "age";

interface At {
  readonly at: Span;
}

export interface ConstantExpr extends At {
  readonly type: "constant";
  readonly value: Known;
}
/** A variable (or its Previous, or Age) at all selected nodes: a multiset. */
export interface VariableExpr extends At {
  readonly type: "variable";
  readonly aspect: Aspect;
  readonly column: number;
}
/** The same at one node. */
export interface AtNodeExpr extends At {
  readonly type: "at-node";
  readonly aspect: Aspect;
  readonly column: number;
  readonly node: BoundExpr;
}
/** Without `node`: at any selected node. */
export interface ChangedExpr extends At {
  readonly type: "changed";
  readonly column: number;
  readonly node: BoundExpr | undefined;
}
export interface BecameExpr extends At {
  readonly type: "became";
  /** Index among the query's Became calls: what it was at the cut before is kept under it. */
  readonly slot: number;
  readonly condition: BoundExpr;
}
export interface LoopExpr extends At {
  readonly type: "loop";
  readonly slot: number;
}
/** NodeOf(p), SameNode(p, q), Node(p) of loop variables. */
export interface NodeOfExpr extends At {
  readonly type: "node-of";
  readonly slot: number;
}
export interface SameNodeExpr extends At {
  readonly type: "same-node";
  readonly slots: readonly [number, number];
}
export interface HoldersExpr extends At {
  readonly type: "holders";
  readonly slot: number;
}
export interface DeclaredExpr extends At {
  readonly type: "declared";
  readonly slot: number;
}
export interface FieldExpr extends At {
  readonly type: "field";
  readonly object: BoundExpr;
  readonly field: string;
}
export interface ElementExpr extends At {
  readonly type: "element";
  readonly object: BoundExpr;
  readonly index: BoundExpr;
}
export interface NegateExpr extends At {
  readonly type: "negate";
  readonly operand: BoundExpr;
}
export interface NotExpr extends At {
  readonly type: "not";
  readonly operand: BoundExpr;
}
export interface ArithmeticExpr extends At {
  readonly type: "arithmetic";
  readonly op: ArithmeticOp;
  readonly left: BoundExpr;
  readonly right: BoundExpr;
}
export interface SetOpExpr extends At {
  readonly type: "setop";
  readonly op: SetOp;
  readonly left: BoundExpr;
  readonly right: BoundExpr;
}
export interface CompareExpr extends At {
  readonly type: "compare";
  readonly op: Relation;
  readonly left: BoundExpr;
  readonly right: BoundExpr;
}
export interface IsExpr extends At {
  readonly type: "is";
  readonly operand: BoundExpr;
  readonly what: "NULL" | "UNKNOWN";
  readonly negated: boolean;
}
export interface LogicalExpr extends At {
  readonly type: "logical";
  readonly op: LogicalOp;
  readonly operands: readonly BoundExpr[];
}
export interface ChoiceExpr extends At {
  readonly type: "choice";
  readonly condition: BoundExpr;
  readonly whenTrue: BoundExpr;
  readonly whenFalse: BoundExpr | undefined;
}
export interface CallExpr extends At {
  readonly type: "call";
  readonly name: PlainFunction;
  readonly args: readonly BoundExpr[];
}
export interface SetExpr extends At {
  readonly type: "set";
  readonly members: readonly BoundExpr[];
}
export interface FilterExpr extends At {
  readonly type: "filter";
  readonly slot: number;
  readonly source: BoundExpr;
  readonly body: BoundExpr;
}
export interface QuantifierExpr extends At {
  readonly type: "quantifier";
  readonly kind: QuantifierKind;
  /** One per loop variable: names bound together have the same source. */
  readonly loops: readonly { readonly slot: number; readonly source: BoundExpr }[];
  readonly body: BoundExpr;
}
/** `isFirst`: GLOBAL n := 0, which assigns at the first cut only. */
export interface AssignExpr extends At {
  readonly type: "assign";
  readonly slot: number;
  readonly value: BoundExpr;
  readonly isFirst: boolean;
}
/** A declaration without a value: TRUE. */
export interface NothingExpr extends At {
  readonly type: "nothing";
}

export type BoundExpr =
  | ConstantExpr
  | VariableExpr
  | AtNodeExpr
  | ChangedExpr
  | BecameExpr
  | LoopExpr
  | NodeOfExpr
  | SameNodeExpr
  | HoldersExpr
  | DeclaredExpr
  | FieldExpr
  | ElementExpr
  | NegateExpr
  | NotExpr
  | ArithmeticExpr
  | SetOpExpr
  | CompareExpr
  | IsExpr
  | LogicalExpr
  | ChoiceExpr
  | CallExpr
  | SetExpr
  | FilterExpr
  | QuantifierExpr
  | AssignExpr
  | NothingExpr;

/** A declared name. */
export interface DeclaredName {
  readonly name: string;
  readonly scope: Scope;
  /** What it is before anything is assigned. */
  readonly start: Datum;
}

export interface SelectedItem {
  /** As written, or by AS. */
  readonly heading: string;
  readonly expr: BoundExpr;
  /** An Age grows by itself: it says nothing about whether the selected values stay the same. */
  readonly isAge: boolean;
}

/** An Age is compared with a constant: the ticks after a change at which that may turn. */
export interface AgeThreshold {
  readonly column: number;
  /** Only this node's, where that is written out. */
  readonly node: string | undefined;
  /** Ticks after the change. */
  readonly ticks: number;
}

/** A Changed call: the tick after a change is a cut. */
export interface ChangedUse {
  readonly column: number;
  readonly node: string | undefined;
}

/** THEN and NOT FOLLOWED BY have a condition, FOR AT LEAST has none. */
export interface CheckedWindow {
  readonly kind: "for-at-least" | "then" | "not-followed-by";
  readonly expr: BoundExpr | undefined;
  readonly ticks: number;
}

/** One query that may run: names known, kinds right, times computed. */
export interface CheckedQuery {
  /** Its place in the text, from 0. */
  readonly index: number;
  readonly text: string;
  readonly query: Query;
  readonly logs: readonly string[];
  readonly columns: readonly Column[];
  readonly items: readonly SelectedItem[];
  readonly compute: BoundExpr | undefined;
  readonly when: BoundExpr | undefined;
  readonly window: CheckedWindow | undefined;
  /** Undefined: all nodes. */
  readonly nodes: readonly string[] | undefined;
  /** Both ends included; undefined: all that is retained. */
  readonly range: { readonly from: Hlc; readonly to: Hlc } | undefined;
  readonly groupByService: boolean;
  readonly eachChange: boolean;
  readonly take: Take | undefined;
  readonly names: readonly DeclaredName[];
  /** How many loop variables are bound at once, at most. */
  readonly loopSlots: number;
  readonly becames: readonly BecameExpr[];
  /** Columns that COMPUTE, WHEN and its window name; without WHEN those of SELECT too. */
  readonly conditionColumns: ReadonlySet<number>;
  readonly ages: readonly AgeThreshold[];
  readonly changes: readonly ChangedUse[];
  /** Sends and receives make cuts. */
  readonly usesMessages: boolean;
  /** Changes of status make cuts. */
  readonly usesStatus: boolean;
  /** Why cuts must be visited in order; undefined: slices may run side by side. */
  readonly sequential: string | undefined;
  readonly warnings: readonly RqlWarning[];
}
