/** Random conditions and queries over `v` and `w` of log `l`, for comparing one way of evaluating with another. */
import fc from "fast-check";
import type { Json } from "../../../../agent/kernel/index.ts";
import { at, type Happening, ZERO } from "../told-cuts.ts";

export const NODES: readonly string[] = ["a", "b", "c"];
export const SERVICES: { readonly [node: string]: string } = { a: "x", b: "y", c: "x" };

const constant = fc.constantFrom(
  ...["0", "1", "2", "3", "-1", "2.5", "1e15", "9e15"],
  // Sums of tenths: which of them it is depends on the order of adding.
  ...["0.6", "0.6000000000000001", "0.30000000000000004"],
);
const node = fc.constantFrom('"a"', '"b"', '"c"', '"zz"');
const variable = fc.constantFrom("v", "w");
const cell = fc.tuple(variable, node).map(([name, id]) => `${name}[${id}]`);
const scalar = fc.oneof(constant, fc.constantFrom('"x"', '"y"', "TRUE", "FALSE", "NULL"));
const ordered = fc.constantFrom("<", "<=", ">", ">=");
const relation = fc.oneof(ordered, fc.constantFrom("=", "!="));

/** A number, mostly. */
const number: fc.Arbitrary<string> = fc.letrec<{ number: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 2, depthSize: "medium" },
    { weight: 2, arbitrary: constant },
    { weight: 4, arbitrary: cell },
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.constantFrom("Max", "Min", "Sum", "Avg", "Count", "Cardinality", "Median"),
          variable,
        )
        .map(([name, of]) => `${name}(${of})`),
    },
    { weight: 2, arbitrary: fc.constantFrom("Max(v, w)", "Min(v, 2)", 'Max(w, v["a"])') },
    {
      weight: 2,
      arbitrary: fc
        .tuple(variable, ordered, constant)
        .map(([of, op, n]) => `Count({m IN ${of} : (m ${op} ${n})})`),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(tie("number"), fc.constantFrom("+", "-", "*", "/", "%"), tie("number"))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
    },
    { weight: 1, arbitrary: tie("number").map((a) => `Abs(${a})`) },
    { weight: 1, arbitrary: tie("number").map((a) => `(-${a})`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("number"), tie("number"))
        .map(([a, b]) => `(v["a"] > 1 ? (${a}) : (${b}))`),
    },
  ),
})).number;

const quantified = fc.oneof(
  fc
    .tuple(fc.constantFrom("EXISTS", "FORALL"), variable, relation, scalar)
    .map(([kind, of, op, c]) => `${kind} x IN ${of} : (x ${orderedFor(op, c)} ${c})`),
  fc
    .tuple(fc.constantFrom("EXISTS", "FORALL"), variable, ordered, number)
    .map(([kind, of, op, n]) => `${kind} x IN ${of} : (x ${op} ${n})`),
  fc
    .tuple(fc.constantFrom("EXISTS", "FORALL"), variable, constant, constant)
    .map(([kind, of, a, b]) => `${kind} x IN ${of} : (x * 2 > ${a} AND NOT x = ${b})`),
  fc.constantFrom(
    "EXISTS x IN v, y IN w : (x > y)",
    "EXISTS x, y IN v : (x != y AND SameNode(x, y))",
  ),
);

/** Only what is written and has no order is compared for equality. */
function orderedFor(op: string, constantText: string): string {
  return /^[-\d]/.test(constantText) ? op : op === "!=" ? "!=" : "=";
}

export const condition: fc.Arbitrary<string> = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, depthSize: "medium" },
    {
      weight: 6,
      arbitrary: fc.tuple(number, ordered, number).map(([a, op, b]) => `${a} ${op} ${b}`),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(number, relation, constant).map(([a, op, b]) => `${a} ${op} ${b}`),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(cell, fc.constantFrom("=", "!="), scalar).map((one) => one.join(" ")),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(cell, fc.constantFrom("=", "!="), cell).map((one) => one.join(" ")),
    },
    { weight: 1, arbitrary: cell },
    { weight: 1, arbitrary: cell.map((one) => `${one} IS UNKNOWN`) },
    { weight: 1, arbitrary: cell.map((one) => `${one} IN {1, "x", 2.5}`) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(scalar, fc.constantFrom("IN", "NOTIN"), variable)
        .map((one) => one.join(" ")),
    },
    { weight: 4, arbitrary: quantified },
    {
      weight: 1,
      arbitrary: fc.constantFrom("v = w", "Cardinality(v UNION w) > 2", "v ISSUBSET w"),
    },
    {
      weight: 5,
      arbitrary: fc
        .tuple(tie("condition"), fc.constantFrom("AND", "OR"), tie("condition"))
        .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    },
    { weight: 1, arbitrary: tie("condition").map((a) => `NOT (${a})`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("condition"), tie("condition"), tie("condition"))
        .map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    },
  ),
})).condition;

const window = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fc.constantFrom(" FOR AT LEAST 2ms", " FOR AT LEAST 10us") },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("THEN", "NOT FOLLOWED BY"), condition)
      .map(([kind, q]) => ` ${kind} ${q} WITHIN 1ms`),
  },
);
const grouping = fc.constantFrom("", "", "", " GROUP BY SERVICE");
const tail = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  fc.constantFrom(" COUNT", " FIRST", " FIRST 3", " LAST 2", " LIMIT 4"),
);
/** What holds at a change, or at the tick at which something turns true. */
const changing = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("Changed(v)", "Changed(w)") },
  { weight: 2, arbitrary: cell.map((one) => `Changed(${one})`) },
  {
    weight: 3,
    arbitrary: fc.tuple(number, ordered, constant).map(([a, op, b]) => `Became(${a} ${op} ${b})`),
  },
  { weight: 1, arbitrary: fc.tuple(cell, scalar).map(([a, b]) => `Became(${a} = ${b})`) },
  { weight: 1, arbitrary: quantified.map((one) => `Became(${one})`) },
);

const items = fc.constantFrom("v", "v, w", 'Max(v) AS top, v["a"]', "v, Sum(w) AS total");

/** A whole query. `gap` is computed at each cut where it is declared. */
export const query: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(items, condition, window, grouping, tail)
      .map(([what, when, after, group, take]) => {
        return `SELECT ${what} FROM l WHEN ${when}${after}${group}${take}`;
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(items, condition)
      .map(([what, when]) => `SELECT ${what} FROM l WHEN ${when} EACH CHANGE`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(number, number)
      .map(([a, b]) => {
        return `SELECT v, gap FROM l COMPUTE GLOBAL gap := 0 AND VAR d AND d := ${a} AND gap := d - ${b} WHEN d > 1`;
      })
      .map((text) => text.replace("GLOBAL gap := 0", "OUT gap")),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        items,
        changing,
        fc.constantFrom("", " AND", " OR", " AND NOT"),
        condition,
        window,
        tail,
      )
      .map(([what, edge, op, other, after, take]) => {
        const when = op === "" ? edge : `${edge}${op} (${other})`;
        return `SELECT ${what}, Changed(v["a"]) AS c FROM l WHEN ${when}${after}${take}`;
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(condition, fc.constantFrom("THEN", "NOT FOLLOWED BY"), changing, tail)
      .map(([p, kind, q, take]) => `SELECT v FROM l WHEN ${p} ${kind} ${q} WITHIN 1ms${take}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(changing, fc.constantFrom("", " EACH CHANGE"))
      .map(([edge, each]) => `SELECT v, ${edge} AS edge FROM l${each}`),
  },
  { weight: 1, arbitrary: items.map((what) => `SELECT ${what} FROM l`) },
  { weight: 1, arbitrary: items.map((what) => `SELECT ${what} FROM l EACH CHANGE`) },
);

const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -1, max: 4 }) },
  { weight: 3, arbitrary: fc.constantFrom<Json>(0.5, 2.5, -0, 1e15, 9e15, 1e308, 70_000) },
  { weight: 1, arbitrary: fc.constantFrom<Json>("x", "y", true, false, null, [1], { f: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom<Json>({ $set: [1, 2] }, { $set: [] }) },
);

/** Ticks near each other, so that many coincide. */
function happeningOf(is: fc.Arbitrary<Json>): fc.Arbitrary<Happening> {
  return fc
    .record({
      ticks: fc.oneof(fc.integer({ min: -40, max: 400 }), fc.integer({ min: -40, max: 40_000 })),
      node: fc.constantFrom(...NODES),
      key: fc.constantFrom("v", "v", "w"),
      is,
    })
    .map(({ ticks, node: id, key, is: given }): Happening => {
      const t = (ZERO + ticks) as Happening["t"];
      return given === "delete"
        ? { t, node: id, kind: "delete", key }
        : { t, node: id, kind: "set", key, value: given };
    });
}

const anything = fc.oneof(
  { weight: 9, arbitrary: value },
  { weight: 1, arbitrary: fc.constant<Json>("delete") },
);

/** A value that is gone again at the same tick: no cut sees it. */
const flicker: fc.Arbitrary<readonly Happening[]> = fc
  .record({
    ticks: fc.integer({ min: 1, max: 300 }),
    node: fc.constantFrom(...NODES),
    values: fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 5, max: 9 })),
  })
  .map(({ ticks, node: id, values: [stays, passes] }) => {
    const t = (ZERO + ticks) as Happening["t"];
    const next = (t + 1) as Happening["t"];
    const v = { node: id, kind: "set", key: "v" } as const;
    return [
      { ...v, t, value: stays },
      { ...v, t: next, value: passes },
      { ...v, t: next, value: stays },
    ];
  });

const tenths = fc.constantFrom<Json>(0.1, 0.2, 0.3, 0);

/** Every node is a member throughout, and has both variables somewhere. Half of them know small numbers only. */
export const history: fc.Arbitrary<readonly Happening[]> = fc
  .tuple(
    fc.oneof(
      { weight: 2, arbitrary: fc.array(happeningOf(anything), { maxLength: 60 }) },
      {
        weight: 2,
        arbitrary: fc.array(happeningOf(fc.integer({ min: 0, max: 5 })), { maxLength: 60 }),
      },
      { weight: 1, arbitrary: fc.array(happeningOf(tenths), { maxLength: 60 }) },
    ),
    fc.array(flicker, { maxLength: 3 }),
  )
  .map(([some, flickers]) => [
    ...NODES.flatMap((id): Happening[] => [
      { t: at(-1_000), node: id, kind: "set", key: "v", value: 1 },
      { t: at(-1_000), node: id, kind: "set", key: "w", value: 2 },
    ]),
    ...some,
    ...flickers.flat(),
  ]);
