/**
 * What a binder knows and collects, and how it says no: the ground on which the layers above stand.
 *
 *     BindScope ◀ NameBinder (names, fields, indexes, assignments) ◀ CallBinder (functions) ◀ Binder
 */
import type { Refuse, RqlWarning } from "../errors.ts";
import type { Expr } from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import { lookUp } from "../text/words.ts";
import type { AgeThreshold, BecameExpr, BoundExpr, ChangedUse } from "./bound.ts";
import { keySet, NAMES_LOOKED_UP, type Names, type Variables, type Warn } from "./names.ts";
import { Refusals } from "./refusals.ts";
import type { CheckOptions } from "./schema.ts";
import { describeType, mayBeTruth, type Type } from "./types.ts";

export interface Bound {
  readonly expr: BoundExpr;
  readonly type: Type;
}

export type Part = "select" | "compute" | "condition";

export abstract class BindScope {
  readonly names: Names;
  readonly variables: Variables;
  readonly becames: BecameExpr[] = [];
  readonly ages: AgeThreshold[] = [];
  readonly changes: ChangedUse[] = [];
  /** Columns by the part that names them. */
  readonly columnsOf: Readonly<Record<Part, Set<number>>> = {
    select: new Set(),
    compute: new Set(),
    condition: new Set(),
  };
  usesMessages = false;
  usesStatus = false;
  /** An assignment that does not simply run in COMPUTE. */
  wanderingAssignment: Span | undefined;
  part: Part = "compute";
  protected readonly refuse: Refuse;
  protected readonly warn: Warn;
  protected readonly options: CheckOptions;
  protected readonly say: Refusals;
  readonly #nodes: ReadonlySet<string>;
  readonly #strangers = new Set<string>();
  protected insideBecame = false;

  constructor(
    text: string,
    names: Names,
    variables: Variables,
    options: CheckOptions,
    refuse: Refuse,
    warn: Warn,
  ) {
    this.names = names;
    this.variables = variables;
    this.options = options;
    this.refuse = refuse;
    this.warn = warn;
    this.#nodes = keySet(options.schema.nodes);
    this.say = new Refusals(text, refuse, options.schema.nodes);
  }

  /** Binds where an Age may stand. */
  abstract bindAge(node: Expr): Bound;

  /** Binds; an Age is refused. */
  bind(node: Expr): Bound {
    const bound = this.bindAge(node);
    if (bound.type.ages !== undefined) {
      this.refuse(
        "misplaced-age",
        "an Age is compared with a constant duration, or selected, and nothing else",
        node.at,
        "write Max(Age(v)) > 2s, or EXISTS a IN Age(v) : (a > 2s)",
      );
    }
    return bound;
  }

  /** Binds what stands in the place of a truth. */
  truth(node: Expr): BoundExpr {
    const { expr, type } = this.bind(node);
    if (!mayBeTruth(type)) this.say.notATruth(node, type);
    return expr;
  }

  /** Warns of a node that nobody knows, once. */
  warnUnknownNode(node: string, at: Span): void {
    if (this.#nodes.has(node) || this.#strangers.has(node)) return;
    this.#strangers.add(node);
    const message = `no node "${node}" is known; its values count as absent`;
    const isLookedUp = this.#strangers.size <= NAMES_LOOKED_UP;
    this.warn("unknown-node", message, at, isLookedUp ? () => this.#nearestNodes(node) : undefined);
  }

  #nearestNodes(node: string): Pick<RqlWarning, "hint" | "names"> {
    const { names, near } = lookUp(node, this.#nodes);
    const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
    return { names, ...hint };
  }

  protected setOperand(node: Expr, op: string): Bound {
    const bound = this.bind(node);
    if (bound.type.shape === "scalar") {
      const hint = `${op} takes sets; a set of one value is written {x}`;
      this.refuse("wrong-kind", `this is ${describeType(bound.type)}`, node.at, hint);
    }
    return bound;
  }
}

/** A node's id that is written out. */
export function constantNode(node: BoundExpr): string | undefined {
  return node.type === "constant" && typeof node.value === "string" ? node.value : undefined;
}
