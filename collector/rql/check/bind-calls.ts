/** Function calls: how many arguments, which kinds, and what they give. */
import type { CallNode, Expr } from "../text/ast.ts";
import { didYouMean } from "../text/words.ts";
import { NameBinder } from "./bind-names.ts";
import { type Bound, constantNode } from "./bind-scope.ts";
import type { BecameExpr, BoundExpr, PlainFunction } from "./bound.ts";
import { FUNCTION_NAMES, findFunction, type Parameter, type Signature } from "./functions.ts";
import type { Loop } from "./names.ts";
import {
  ANY,
  describeType,
  isCollectionType,
  NUMBER,
  STRING,
  scalar,
  setOf,
  TRUTH,
  type Type,
} from "./types.ts";

export abstract class CallBinder extends NameBinder {
  protected bindCall(node: CallNode): Bound {
    const found = findFunction(node.name);
    if (found === undefined) {
      const message = `there is no function "${node.name}"`;
      const hint = didYouMean(node.name, FUNCTION_NAMES);
      return this.refuse("unknown-function", message, node.nameAt, hint);
    }
    this.countArguments(node, found);
    switch (found.name) {
      case "Now":
      case "HLCFromPT":
        return this.refuse(
          "only-in-on-time",
          `${found.name} stands in ON TIME only`,
          node.at,
          "a time is written TIME '2026-11-21T16:00:00Z'",
        );
      case "Changed":
      case "Previous":
      case "Age":
        return this.overTime(node, found.name);
      case "Became":
        return this.became(node);
      case "NodeOf":
      case "SameNode":
        return this.nodesOfLoops(node, found.name);
      case "Node":
        return this.nodeFunction(node);
      default:
        return this.plain(node, found.name, found);
    }
  }

  protected countArguments({ args, at }: CallNode, { name, usage, least, most }: Signature): void {
    if (args.length >= least && args.length <= most) return;
    const many = args.length === 1 ? "1 argument" : `${args.length} arguments`;
    this.refuse("wrong-arguments", `${name} was given ${many}`, at, `write ${usage}`);
  }

  protected overTime({ args, at }: CallNode, name: "Changed" | "Previous" | "Age"): Bound {
    const argument = args[0] as Expr;
    const { expr } = this.bindAge(argument);
    const isVariable = expr.type === "variable" || (expr.type === "at-node" && name !== "Previous");
    if (!isVariable || expr.aspect !== "value") {
      const usage =
        name === "Previous" ? 'Previous(v), Previous(v)["n1"]' : `${name}(v), ${name}(v["n1"])`;
      const message = `${name} takes a variable`;
      return this.refuse("wrong-arguments", message, argument.at, `write ${usage}`);
    }
    const { column } = expr;
    const node = expr.type === "at-node" ? expr.node : undefined;
    const known = node === undefined ? undefined : constantNode(node);
    if (name === "Changed") {
      this.changes.push({ column, node: known });
      return { expr: { type: "changed", column, node, at }, type: TRUTH };
    }
    const aspect = name === "Age" ? "age" : "previous";
    const ages = name === "Age" ? { ages: [{ column, node: known }] } : {};
    const of = name === "Age" ? "duration" : "json";
    if (node !== undefined) {
      return {
        expr: { type: "at-node", aspect, column, node, at },
        type: { ...scalar(of), ...ages },
      };
    }
    return {
      expr: { type: "variable", aspect, column, at },
      type: { shape: "multiset", of, ...ages },
    };
  }

  protected became({ args, at }: CallNode): Bound {
    const before = this.insideBecame;
    this.insideBecame = true;
    const condition = this.names.withoutLoops(() => this.truth(args[0] as Expr));
    this.insideBecame = before;
    const expr: BecameExpr = { type: "became", slot: this.becames.length, condition, at };
    this.becames.push(expr);
    return { expr, type: TRUTH };
  }

  protected nodesOfLoops({ args, at }: CallNode, name: "NodeOf" | "SameNode"): Bound {
    const [first = 0, second = 0] = args.map((argument) => this.loopOverNodes(argument, name).slot);
    return name === "NodeOf"
      ? { expr: { type: "node-of", slot: first, at }, type: STRING }
      : { expr: { type: "same-node", slots: [first, second], at }, type: TRUTH };
  }

  protected loopOverNodes(argument: Expr, name: string): Loop {
    const loop = argument.type === "name" ? this.names.loop(argument.name) : undefined;
    if (loop !== undefined) this.bindLoop(loop, argument.at);
    if (loop?.isOfMultiset) return loop;
    const message = `${name} takes a loop variable over a variable's values`;
    const hint = "EXISTS p, q IN role : (.. SameNode(p, q) ..); the members of a set have no node";
    return this.refuse("not-a-loop-variable", message, argument.at, hint);
  }

  protected nodeFunction({ args, at }: CallNode): Bound {
    const argument = args[0] as Expr;
    const isLoop = argument.type === "name" && this.names.loop(argument.name) !== undefined;
    if (isLoop) {
      const { slot } = this.loopOverNodes(argument, "Node");
      return { expr: { type: "holders", slot, at }, type: setOf("string") };
    }
    const bound = this.bindAge(argument);
    if (bound.type.shape !== "multiset") {
      const hint = "write Node(v), or Node(x) of a loop variable over v";
      return this.refuse("wrong-arguments", "Node takes a variable", argument.at, hint);
    }
    return { expr: { type: "call", name: "Node", args: [bound.expr], at }, type: setOf("string") };
  }

  protected plain(node: CallNode, name: PlainFunction, { parameters, usage }: Signature): Bound {
    const mayAge = name === "Max" || name === "Min" || name === "Count";
    const args = node.args.map((argument, index) => {
      const bound = mayAge ? this.bindAge(argument) : this.bind(argument);
      const parameter = parameters[Math.min(index, parameters.length - 1)] ?? "scalar";
      this.fits(argument, bound.type, parameter, usage);
      return bound;
    });
    if (name === "InFlight") this.usesMessages = true;
    if (name === "Status") this.usesStatus = true;
    const types = args.map(({ type }) => type);
    const expr: BoundExpr = {
      type: "call",
      name,
      args: args.map((one) => one.expr),
      at: node.at,
    };
    return { expr, type: typeOfCall(name, types) };
  }

  protected fits(argument: Expr, type: Type, parameter: Parameter, usage: string): void {
    const isWrong =
      parameter === "collection"
        ? type.shape === "scalar"
        : parameter === "scalar" && isCollectionType(type);
    if (!isWrong) return;
    const hint = `write ${usage}`;
    this.refuse("wrong-arguments", `this is ${describeType(type)}`, argument.at, hint);
  }
}

function typeOfCall(name: PlainFunction, types: readonly Type[]): Type {
  const [first = ANY] = types;
  switch (name) {
    case "Cardinality":
      return types.length > 1 ? setOf("number") : NUMBER;
    case "Max":
    case "Min": {
      const kinds = new Set(types.map(({ of }) => of));
      const of = kinds.size === 1 ? first.of : "json";
      const ages = types.flatMap((type) => type.ages ?? []);
      return ages.length === 0 ? scalar(of) : { ...scalar("duration"), ages };
    }
    case "Flatten":
      return { shape: first.shape, of: "json" };
    case "Abs":
    case "Ceil":
    case "Floor":
    case "Sin":
    case "Cos":
    case "Tan":
      return { shape: first.shape, of: "number" };
    case "Subset":
      return setOf("set");
    case "Node":
    case "Nodes":
      return setOf("string");
    case "Service":
    case "Status":
      return STRING;
    default:
      return NUMBER;
  }
}
