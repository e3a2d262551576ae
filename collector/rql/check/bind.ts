/**
 * Gives every expression a meaning: names become columns and slots, functions are found, kinds are
 * checked where they are known before anything runs. `bind` returns the checked tree and its type.
 *
 * A binder is for one query. Where an expression stands (`part`) decides what may be in it.
 */
import { TEXT_LIMITS } from "../limits.ts";
import type { Binding, CompareNode, Expr, NameRef } from "../text/ast.ts";
import { DurationValue } from "../values/datum.ts";
import { CallBinder } from "./bind-calls.ts";
import type { Bound } from "./bind-scope.ts";
import type { BoundExpr } from "./bound.ts";
import { constantOf, ticksOf, timeOf } from "./constants.ts";
import { resultOf } from "./results.ts";
import {
  describeType,
  isCollectionType,
  join,
  memberOf,
  NUMBER,
  STRING,
  scalar,
  setOf,
  TIME,
  TRUTH,
  type Type,
} from "./types.ts";

export class Binder extends CallBinder {
  /** Binds where an Age may stand. */
  override bindAge(node: Expr): Bound {
    const { at } = node;
    switch (node.type) {
      case "number":
        return { expr: { type: "constant", value: node.value, at }, type: NUMBER };
      case "string":
        return { expr: { type: "constant", value: node.value, at }, type: STRING };
      case "boolean":
        return { expr: { type: "constant", value: node.value, at }, type: TRUTH };
      case "null":
        return { expr: { type: "constant", value: null, at }, type: scalar("null") };
      case "duration": {
        const value = new DurationValue(ticksOf(node));
        return { expr: { type: "constant", value, at }, type: scalar("duration") };
      }
      case "time": {
        const value = timeOf(node.text, this.options.now, at, this.refuse);
        return { expr: { type: "constant", value, at }, type: TIME };
      }
      case "name":
        return this.bindName(node);
      case "field":
        return this.bindField(node);
      case "index":
        return this.bindIndex(node);
      case "negate": {
        const operand = this.bind(node.operand);
        if (isCollectionType(operand.type)) this.say.perNode(node.operand, operand.type, `-`);
        const of = operand.type.of === "duration" ? "duration" : "number";
        return { expr: { type: "negate", operand: operand.expr, at }, type: scalar(of) };
      }
      case "not":
        return { expr: { type: "not", operand: this.truth(node.operand), at }, type: TRUTH };
      case "arithmetic": {
        const left = this.bind(node.left);
        const right = this.bind(node.right);
        if (isCollectionType(left.type)) this.say.operand(node.left, left.type, node, "left");
        if (isCollectionType(right.type)) this.say.operand(node.right, right.type, node, "right");
        const type = resultOf(node.op, left.type, right.type);
        const { op } = node;
        return { expr: { type: "arithmetic", op, left: left.expr, right: right.expr, at }, type };
      }
      case "setop": {
        const left = this.setOperand(node.left, node.op);
        const right = this.setOperand(node.right, node.op);
        const of = left.type.of === right.type.of ? left.type.of : "json";
        const type = setOf(of);
        const { op } = node;
        return { expr: { type: "setop", op, left: left.expr, right: right.expr, at }, type };
      }
      case "compare":
        return this.bindComparison(node);
      case "is": {
        const operand = this.bindAge(node.operand).expr;
        const { what, negated } = node;
        return { expr: { type: "is", operand, what, negated, at }, type: TRUTH };
      }
      case "logical": {
        const operands = node.operands.map((operand) => this.truth(operand));
        return { expr: { type: "logical", op: node.op, operands, at }, type: TRUTH };
      }
      case "choice": {
        const condition = this.truth(node.condition);
        const whenTrue = this.bind(node.whenTrue);
        const other = node.whenFalse === undefined ? undefined : this.bind(node.whenFalse);
        const type = join(whenTrue.type, other?.type ?? TRUTH);
        const branches = { whenTrue: whenTrue.expr, whenFalse: other?.expr };
        return { expr: { type: "choice", condition, ...branches, at }, type };
      }
      case "call":
        return this.bindCall(node);
      case "set": {
        const members = node.members.map((member) => {
          const bound = this.bind(member);
          if (bound.type.shape === "multiset") this.say.member(member);
          return bound;
        });
        const type = members.map((member) => member.type).reduce<Type | undefined>(join, undefined);
        const of = type === undefined ? "json" : type.shape === "set" ? "set" : type.of;
        const isMixed = type?.shape === "any";
        const expr: BoundExpr = { type: "set", members: members.map((one) => one.expr), at };
        return { expr, type: setOf(isMixed ? "json" : of) };
      }
      case "filter": {
        const source = this.loopSource(node.source);
        const [slot] = this.loops([node.variable], source);
        const body = this.truth(node.body);
        this.names.pop(1);
        const { type } = source;
        return { expr: { type: "filter", slot: slot ?? 0, source: source.expr, body, at }, type };
      }
      case "quantifier": {
        const loops = node.bindings.flatMap((binding) => this.binding(binding));
        const body = this.truth(node.body);
        this.names.pop(loops.length);
        return { expr: { type: "quantifier", kind: node.kind, loops, body, at }, type: TRUTH };
      }
      case "declare":
        return this.bindDeclaration(node);
      case "assign":
        return this.bindAssignment(node);
    }
  }

  protected binding({ variables, source }: Binding): { slot: number; source: BoundExpr }[] {
    const bound = this.loopSource(source);
    return this.loops(variables, bound).map((slot) => ({ slot, source: bound.expr }));
  }

  protected loops(variables: readonly NameRef[], { type }: Bound): number[] {
    return variables.map((variable) => {
      const loop = this.names.push(variable, memberOf(type), type.shape === "multiset");
      if (this.names.loops.length > TEXT_LIMITS.loopVariables) {
        const hint = `at most ${TEXT_LIMITS.loopVariables} are bound at one place`;
        this.refuse("too-many-loop-variables", "too many loop variables", variable.at, hint);
      }
      return loop.slot;
    });
  }

  protected loopSource(node: Expr): Bound {
    const bound = this.bindAge(node);
    if (bound.type.shape === "scalar") {
      const hint = "loop variables run over a variable's values or a set";
      this.refuse("wrong-kind", `this is ${describeType(bound.type)}`, node.at, hint);
    }
    return bound;
  }

  protected bindComparison(node: CompareNode): Bound {
    const { op, at } = node;
    if (op === "ISSUBSET" || op === "ISPROPSUBSET") {
      const left = this.setOperand(node.left, op).expr;
      const right = this.setOperand(node.right, op).expr;
      return { expr: { type: "compare", op, left, right, at }, type: TRUTH };
    }
    if (op === "IN" || op === "NOTIN") {
      const left = this.bind(node.left);
      if (left.type.shape === "multiset") this.say.operand(node.left, left.type, node, "left");
      const right = this.setOperand(node.right, op).expr;
      return { expr: { type: "compare", op, left: left.expr, right, at }, type: TRUTH };
    }
    const left = this.bindAge(node.left);
    const right = this.bindAge(node.right);
    const isEquality = op === "=" || op === "!=";
    const mayBeSets = (other: Type): boolean => isEquality && other.shape !== "scalar";
    if (isCollectionType(left.type) && !mayBeSets(right.type)) {
      this.say.operand(node.left, left.type, node, "left");
    }
    if (isCollectionType(right.type) && !mayBeSets(left.type)) {
      this.say.operand(node.right, right.type, node, "right");
    }
    this.ageCompared(node, left.type, right.type);
    return { expr: { type: "compare", op, left: left.expr, right: right.expr, at }, type: TRUTH };
  }

  /** Notes at which ages a comparison may turn; refuses one with anything but a constant. */
  protected ageCompared({ op, left, right }: CompareNode, leftType: Type, rightType: Type): void {
    const ages = leftType.ages ?? rightType.ages;
    if (ages === undefined) return;
    const isLeft = leftType.ages !== undefined;
    const other = isLeft ? right : left;
    const constant = constantOf(other);
    if (
      !(constant instanceof DurationValue) ||
      leftType.shape !== "scalar" ||
      rightType.shape !== "scalar"
    ) {
      const hint = 'write Age(v["n1"]) > 2s, Max(Age(v)) > 2s, or EXISTS a IN Age(v) : (a > 2s)';
      this.refuse("misplaced-age", "an Age is compared with a constant duration", other.at, hint);
    }
    const { ticks } = constant;
    const reaches = Math.ceil(ticks);
    const passes = Math.floor(ticks) + 1;
    const isStrict = isLeft ? op === ">" || op === "<=" : op === "<" || op === ">=";
    const turns = op === "=" || op === "!=" ? [reaches, passes] : [isStrict ? passes : reaches];
    for (const { column, node } of ages) {
      for (const turn of turns) {
        const isNew = !this.ages.some(
          (one) => one.column === column && one.node === node && one.ticks === turn,
        );
        if (turn > 0 && isNew) this.ages.push({ column, node, ticks: turn });
      }
    }
  }
}
