/**
 * What an expression is at a cut, computed anew each time: the meaning of the language, kept plain.
 * It is the fall-back that runs anything, and the oracle that faster modes are compared with.
 *
 * Nothing here throws for what a history holds: what has no answer is unknown, with a warning where
 * the text is to blame. Only a spent budget and a GLOBAL beyond its bound end a run.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type {
  AssignExpr,
  AtNodeExpr,
  BecameExpr,
  BoundExpr,
  CallExpr,
  CheckedQuery,
  CompareExpr,
  FilterExpr,
  LogicalExpr,
  QuantifierExpr,
  SetOpExpr,
  VariableExpr,
} from "../check/bound.ts";
import { arithmetic, Fault, negate } from "../values/arithmetic.ts";
import {
  ABSENT,
  asSet,
  compareOrdered,
  type Datum,
  elementOf,
  fieldOf,
  isCollection,
  isEqual,
  type Known,
  LOST,
  Multiset,
  type Pair,
  SetDatum,
  type Truth,
  UNDEFINED,
  Unknown,
  valuesOf,
} from "../values/datum.ts";
import { and, eitherReason, not, or } from "../values/kleene.ts";
import type { ChangeTracker } from "./change-tracker.ts";
import type { CutState } from "./cut-sequence.ts";
import { applyFunction, FunctionFailed } from "./functions.ts";
import { jsonBytes } from "./output.ts";
import { type RunContext, RunFailed } from "./run-context.ts";

/** A loop variable while its body runs. */
interface Looped {
  readonly value: Known;
  /** Of the pair, where it has one. */
  readonly node: string | undefined;
  readonly source: SetDatum | Multiset;
}

export class Evaluator {
  readonly #query: CheckedQuery;
  readonly #tracker: ChangeTracker;
  readonly #context: RunContext;
  readonly #loops: Looped[] = [];
  /** Declared names by slot. GLOBALs keep theirs from cut to cut. */
  readonly #declared: Datum[];
  /** What each Became condition was at the cut before; then, once met, what it is at this one. */
  readonly #became: (Truth | undefined)[];
  #becameNow: (Truth | undefined)[] = [];
  #state: CutState | undefined;
  #t: Hlc = 0 as Hlc;
  #isStart = true;

  constructor(query: CheckedQuery, tracker: ChangeTracker, context: RunContext) {
    this.#query = query;
    this.#tracker = tracker;
    this.#context = context;
    this.#declared = query.names.map(({ start }) => start);
    this.#became = query.becames.map(() => undefined);
  }

  /** Turns to the cut at `t`: VARs start afresh, and COMPUTE runs. */
  begin(state: CutState, t: Hlc, isStart: boolean): void {
    this.#state = state;
    this.#t = t;
    this.#isStart = isStart;
    this.#context.step();
    this.#query.names.forEach(({ scope, start }, slot) => {
      if (scope !== "GLOBAL") this.#declared[slot] = start;
    });
    this.#becameNow = this.#became.map(() => undefined);
    if (this.#query.compute !== undefined) this.truth(this.#query.compute);
  }

  /**
   * Leaves the cut: Became conditions that nothing met are looked at, so that the next cut knows.
   * Whether one turned true here, so that the tick after it is a cut.
   */
  end(): boolean {
    let hasTurned = false;
    for (const became of this.#query.becames) {
      if (this.#becameOf(became) === true) hasTurned = true;
    }
    this.#becameNow.forEach((truth, slot) => {
      this.#became[slot] = truth;
    });
    return hasTurned;
  }

  /** The value of an expression in the place of a truth. */
  truth(expr: BoundExpr): Truth {
    const datum = this.evaluate(expr);
    if (typeof datum === "boolean" || datum instanceof Unknown) return datum;
    if (typeof datum === "number") return datum !== 0;
    if (datum !== null) this.#context.warn("not-a-truth-value", expr.at);
    return UNDEFINED;
  }

  evaluate(expr: BoundExpr): Datum {
    switch (expr.type) {
      case "constant":
        return expr.value;
      case "variable":
        return this.#variable(expr);
      case "at-node":
        return this.#atNode(expr);
      case "changed":
        return this.#changed(expr.column, expr.node);
      case "became":
        return this.#becameOf(expr);
      case "loop":
        return this.#loop(expr.slot).value;
      case "node-of":
        return this.#loop(expr.slot).node ?? UNDEFINED;
      case "same-node": {
        const [a, b] = expr.slots;
        return this.#loop(a).node === this.#loop(b).node;
      }
      case "holders":
        return this.#holders(expr.slot);
      case "declared":
        return this.#declared[expr.slot] ?? UNDEFINED;
      case "field":
        return this.#part(this.evaluate(expr.object), (value) => fieldOf(value, expr.field));
      case "element": {
        const object = this.evaluate(expr.object);
        const index = this.evaluate(expr.index);
        if (index instanceof Unknown) return index;
        return this.#part(object, (value) =>
          typeof index === "number"
            ? elementOf(value, index)
            : typeof index === "string"
              ? fieldOf(value, index)
              : undefined,
        );
      }
      case "negate":
        return this.#arithmetic(expr, (a) => negate(a), this.evaluate(expr.operand));
      case "not":
        return not(this.truth(expr.operand));
      case "arithmetic": {
        const left = this.evaluate(expr.left);
        const right = this.evaluate(expr.right);
        return this.#arithmetic(expr, (a, b) => arithmetic(expr.op, a, b), left, right);
      }
      case "setop":
        return this.#setOp(expr);
      case "compare":
        return this.#compare(expr);
      case "is": {
        const operand = this.evaluate(expr.operand);
        const is = expr.what === "NULL" ? operand === null : operand instanceof Unknown;
        return is !== expr.negated;
      }
      case "logical":
        return this.#logical(expr);
      case "choice": {
        const condition = this.truth(expr.condition);
        if (condition instanceof Unknown) return condition;
        if (condition) return this.evaluate(expr.whenTrue);
        return expr.whenFalse === undefined ? true : this.evaluate(expr.whenFalse);
      }
      case "call":
        return this.#call(expr);
      case "set":
        return this.#set(expr.members);
      case "filter":
        return this.#filter(expr);
      case "quantifier":
        return this.#quantifier(expr);
      case "assign":
        return this.#assign(expr);
      case "nothing":
        return true;
    }
  }

  // ---- variables and time

  #variable({ aspect, column }: VariableExpr): Multiset {
    const tracker = this.#tracker;
    if (aspect === "value") return tracker.multiset((node) => tracker.value(column, node));
    if (aspect === "previous") return tracker.multiset((node) => tracker.previous(column, node));
    return tracker.multiset((node) => tracker.age(column, node, this.#t));
  }

  #atNode({ aspect, column, node, at }: AtNodeExpr): Datum {
    const id = this.#nodeId(this.evaluate(node), at);
    if (id instanceof Unknown) return id;
    if (aspect === "value") return this.#tracker.value(column, id);
    if (aspect === "previous") return this.#tracker.previous(column, id);
    return this.#tracker.age(column, id, this.#t);
  }

  #nodeId(index: Datum, at: BoundExpr["at"]): string | Unknown {
    if (typeof index === "string" || index instanceof Unknown) return index;
    if (typeof index === "number") return String(index);
    this.#context.warn("kinds-differ", at);
    return UNDEFINED;
  }

  #changed(column: number, node: BoundExpr | undefined): Truth {
    if (node === undefined) {
      const { hasHole } = this.#tracker.multiset((id) => this.#tracker.value(column, id));
      return hasHole ? LOST : this.#tracker.changedAnywhere(column);
    }
    const id = this.#nodeId(this.evaluate(node), node.at);
    return id instanceof Unknown ? id : this.#tracker.changed(column, id);
  }

  /** False at the start of the range; unknown while the condition is. */
  #becameOf({ slot, condition }: BecameExpr): Truth {
    const now = this.#becameNow[slot] ?? this.truth(condition);
    this.#becameNow[slot] = now;
    if (this.#isStart || now === false) return false;
    return now === true ? this.#became[slot] !== true : now;
  }

  // ---- loops

  #loop(slot: number): Looped {
    return this.#loops[slot] as Looped;
  }

  /** Nodes of the loop's source that hold a value equal to the loop variable's. */
  #holders(slot: number): Datum {
    const { value, source } = this.#loop(slot);
    if (source instanceof SetDatum) return UNDEFINED;
    if (source.hasHole) return LOST;
    return SetDatum.of(
      source.pairs.filter((pair) => isEqual(pair.value, value)).map(({ node }) => node),
    );
  }

  #quantifier({ kind, loops, body }: QuantifierExpr): Truth {
    const isExists = kind === "EXISTS";
    const join = isExists ? or : and;
    // FOREACH runs its body for every member, whatever it says.
    const decides = kind === "FOREACH" ? undefined : isExists;
    const visit = (depth: number): Truth => {
      const loop = loops[depth];
      if (loop === undefined) {
        this.#context.step();
        return this.truth(body);
      }
      const source = this.#collection(loop.source);
      if (source instanceof Unknown) return source;
      let result: Truth = source instanceof Multiset && source.hasHole ? LOST : !isExists;
      for (const looped of loopedOver(source)) {
        this.#loops[loop.slot] = looped;
        result = join(result, visit(depth + 1));
        if (result === decides) return result;
      }
      return result;
    };
    return visit(0);
  }

  /** Members for which the body is true. Where something lost decides, the result has a hole. */
  #filter({ slot, source, body }: FilterExpr): Datum {
    const collection = this.#collection(source);
    if (collection instanceof Unknown) return collection;
    const kept: Looped[] = [];
    const undecided: string[] = [];
    let isUndecided = false;
    for (const looped of loopedOver(collection)) {
      this.#context.step();
      this.#loops[slot] = looped;
      const truth = this.truth(body);
      if (truth === true) kept.push(looped);
      if (!(truth instanceof Unknown) || truth.reason !== "lost") continue;
      isUndecided = true;
      if (looped.node !== undefined) undecided.push(looped.node);
    }
    if (collection instanceof SetDatum) {
      return isUndecided ? LOST : SetDatum.of(kept.map(({ value }) => value));
    }
    const pairs = kept.map(({ value, node }): Pair => ({ value, node: node ?? "" }));
    const lost = [...new Set([...collection.lost, ...undecided])].sort();
    return new Multiset(pairs, lost, collection.isFlat);
  }

  /** What a loop or a set operator runs over. A single value is none. */
  #collection(expr: BoundExpr): SetDatum | Multiset | Unknown {
    const datum = this.evaluate(expr);
    if (isCollection(datum) || datum instanceof Unknown) return datum;
    this.#context.warn("not-a-set", expr.at);
    return UNDEFINED;
  }

  // ---- operators

  #part(object: Datum, of: (value: Known) => Known | undefined): Datum {
    if (object instanceof Unknown) return object;
    if (object instanceof Multiset) {
      const pairs = object.pairs.flatMap(({ node, value }): Pair[] => {
        const found = of(value);
        return found === undefined ? [] : [{ node, value: found }];
      });
      return new Multiset(pairs, object.lost, object.isFlat);
    }
    if (object instanceof SetDatum) {
      return SetDatum.of(object.members.map(of).filter((found) => found !== undefined));
    }
    const found = of(object);
    return found === undefined ? UNDEFINED : found;
  }

  #arithmetic(
    expr: BoundExpr,
    compute: (...operands: [Known, Known]) => Known | Fault,
    ...operands: readonly Datum[]
  ): Datum {
    const unknown = firstUnknown(operands);
    if (unknown !== undefined) return unknown;
    const [a, b] = operands as readonly (Known | Multiset)[];
    if (a instanceof Multiset || b instanceof Multiset) {
      this.#context.warn("not-a-number", expr.at);
      return UNDEFINED;
    }
    const result = compute(a as Known, b as Known);
    if (!(result instanceof Fault)) return result;
    this.#context.warn(result.code, expr.at);
    return UNDEFINED;
  }

  #setOp({ op, left, right }: SetOpExpr): Datum {
    const sets = [this.#collection(left), this.#collection(right)];
    const unknown = firstUnknown(sets);
    if (unknown !== undefined) return unknown;
    const [a, b] = sets.map((one) => (one instanceof Unknown ? SetDatum.empty : asSet(one)));
    if (a === undefined || b === undefined) return UNDEFINED;
    this.#context.step(a.members.length + b.members.length);
    if (op === "UNION") return SetDatum.of([...a.members, ...b.members]);
    return SetDatum.of(a.members.filter((member) => b.has(member) === (op === "INTERSECT")));
  }

  #compare(expr: CompareExpr): Truth {
    const { op } = expr;
    if (op === "IN" || op === "NOTIN") {
      const found = this.#isIn(expr);
      return op === "IN" ? found : not(found);
    }
    if (op === "ISSUBSET" || op === "ISPROPSUBSET") return this.#isWithin(expr);
    const left = this.evaluate(expr.left);
    const right = this.evaluate(expr.right);
    const unknown = firstUnknown([left, right]);
    if (unknown !== undefined) return unknown;
    if (op === "=" || op === "!=") return areEqual(left, right) === (op === "=");
    const order = isCollection(left) || isCollection(right) ? undefined : orderOf(left, right);
    if (order === undefined) {
      this.#context.warn("kinds-differ", expr.at);
      return UNDEFINED;
    }
    return op === "<" ? order < 0 : op === "<=" ? order <= 0 : op === ">" ? order > 0 : order >= 0;
  }

  #isIn({ left, right }: CompareExpr): Truth {
    const member = this.evaluate(left);
    const collection = this.#collection(right);
    if (member instanceof Unknown) return member;
    if (collection instanceof Unknown) return collection;
    if (member instanceof Multiset) {
      this.#context.warn("kinds-differ", left.at);
      return UNDEFINED;
    }
    this.#context.step(valuesOf(collection).length);
    if (asSet(collection).has(member)) return true;
    return collection instanceof Multiset && collection.hasHole ? LOST : false;
  }

  #isWithin({ op, left, right }: CompareExpr): Truth {
    const inner = this.#collection(left);
    const outer = this.#collection(right);
    const unknown = firstUnknown([inner, outer]);
    if (unknown !== undefined) return unknown;
    if (inner instanceof Unknown || outer instanceof Unknown) return UNDEFINED;
    const [a, b] = [asSet(inner), asSet(outer)];
    return a.isWithin(b) && (op === "ISSUBSET" || !b.isWithin(a));
  }

  #logical({ op, operands }: LogicalExpr): Truth {
    const isAnd = op === "AND";
    let result: Truth = isAnd;
    for (const operand of operands) {
      const truth = this.truth(operand);
      result = isAnd ? and(result, truth) : or(result, truth);
      if (result === !isAnd) return result;
    }
    return result;
  }

  #set(members: readonly BoundExpr[]): Datum {
    const values: Known[] = [];
    for (const member of members) {
      const value = this.evaluate(member);
      if (value instanceof Unknown) return value;
      if (value instanceof Multiset) {
        this.#context.warn("kinds-differ", member.at);
        return UNDEFINED;
      }
      values.push(value);
    }
    return SetDatum.of(values);
  }

  #assign({ slot, value, isFirst }: AssignExpr): Truth {
    if (isFirst && !this.#isStart) return true;
    const datum = this.evaluate(value);
    const { name, scope } = this.#query.names[slot] as CheckedQuery["names"][number];
    const { globalBytes } = this.#context.limits;
    const mayBeLarge =
      isCollection(datum) || typeof datum === "string" || typeof datum === "object";
    if (scope === "GLOBAL" && mayBeLarge && jsonBytes(datum) > globalBytes) {
      const message = `${name} grew beyond ${globalBytes} bytes`;
      throw new RunFailed("global-too-large", message, "keep less of the past in it");
    }
    this.#declared[slot] = datum;
    return true;
  }

  // ---- functions

  #call(expr: CallExpr): Datum {
    const args = expr.args.map((argument) => this.evaluate(argument));
    const unknown = firstUnknown(args);
    if (unknown !== undefined) return unknown;
    const known = args as readonly (Known | Multiset)[];
    const [first, second] = known;
    switch (expr.name) {
      case "Nodes": {
        const members = [...this.#tracker.nodes].filter(([, { isMember }]) => isMember);
        return SetDatum.of(members.map(([id]) => id));
      }
      case "Service":
      case "Status": {
        const id = this.#nodeId(first as Datum, expr.at);
        if (id instanceof Unknown) return id;
        const node = this.#tracker.nodes.get(id);
        if (node === undefined) return ABSENT;
        return expr.name === "Service" ? node.service : node.status;
      }
      case "InFlight":
        return this.#inFlight(expr, first, second);
      default: {
        const visited = known.reduce<number>(
          (sofar, one) => sofar + (isCollection(one) ? valuesOf(one).length : 0),
          0,
        );
        this.#context.step(visited);
        const result = applyFunction(expr.name, known, this.#context.limits.subsetMembers);
        if (!(result instanceof FunctionFailed)) return result;
        this.#context.warn(result.code, expr.at);
        return UNDEFINED;
      }
    }
  }

  #inFlight(expr: CallExpr, from: Datum | undefined, to: Datum | undefined): Datum {
    const sender = from === undefined ? undefined : this.#nodeId(from, expr.at);
    const receiver = to === undefined ? undefined : this.#nodeId(to, expr.at);
    if (sender instanceof Unknown) return sender;
    if (receiver instanceof Unknown) return receiver;
    const messages = this.#state?.inFlight();
    if (messages === undefined) return LOST;
    const { nodes } = this.#tracker;
    return messages.filter(
      (message) =>
        (sender === undefined || message.from === sender) &&
        (receiver === undefined || message.to === receiver) &&
        (nodes.has(message.from) || (message.to !== null && nodes.has(message.to))),
    ).length;
  }
}

function* loopedOver(source: SetDatum | Multiset): Generator<Looped> {
  if (source instanceof SetDatum) {
    for (const value of source.members) yield { value, node: undefined, source };
  } else {
    for (const { value, node } of source.pairs) yield { value, node, source };
  }
}

/** The unknown that operands make of a result: one of theirs, or that of a hole. */
function firstUnknown(operands: readonly Datum[]): Unknown | undefined {
  let found: Unknown | undefined;
  for (const operand of operands) {
    const isHole = operand instanceof Multiset && operand.hasHole;
    const unknown = isHole ? LOST : operand;
    if (!(unknown instanceof Unknown)) continue;
    found = found === undefined ? unknown : eitherReason(found, unknown);
  }
  return found;
}

/** Collections by their distinct values; a collection and a single value differ by kind. */
function areEqual(a: Datum, b: Datum): boolean {
  if (isCollection(a) && isCollection(b)) {
    const [left, right] = [asSet(a), asSet(b)];
    return left.isWithin(right) && right.isWithin(left);
  }
  if (isCollection(a) || isCollection(b)) return false;
  return isEqual(a as Known, b as Known);
}

function orderOf(a: Datum, b: Datum): number | undefined {
  return compareOrdered(a as Known, b as Known);
}
