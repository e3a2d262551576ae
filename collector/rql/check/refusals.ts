/** The refusals that need words: one value per node where one value must stand. */
import type { Refuse } from "../errors.ts";
import type { ArithmeticNode, CompareNode, Expr } from "../text/ast.ts";
import { describeType, type Type } from "./types.ts";

/** Of a long expression a hint quotes this much. */
const QUOTED = 40;

export class Refusals {
  readonly #text: string;
  readonly #refuse: Refuse;
  readonly #node: string;

  constructor(text: string, refuse: Refuse, nodes: readonly string[]) {
    this.#text = text;
    this.#refuse = refuse;
    this.#node = [...nodes].sort()[0] ?? "n1";
  }

  /** `ver > 1`, `ver + 1`: a multiset or set beside a scalar. */
  operand(
    node: Expr,
    type: Type,
    within: CompareNode | ArithmeticNode,
    side: "left" | "right",
  ): never {
    const name = this.#quote(node);
    const other = this.#quote(side === "left" ? within.right : within.left);
    const put = (one: string): string =>
      side === "left" ? `${one} ${within.op} ${other}` : `${other} ${within.op} ${one}`;
    const ofNode =
      node.type === "name" || node.type === "field"
        ? `, or ${put(`${name}["${this.#node}"]`)}`
        : "";
    const every = `EXISTS x IN ${name} : (${put("x")}), FORALL .., ${put(`Max(${name})`)}${ofNode}`;
    const hint = within.type === "compare" ? every : `${put(`Max(${name})`)}${ofNode}`;
    return this.#perNode(node, type, `write ${hint}`);
  }

  /** `-ver`. */
  perNode(node: Expr, type: Type, before: string): never {
    const name = this.#quote(node);
    return this.#perNode(
      node,
      type,
      `write ${before}Max(${name}), or ${before}${name}["${this.#node}"]`,
    );
  }

  /** `{ver}`. */
  member(node: Expr): never {
    const name = this.#quote(node);
    const hint = `${name} stands for a set already; {} UNION ${name} is the set of its values`;
    return this.#refuse("one-value-per-node", `${name} is one value per node`, node.at, hint);
  }

  notATruth(node: Expr, type: Type): never {
    const name = this.#quote(node);
    if (type.shape === "multiset") {
      const hint = `write FORALL x IN ${name} : (x), or EXISTS x IN ${name} : (x)`;
      return this.#refuse("one-value-per-node", `${name} is one value per node`, node.at, hint);
    }
    const hint = "a condition is a comparison, a truth, or a number (0 is false)";
    return this.#refuse("not-a-truth", `${describeType(type)} is not a condition`, node.at, hint);
  }

  #perNode(node: Expr, type: Type, hint: string): never {
    const name = this.#quote(node);
    if (type.shape === "multiset") {
      return this.#refuse("one-value-per-node", `${name} is one value per node`, node.at, hint);
    }
    return this.#refuse("wrong-kind", `${name} is ${describeType(type)}`, node.at, hint);
  }

  #quote(node: Expr): string {
    const written = this.#text.slice(node.at.start, node.at.end).replaceAll(/\s+/g, " ");
    return written.length > QUOTED ? `${written.slice(0, QUOTED)}…` : written;
  }
}
