/** Random trees and queries: every kind of node, names that tempt, depths that stay readable. */
import fc from "fast-check";
import type { Expr, NameRef, Query } from "../../../collector/rql/text/ast.ts";

const NOWHERE = { start: 0, end: 0 };

/** Spans mean nothing here. */
export function withoutPlaces(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(withoutPlaces);
  if (tree === null || typeof tree !== "object") return tree;
  const kept = Object.entries(tree).filter(([key]) => key !== "at" && key !== "nameAt");
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutPlaces(value)]));
}

const TEMPTING = [
  ...["v", "w", "x", "l", "a b", "größe", "`", "``x", "__proto__", "constructor", "toString", "n1"],
  ...["select", "IN", "first", "OUT", "TIME", "count", "is", "then", "for", "1a", "a.b", "\n", "𝒳"],
];
const name = fc.oneof(
  fc.constantFrom(...TEMPTING),
  fc.string({ minLength: 1, maxLength: 6, unit: "binary" }),
);
const nameRef: fc.Arbitrary<NameRef> = name.map((one) => ({ name: one, at: NOWHERE }));
const text = fc.string({ maxLength: 8, unit: "binary" });
const amount = fc.oneof(
  fc.nat(),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
);
const duration = fc.record({
  type: fc.constant("duration" as const),
  amount,
  unit: fc.constantFrom("us", "ms", "s", "m", "h", "d"),
  at: fc.constant(NOWHERE),
});
const functionName = fc.constantFrom("Max", "count", "Nodes", "Foo1", "größe");

function node<T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Expr> {
  return fc.record({ ...shape, at: fc.constant(NOWHERE) }) as unknown as fc.Arbitrary<Expr>;
}
const is = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);

const leaf = fc.oneof(
  node({ type: is("number"), value: amount }),
  node({ type: is("string"), value: text }),
  duration as fc.Arbitrary<Expr>,
  node({ type: is("time"), text }),
  node({ type: is("boolean"), value: fc.boolean() }),
  node({ type: is("null") }),
);

/** Any tree that the grammar can make, to some depth. */
export const anyExpr: fc.Arbitrary<Expr> = fc.letrec<{ expr: Expr }>((tie) => ({
  expr: fc.oneof(
    // Leaves first: they are what is left at the greatest depth.
    { maxDepth: 4, depthSize: "max", withCrossShrink: true },
    { weight: 3, arbitrary: node({ type: is("name"), name }) },
    { weight: 2, arbitrary: leaf },
    { weight: 12, arbitrary: composed(tie("expr")) },
  ),
})).expr;

function composed(expr: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> {
  const pair = { left: expr, right: expr };
  const list = fc.array(expr, { maxLength: 3 });
  const op = <T extends string>(...ops: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...ops);
  const field = fc
    .record({ object: expr, field: name, aside: fc.boolean() })
    .map((one) => ({ ...one, aside: one.aside && one.object.type === "name" }));
  const index = fc.record({ object: expr, index: expr, aside: fc.boolean() }).map((one) => {
    const mayStandAside = ["name", "field", "call"].includes(one.object.type);
    return { ...one, aside: one.aside && mayStandAside };
  });
  return fc.oneof(
    field.map((one): Expr => ({ type: "field", ...one, at: NOWHERE })),
    index.map((one): Expr => ({ type: "index", ...one, at: NOWHERE })),
    node({ type: is("negate"), operand: expr }),
    node({ type: is("not"), operand: expr }),
    node({ type: is("arithmetic"), op: op("+", "-", "*", "/", "%"), ...pair }),
    node({ type: is("setop"), op: op("UNION", "INTERSECT", "\\"), ...pair }),
    node({
      type: is("compare"),
      op: op("=", "!=", "<", "<=", ">", ">=", "IN", "NOTIN", "ISSUBSET", "ISPROPSUBSET"),
      ...pair,
    }),
    node({ type: is("is"), operand: expr, what: op("NULL", "UNKNOWN"), negated: fc.boolean() }),
    node({
      type: is("logical"),
      op: op("AND", "OR"),
      operands: fc.array(expr, { minLength: 2, maxLength: 4 }),
    }),
    node({
      type: is("choice"),
      condition: expr,
      whenTrue: expr,
      whenFalse: fc.option(expr, { nil: undefined }),
    }),
    node({ type: is("call"), name: functionName, nameAt: is(NOWHERE), args: list }),
    node({ type: is("set"), members: list }),
    node({ type: is("filter"), variable: nameRef, source: expr, body: expr }),
    node({
      type: is("quantifier"),
      kind: op("EXISTS", "FORALL", "FOREACH"),
      bindings: fc.array(
        fc.record({
          variables: fc.array(nameRef, { minLength: 1, maxLength: 2 }),
          source: expr,
          at: is(NOWHERE),
        }),
        { minLength: 1, maxLength: 2 },
      ),
      body: expr,
    }),
    node({
      type: is("declare"),
      scope: op("VAR", "GLOBAL", "OUT"),
      target: nameRef,
      value: fc.option(expr, { nil: undefined }),
    }),
    node({ type: is("assign"), target: nameRef, value: expr }),
  );
}

const window = fc.oneof(
  fc.record({ kind: is("for-at-least" as const), expr: is(undefined), duration, at: is(NOWHERE) }),
  fc.record({
    kind: fc.constantFrom("then" as const, "not-followed-by" as const),
    expr: anyExpr,
    duration,
    at: is(NOWHERE),
  }),
);

const item = fc.oneof(
  is({ star: true as const, at: NOWHERE }),
  fc.record({
    star: is(false as const),
    expr: anyExpr,
    as: fc.option(name, { nil: undefined }),
    at: is(NOWHERE),
  }),
);

/** Any query that the grammar can make. */
export const anyQuery: fc.Arbitrary<Query> = fc.record({
  explain: fc.boolean(),
  items: fc.array(item, { minLength: 1, maxLength: 3 }),
  logs: fc.array(nameRef, { minLength: 1, maxLength: 3 }),
  compute: fc.option(anyExpr, { nil: undefined }),
  when: fc.option(fc.record({ expr: anyExpr, window: fc.option(window, { nil: undefined }) }), {
    nil: undefined,
  }),
  nodes: fc.option(fc.array(nameRef, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  time: fc.option(
    fc.record({ from: anyExpr, to: fc.option(anyExpr, { nil: undefined }), at: is(NOWHERE) }),
    { nil: undefined },
  ),
  groupByService: fc.boolean(),
  eachChange: fc.boolean(),
  take: fc.option(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom("FIRST" as const, "LAST" as const, "LIMIT" as const),
        count: fc.integer({ min: 1, max: 1_000_000 }),
        at: is(NOWHERE),
      }),
      is({ kind: "COUNT" as const, count: 1, at: NOWHERE }),
    ),
    { nil: undefined },
  ),
  at: is(NOWHERE),
});
