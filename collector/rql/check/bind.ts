/**
 * Gives every expression a meaning: names become columns and slots, functions are found, kinds are
 * checked where they are known before anything runs. `bind` returns the checked tree and its type.
 *
 * A binder is for one query. Where an expression stands (`part`) decides what may be in it.
 */
import type { Refuse } from "../errors.ts";
import { TEXT_LIMITS } from "../limits.ts";
import type {
  AssignNode,
  Binding,
  CallNode,
  CompareNode,
  DeclareNode,
  Expr,
  FieldNode,
  IndexNode,
  NameRef,
} from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import { didYouMean, namesNearestFirst, nearWords } from "../text/words.ts";
import { DurationValue } from "../values/datum.ts";
import type { AgeThreshold, BecameExpr, BoundExpr, ChangedUse, PlainFunction } from "./bound.ts";
import { constantOf, ticksOf, timeOf } from "./constants.ts";
import { FUNCTION_NAMES, findFunction, type Parameter, type Signature } from "./functions.ts";
import type { Loop, Names, Variables, Warn } from "./names.ts";
import { Refusals } from "./refusals.ts";
import { resultOf } from "./results.ts";
import type { CheckOptions } from "./schema.ts";
import {
  ANY,
  describeType,
  isCollectionType,
  JSON_SCALAR,
  join,
  mayBeTruth,
  memberOf,
  NUMBER,
  STRING,
  scalar,
  setOf,
  TIME,
  TRUTH,
  type Type,
} from "./types.ts";

export interface Bound {
  readonly expr: BoundExpr;
  readonly type: Type;
}

export type Part = "select" | "compute" | "condition";

export class Binder {
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
  readonly #refuse: Refuse;
  readonly #warn: Warn;
  readonly #options: CheckOptions;
  readonly #say: Refusals;
  readonly #nodes: ReadonlySet<string>;
  #insideBecame = false;

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
    this.#options = options;
    this.#refuse = refuse;
    this.#warn = warn;
    this.#nodes = new Set(options.schema.nodes);
    this.#say = new Refusals(text, refuse, options.schema.nodes);
  }

  /** Binds; an Age is refused. */
  bind(node: Expr): Bound {
    const bound = this.bindAge(node);
    if (bound.type.ages !== undefined) {
      this.#refuse(
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
    if (!mayBeTruth(type)) this.#say.notATruth(node, type);
    return expr;
  }

  /** Binds where an Age may stand. */
  bindAge(node: Expr): Bound {
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
        const value = timeOf(node.text, this.#options.now, at, this.#refuse);
        return { expr: { type: "constant", value, at }, type: TIME };
      }
      case "name":
        return this.#name(node);
      case "field":
        return this.#field(node);
      case "index":
        return this.#index(node);
      case "negate": {
        const operand = this.bind(node.operand);
        if (isCollectionType(operand.type)) this.#say.perNode(node.operand, operand.type, `-`);
        const of = operand.type.of === "duration" ? "duration" : "number";
        return { expr: { type: "negate", operand: operand.expr, at }, type: scalar(of) };
      }
      case "not":
        return { expr: { type: "not", operand: this.truth(node.operand), at }, type: TRUTH };
      case "arithmetic": {
        const left = this.bind(node.left);
        const right = this.bind(node.right);
        if (isCollectionType(left.type)) this.#say.operand(node.left, left.type, node, "left");
        if (isCollectionType(right.type)) this.#say.operand(node.right, right.type, node, "right");
        const type = resultOf(node.op, left.type, right.type);
        const { op } = node;
        return { expr: { type: "arithmetic", op, left: left.expr, right: right.expr, at }, type };
      }
      case "setop": {
        const left = this.#set(node.left, node.op);
        const right = this.#set(node.right, node.op);
        const of = left.type.of === right.type.of ? left.type.of : "json";
        const type = setOf(of);
        const { op } = node;
        return { expr: { type: "setop", op, left: left.expr, right: right.expr, at }, type };
      }
      case "compare":
        return this.#compare(node);
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
        return this.#call(node);
      case "set": {
        const members = node.members.map((member) => {
          const bound = this.bind(member);
          if (bound.type.shape === "multiset") this.#say.member(member);
          return bound;
        });
        const type = members.map((member) => member.type).reduce<Type | undefined>(join, undefined);
        const of = type === undefined ? "json" : type.shape === "set" ? "set" : type.of;
        const isMixed = type?.shape === "any";
        const expr: BoundExpr = { type: "set", members: members.map((one) => one.expr), at };
        return { expr, type: setOf(isMixed ? "json" : of) };
      }
      case "filter": {
        const source = this.#source(node.source);
        const [slot] = this.#loops([node.variable], source);
        const body = this.truth(node.body);
        this.names.pop(1);
        const { type } = source;
        return { expr: { type: "filter", slot: slot ?? 0, source: source.expr, body, at }, type };
      }
      case "quantifier": {
        const loops = node.bindings.flatMap((binding) => this.#binding(binding));
        const body = this.truth(node.body);
        this.names.pop(loops.length);
        return { expr: { type: "quantifier", kind: node.kind, loops, body, at }, type: TRUTH };
      }
      case "declare":
        return this.#declare(node);
      case "assign":
        return this.#assign(node);
    }
  }

  // ---- names

  #name(node: { readonly name: string; readonly at: Span }): Bound {
    const { name, at } = node;
    const loop = this.names.loop(name);
    if (loop !== undefined) return this.#loop(loop, at);
    const declared = this.names.declared.get(name);
    if (declared !== undefined) {
      return { expr: { type: "declared", slot: declared.slot, at }, type: declared.type };
    }
    return this.#variable(this.#logOf(name, at), name, at);
  }

  #loop(loop: Loop, at: Span): Bound {
    if (this.names.isOutOfReach(loop)) {
      this.#refuse(
        "misplaced-became",
        `Became cannot look at the loop variable ${loop.name}`,
        at,
        'what it was at the cut before is kept once: write Became(v["n1"] = ..), or Became(EXISTS ..)',
      );
    }
    return { expr: { type: "loop", slot: loop.slot, at }, type: loop.type };
  }

  /** The one FROM log that has it; undefined if none has. */
  #logOf(key: string, at: Span): string | undefined {
    const logs = this.variables.logsWith(key);
    if (logs.length > 1) {
      const hint = `write ${logs.map((log) => `${log}.${key}`).join(" or ")}`;
      this.#refuse("ambiguous-name", `${logs.join(" and ")} have a variable "${key}"`, at, hint);
    }
    const [only] = this.variables.logs;
    return logs[0] ?? (this.variables.logs.length === 1 ? only : undefined);
  }

  #variable(log: string | undefined, key: string, at: Span): Bound {
    const column = this.variables.column(log, key, at);
    this.columnsOf[this.part].add(column);
    const type: Type = { shape: "multiset", of: "json" };
    return { expr: { type: "variable", aspect: "value", column, at }, type };
  }

  #field({ object, field, aside, at }: FieldNode): Bound {
    if (object.type === "name" && !aside && this.variables.isLog(object.name)) {
      const log = object.name;
      const isLoop = this.names.loop(log) !== undefined;
      const isOther =
        isLoop || this.names.declared.has(log) || this.variables.logsWith(log).length > 0;
      const isKnown = this.variables.has(log, field);
      if (isKnown && isOther) {
        const hint = `(${log}).${field} is the field of ${log}`;
        const message = `${log}.${field} is read as the variable of log ${log}`;
        this.#warn("log-before-field", message, at, { hint });
      }
      if (isKnown || !isOther) return this.#variable(log, field, at);
    }
    const bound = this.bind(object);
    const expr: BoundExpr = { type: "field", object: bound.expr, field, at };
    return { expr, type: partOf(bound.type) };
  }

  #index({ object, index, aside, at }: IndexNode): Bound {
    const bound = this.bindAge(object);
    const bindIndex = this.bind(index);
    if (isCollectionType(bindIndex.type)) {
      const hint = "an index is a node's id, a field's name, or a position from 0";
      this.#refuse("wrong-kind", `this is ${describeType(bindIndex.type)}`, index.at, hint);
    }
    if (bound.expr.type === "variable" && !aside) {
      const { aspect, column } = bound.expr;
      const node = this.#nodeIndex(index, bindIndex.expr);
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
  #nodeIndex(index: Expr, expr: BoundExpr): BoundExpr {
    if (expr.type !== "constant") return expr;
    const { value, at } = expr;
    const node = typeof value === "number" ? String(value) : value;
    if (typeof node !== "string") {
      const hint = 'nodes are named by strings: v["n1"]';
      return this.#refuse("wrong-kind", "this is no node's id", index.at, hint);
    }
    this.warnUnknownNode(node, at);
    return { type: "constant", value: node, at };
  }

  warnUnknownNode(node: string, at: Span): void {
    if (this.#nodes.has(node)) return;
    const names = namesNearestFirst(node, this.#nodes);
    const [near] = nearWords(node, this.#nodes);
    const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
    const message = `no node "${node}" is known; its values count as absent`;
    this.#warn("unknown-node", message, at, { names, ...hint });
  }

  // ---- loops

  #binding({ variables, source }: Binding): { slot: number; source: BoundExpr }[] {
    const bound = this.#source(source);
    return this.#loops(variables, bound).map((slot) => ({ slot, source: bound.expr }));
  }

  #loops(variables: readonly NameRef[], { type }: Bound): number[] {
    return variables.map((variable) => {
      const loop = this.names.push(variable, memberOf(type), type.shape === "multiset");
      if (this.names.loops.length > TEXT_LIMITS.loopVariables) {
        const hint = `at most ${TEXT_LIMITS.loopVariables} are bound at one place`;
        this.#refuse("too-many-loop-variables", "too many loop variables", variable.at, hint);
      }
      return loop.slot;
    });
  }

  #source(node: Expr): Bound {
    const bound = this.bindAge(node);
    if (bound.type.shape === "scalar") {
      const hint = "loop variables run over a variable's values or a set";
      this.#refuse("wrong-kind", `this is ${describeType(bound.type)}`, node.at, hint);
    }
    return bound;
  }

  // ---- operators

  #set(node: Expr, op: string): Bound {
    const bound = this.bind(node);
    if (bound.type.shape === "scalar") {
      const hint = `${op} takes sets; a set of one value is written {x}`;
      this.#refuse("wrong-kind", `this is ${describeType(bound.type)}`, node.at, hint);
    }
    return bound;
  }

  #compare(node: CompareNode): Bound {
    const { op, at } = node;
    if (op === "ISSUBSET" || op === "ISPROPSUBSET") {
      const left = this.#set(node.left, op).expr;
      const right = this.#set(node.right, op).expr;
      return { expr: { type: "compare", op, left, right, at }, type: TRUTH };
    }
    if (op === "IN" || op === "NOTIN") {
      const left = this.bind(node.left);
      if (left.type.shape === "multiset") this.#say.operand(node.left, left.type, node, "left");
      const right = this.#set(node.right, op).expr;
      return { expr: { type: "compare", op, left: left.expr, right, at }, type: TRUTH };
    }
    const left = this.bindAge(node.left);
    const right = this.bindAge(node.right);
    const isEquality = op === "=" || op === "!=";
    const mayBeSets = (other: Type): boolean => isEquality && other.shape !== "scalar";
    if (isCollectionType(left.type) && !mayBeSets(right.type)) {
      this.#say.operand(node.left, left.type, node, "left");
    }
    if (isCollectionType(right.type) && !mayBeSets(left.type)) {
      this.#say.operand(node.right, right.type, node, "right");
    }
    this.#ageCompared(node, left.type, right.type);
    return { expr: { type: "compare", op, left: left.expr, right: right.expr, at }, type: TRUTH };
  }

  /** Notes at which ages a comparison may turn; refuses one with anything but a constant. */
  #ageCompared({ op, left, right }: CompareNode, leftType: Type, rightType: Type): void {
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
      this.#refuse("misplaced-age", "an Age is compared with a constant duration", other.at, hint);
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

  // ---- declared names

  #declare({ target, value, scope, at }: DeclareNode): Bound {
    this.#refuseMisplaced(at);
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

  #assign({ target, value, at }: AssignNode): Bound {
    this.#refuseMisplaced(at);
    const declared = this.names.declared.get(target.name);
    if (declared === undefined || this.names.loop(target.name) !== undefined) {
      const { name } = target;
      const isLoop = this.names.loop(name) !== undefined;
      const message = isLoop ? `${name} is a loop variable` : `"${name}" is not declared`;
      const near = didYouMean(name, this.names.declared.keys());
      const hint = near ?? `declare it first: COMPUTE VAR ${name} AND .., or GLOBAL, or OUT`;
      return this.#refuse("undeclared", message, target.at, hint);
    }
    const bound = this.bind(value);
    declared.type = join(declared.type, bound.type);
    const { slot } = declared;
    return { expr: { type: "assign", slot, value: bound.expr, isFirst: false, at }, type: TRUTH };
  }

  #refuseMisplaced(at: Span): void {
    if (this.part === "select" || this.#insideBecame) {
      const where = this.#insideBecame ? "inside Became" : "among the columns";
      const hint = "assignments stand in COMPUTE";
      this.#refuse("misplaced-assignment", `nothing is assigned ${where}`, at, hint);
    }
    if (this.part !== "compute" || this.names.loops.length > 0) this.wanderingAssignment ??= at;
  }

  // ---- functions

  #call(node: CallNode): Bound {
    const found = findFunction(node.name);
    if (found === undefined) {
      const message = `there is no function "${node.name}"`;
      const hint = didYouMean(node.name, FUNCTION_NAMES);
      return this.#refuse("unknown-function", message, node.nameAt, hint);
    }
    this.#countArguments(node, found);
    switch (found.name) {
      case "Now":
      case "HLCFromPT":
        return this.#refuse(
          "only-in-on-time",
          `${found.name} stands in ON TIME only`,
          node.at,
          "a time is written TIME '2026-11-21T16:00:00Z'",
        );
      case "Changed":
      case "Previous":
      case "Age":
        return this.#overTime(node, found.name);
      case "Became":
        return this.#became(node);
      case "NodeOf":
      case "SameNode":
        return this.#nodesOfLoops(node, found.name);
      case "Node":
        return this.#nodeFunction(node);
      default:
        return this.#plain(node, found.name, found);
    }
  }

  #countArguments({ args, at }: CallNode, { name, usage, least, most }: Signature): void {
    if (args.length >= least && args.length <= most) return;
    const many = args.length === 1 ? "1 argument" : `${args.length} arguments`;
    this.#refuse("wrong-arguments", `${name} was given ${many}`, at, `write ${usage}`);
  }

  #overTime({ args, at }: CallNode, name: "Changed" | "Previous" | "Age"): Bound {
    const argument = args[0] as Expr;
    const { expr } = this.bindAge(argument);
    const isVariable = expr.type === "variable" || (expr.type === "at-node" && name !== "Previous");
    if (!isVariable || expr.aspect !== "value") {
      const usage =
        name === "Previous" ? 'Previous(v), Previous(v)["n1"]' : `${name}(v), ${name}(v["n1"])`;
      const message = `${name} takes a variable`;
      return this.#refuse("wrong-arguments", message, argument.at, `write ${usage}`);
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

  #became({ args, at }: CallNode): Bound {
    const before = this.#insideBecame;
    this.#insideBecame = true;
    const condition = this.names.withoutLoops(() => this.truth(args[0] as Expr));
    this.#insideBecame = before;
    const expr: BecameExpr = { type: "became", slot: this.becames.length, condition, at };
    this.becames.push(expr);
    return { expr, type: TRUTH };
  }

  #nodesOfLoops({ args, at }: CallNode, name: "NodeOf" | "SameNode"): Bound {
    const [first = 0, second = 0] = args.map(
      (argument) => this.#loopOverNodes(argument, name).slot,
    );
    return name === "NodeOf"
      ? { expr: { type: "node-of", slot: first, at }, type: STRING }
      : { expr: { type: "same-node", slots: [first, second], at }, type: TRUTH };
  }

  #loopOverNodes(argument: Expr, name: string): Loop {
    const loop = argument.type === "name" ? this.names.loop(argument.name) : undefined;
    if (loop !== undefined) this.#loop(loop, argument.at);
    if (loop?.isOfMultiset) return loop;
    const message = `${name} takes a loop variable over a variable's values`;
    const hint = "EXISTS p, q IN role : (.. SameNode(p, q) ..); the members of a set have no node";
    return this.#refuse("not-a-loop-variable", message, argument.at, hint);
  }

  #nodeFunction({ args, at }: CallNode): Bound {
    const argument = args[0] as Expr;
    const isLoop = argument.type === "name" && this.names.loop(argument.name) !== undefined;
    if (isLoop) {
      const { slot } = this.#loopOverNodes(argument, "Node");
      return { expr: { type: "holders", slot, at }, type: setOf("string") };
    }
    const bound = this.bindAge(argument);
    if (bound.type.shape !== "multiset") {
      const hint = "write Node(v), or Node(x) of a loop variable over v";
      return this.#refuse("wrong-arguments", "Node takes a variable", argument.at, hint);
    }
    return { expr: { type: "call", name: "Node", args: [bound.expr], at }, type: setOf("string") };
  }

  #plain(node: CallNode, name: PlainFunction, { parameters, usage }: Signature): Bound {
    const mayAge = name === "Max" || name === "Min" || name === "Count";
    const args = node.args.map((argument, index) => {
      const bound = mayAge ? this.bindAge(argument) : this.bind(argument);
      const parameter = parameters[Math.min(index, parameters.length - 1)] ?? "scalar";
      this.#fits(argument, bound.type, parameter, usage);
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

  #fits(argument: Expr, type: Type, parameter: Parameter, usage: string): void {
    const isWrong =
      parameter === "collection"
        ? type.shape === "scalar"
        : parameter === "scalar" && isCollectionType(type);
    if (!isWrong) return;
    const hint = `write ${usage}`;
    this.#refuse("wrong-arguments", `this is ${describeType(type)}`, argument.at, hint);
  }
}

/** A node's id that is written out. */
function constantNode(node: BoundExpr): string | undefined {
  return node.type === "constant" && typeof node.value === "string" ? node.value : undefined;
}

/** A field or an element: of a multiset again one value per node. */
function partOf(type: Type): Type {
  if (type.shape === "multiset" || type.shape === "set") return { shape: type.shape, of: "json" };
  return type.shape === "any" ? ANY : JSON_SCALAR;
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
