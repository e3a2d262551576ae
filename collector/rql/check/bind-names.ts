/** Names, fields and indexes: which variable, loop variable or declared name is meant. */
import type { AssignNode, DeclareNode, Expr, FieldNode, IndexNode } from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import { didYouMean } from "../text/words.ts";
import { BindScope, type Bound, constantNode } from "./bind-scope.ts";
import type { BoundExpr } from "./bound.ts";
import type { Loop } from "./names.ts";
import {
  ANY,
  describeType,
  isCollectionType,
  JSON_SCALAR,
  join,
  scalar,
  TRUTH,
  type Type,
} from "./types.ts";

export abstract class NameBinder extends BindScope {
  protected bindName(node: { readonly name: string; readonly at: Span }): Bound {
    const { name, at } = node;
    const loop = this.names.loop(name);
    if (loop !== undefined) return this.bindLoop(loop, at);
    const declared = this.names.declared.get(name);
    if (declared !== undefined) {
      return { expr: { type: "declared", slot: declared.slot, at }, type: declared.type };
    }
    return this.bindVariable(this.logOf(name, at), name, at);
  }

  protected bindLoop(loop: Loop, at: Span): Bound {
    if (this.names.isOutOfReach(loop)) {
      this.refuse(
        "misplaced-became",
        `Became cannot look at the loop variable ${loop.name}`,
        at,
        'what it was at the cut before is kept once: write Became(v["n1"] = ..), or Became(EXISTS ..)',
      );
    }
    return { expr: { type: "loop", slot: loop.slot, at }, type: loop.type };
  }

  /** The one FROM log that has it; undefined if none has. */
  protected logOf(key: string, at: Span): string | undefined {
    const logs = this.variables.logsWith(key);
    if (logs.length > 1) {
      const hint = `write ${logs.map((log) => `${log}.${key}`).join(" or ")}`;
      this.refuse("ambiguous-name", `${logs.join(" and ")} have a variable "${key}"`, at, hint);
    }
    const [only] = this.variables.logs;
    return logs[0] ?? (this.variables.logs.length === 1 ? only : undefined);
  }

  protected bindVariable(log: string | undefined, key: string, at: Span): Bound {
    const column = this.variables.column(log, key, at);
    this.columnsOf[this.part].add(column);
    const type: Type = { shape: "multiset", of: "json" };
    return { expr: { type: "variable", aspect: "value", column, at }, type };
  }

  protected bindField({ object, field, aside, at }: FieldNode): Bound {
    if (object.type === "name" && !aside && this.variables.isLog(object.name)) {
      const log = object.name;
      const isLoop = this.names.loop(log) !== undefined;
      const isOther =
        isLoop || this.names.declared.has(log) || this.variables.logsWith(log).length > 0;
      const isKnown = this.variables.has(log, field);
      if (isKnown && isOther) {
        const hint = `(${log}).${field} is the field of ${log}`;
        const message = `${log}.${field} is read as the variable of log ${log}`;
        this.warn("log-before-field", message, at, () => ({ hint }));
      }
      if (isKnown || !isOther) return this.bindVariable(log, field, at);
    }
    const bound = this.bind(object);
    const expr: BoundExpr = { type: "field", object: bound.expr, field, at };
    return { expr, type: partOf(bound.type) };
  }

  protected bindIndex({ object, index, aside, at }: IndexNode): Bound {
    const bound = this.bindAge(object);
    const bindIndex = this.bind(index);
    if (isCollectionType(bindIndex.type)) {
      const hint = "an index is a node's id, a field's name, or a position from 0";
      this.refuse("wrong-kind", `this is ${describeType(bindIndex.type)}`, index.at, hint);
    }
    if (bound.expr.type === "variable" && !aside) {
      const { aspect, column } = bound.expr;
      const node = this.nodeIndex(index, bindIndex.expr);
      const known = constantNode(node);
      const expr: BoundExpr = { type: "at-node", aspect, column, node, at };
      if (aspect !== "age") return { expr, type: ANY };
      return { expr, type: { ...scalar("duration"), ages: [{ column, node: known }] } };
    }
    if (bound.type.ages !== undefined) this.bind(object);
    const expr: BoundExpr = { type: "element", object: bound.expr, index: bindIndex.expr, at };
    return { expr, type: partOf(bound.type) };
  }

  /** Node "1" for the number 1; one that nobody knows is warned of. */
  protected nodeIndex(index: Expr, expr: BoundExpr): BoundExpr {
    if (expr.type !== "constant") return expr;
    const { value, at } = expr;
    const node = typeof value === "number" ? String(value) : value;
    if (typeof node !== "string") {
      const hint = 'nodes are named by strings: v["n1"]';
      return this.refuse("wrong-kind", "this is no node's id", index.at, hint);
    }
    this.warnUnknownNode(node, at);
    return { type: "constant", value: node, at };
  }

  protected bindDeclaration({ target, value, scope, at }: DeclareNode): Bound {
    this.refuseMisplaced(at);
    const declared = this.names.declared.get(target.name);
    if (value === undefined || declared === undefined) {
      return { expr: { type: "nothing", at }, type: TRUTH };
    }
    const bound = this.bind(value);
    declared.type = join(declared.type, bound.type);
    const isFirst = scope === "GLOBAL";
    const { slot } = declared;
    return { expr: { type: "assign", slot, value: bound.expr, isFirst, at }, type: TRUTH };
  }

  protected bindAssignment({ target, value, at }: AssignNode): Bound {
    this.refuseMisplaced(at);
    const declared = this.names.declared.get(target.name);
    if (declared === undefined || this.names.loop(target.name) !== undefined) {
      const { name } = target;
      const isLoop = this.names.loop(name) !== undefined;
      const message = isLoop ? `${name} is a loop variable` : `"${name}" is not declared`;
      const near = didYouMean(name, this.names.declared.keys());
      const hint = near ?? `declare it first: COMPUTE VAR ${name} AND .., or GLOBAL, or OUT`;
      return this.refuse("undeclared", message, target.at, hint);
    }
    const bound = this.bind(value);
    declared.type = join(declared.type, bound.type);
    const { slot } = declared;
    return { expr: { type: "assign", slot, value: bound.expr, isFirst: false, at }, type: TRUTH };
  }

  protected refuseMisplaced(at: Span): void {
    if (this.part === "select" || this.insideBecame) {
      const where = this.insideBecame ? "inside Became" : "among the columns";
      const hint = "assignments stand in COMPUTE";
      this.refuse("misplaced-assignment", `nothing is assigned ${where}`, at, hint);
    }
    if (this.part !== "compute" || this.names.loops.length > 0) this.wanderingAssignment ??= at;
  }
}

/** A field or an element: of a multiset again one value per node. */
function partOf(type: Type): Type {
  if (type.shape === "multiset" || type.shape === "set") return { shape: type.shape, of: "json" };
  return type.shape === "any" ? ANY : JSON_SCALAR;
}
