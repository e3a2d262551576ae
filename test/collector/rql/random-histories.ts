/** Random histories of three nodes and two variables, and random conditions over them. */
import fc from "fast-check";
import type { Json } from "../../../agent/kernel/index.ts";
import { at, type Happening } from "./told-cuts.ts";

export const NODES: readonly string[] = ["a", "b", "c"];
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<Json>("x", null, true, { f: 1 }, { $set: [1, 2] }, [3]) },
);
const node = fc.constantFrom(...NODES);
const key = fc.constantFrom("v", "w");
/** Milliseconds, at places where several things come together. */
export const anyMs: fc.Arbitrary<number> = fc.integer({ min: -3, max: 20 }).map((n) => n * 50);
const quiet: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ t: anyMs.map(at), node, kind: fc.constant("set" as const), key, value }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ t: anyMs.map(at), node, kind: fc.constant("delete" as const), key }),
  },
);
const comingAndGoing: fc.Arbitrary<Happening> = fc.record({
  t: anyMs.map(at),
  node,
  kind: fc.constantFrom("join" as const, "leave" as const),
});
export const anyLoss: fc.Arbitrary<Happening> = fc.record({
  t: anyMs.map(at),
  node,
  kind: fc.constant("lost" as const),
  events: fc.integer({ min: 1, max: 3 }),
});
/** All variables begin with a value, before the range. */
export const anyHistory: fc.Arbitrary<Happening[]> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: quiet },
      { weight: 1, arbitrary: anyLoss },
      { weight: 1, arbitrary: comingAndGoing },
    ),
    {
      maxLength: 40,
    },
  )
  .map((happenings): Happening[] => [
    ...NODES.flatMap((one) =>
      ["v", "w"].map((name): Happening => {
        return { t: at(-900), node: one, kind: "set", key: name, value: 0 };
      }),
    ),
    ...happenings,
  ]);

/** Conditions over `v` and `w` that are decided by values alone. */
export const anyCondition: fc.Arbitrary<string> = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc
      .tuple(
        fc.constantFrom("Max(v)", "Min(w)", "Count(v)", 'v["a"]', 'w["b"]', "Sum(v)"),
        fc.constantFrom("<", ">=", "=", "!="),
        fc.nat(4),
      )
      .map(([left, op, right]) => `${left} ${op} ${right}`),
    fc.constantFrom(
      ...[
        "EXISTS x IN v : (x > 1)",
        "FORALL x IN v : (x < 3)",
        "1 IN v",
        "2 NOTIN w",
        "v = w",
        "v ISSUBSET w",
      ],
      ...["EXISTS x IN v, y IN w : (SameNode(x, y) AND x > y)", "Count({x IN v : (x > 0)}) > 1"],
    ),
    tie("condition").map((one) => `NOT (${one})`),
    fc
      .tuple(tie("condition"), fc.constantFrom("AND", "OR"), tie("condition"))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
  ),
})).condition;
