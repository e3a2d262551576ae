/**
 * The names that a query declares, and what they are before anything is assigned.
 *
 * They may be used before the place of their declaration (SELECT comes first), so they are collected
 * beforehand. Their kinds follow from what is assigned to them, which may be made of them: the query
 * is bound in rounds until no kind changes (`KIND_ROUNDS` at most; names that depend on each other in
 * the order of the text need one).
 */
import type { Refuse } from "../errors.ts";
import type { DeclareNode, Expr, Query } from "../text/ast.ts";
import { walk } from "../text/walk.ts";
import { type Datum, SetDatum } from "../values/datum.ts";
import type { Declared } from "./names.ts";
import { describeType, OPEN } from "./types.ts";

export const KIND_ROUNDS = 8;

/** Every expression of a query in which something may be assigned, or that is shown. */
export function expressionsOf({ items, compute, when }: Query): Expr[] {
  const shown = items.flatMap((item) => (item.star ? [] : [item.expr]));
  return [...shown, compute, when?.expr, when?.window?.expr].filter((one) => one !== undefined);
}

/** @throws RqlError `declared-twice` */
export function collectDeclared(query: Query, refuse: Refuse): Map<string, Declared> {
  const found = new Map<string, Declared>();
  for (const { scope, target, value } of expressionsOf(query).flatMap(declarationsIn)) {
    const { name, at } = target;
    if (found.has(name)) {
      refuse("declared-twice", `"${name}" is declared twice`, at, "one declaration is enough");
    }
    const hasStart = value !== undefined;
    found.set(name, { name, slot: found.size, scope, at, hasStart, type: OPEN });
  }
  return found;
}

function declarationsIn(expr: Expr): DeclareNode[] {
  return [...walk(expr)].filter((node) => node.type === "declare");
}

/**
 * What a name is before the first assignment: `{}`, 0, "" or false by the kind of what is assigned.
 * @throws RqlError `no-kind`
 */
export function startOf({ name, hasStart, type, at }: Declared, refuse: Refuse): Datum {
  if (type.shape === "set" || type.shape === "multiset") return SetDatum.empty;
  if (type.shape === "scalar" && type.of === "number") return 0;
  if (type.shape === "scalar" && type.of === "string") return "";
  if (type.shape === "scalar" && type.of === "boolean") return false;
  // With a first value the name is never seen before it, but where a quantifier or AND skips it.
  if (hasStart) return null;
  const why = type.isOpen
    ? "nothing is assigned to it"
    : type.of === "json" || type.shape === "any"
      ? "what is assigned to it may be of any kind"
      : `${describeType(type)} has no empty form`;
  const hint = `give it a first value: VAR ${name} := 0`;
  return refuse("no-kind", `nobody can tell what "${name}" is at first: ${why}`, at, hint);
}
