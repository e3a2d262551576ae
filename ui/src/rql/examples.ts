/** Queries to begin with, made of what is recorded here: an empty editor teaches nobody. */
import { printName } from "../../../collector/rql/text/print.ts";
import type { KnownNames } from "../query/known-names.ts";
import type { ExampleQuery } from "../query/language.ts";

/** At most three, of what most nodes have, as some ask how they differ; none where nothing is recorded. */
export function examplesFor({ logs }: KnownNames): readonly ExampleQuery[] {
  const widestFirst = [...logs.values()].sort((a, b) => b.nodes.length - a.nodes.length);
  const variables = widestFirst.flatMap(({ log, variables }) =>
    [...variables].map(([key, type]) => ({ log: printName(log), key: printName(key), type })),
  );
  const [any] = variables;
  const number = variables.find(({ type }) => type === "number");
  if (any === undefined) return [];
  const { log, key } = any;
  return [
    { text: `SELECT ${key} FROM ${log}`, why: `every stretch in which ${key} stayed the same` },
    {
      text: `SELECT ${key} FROM ${log} WHEN Cardinality(${key}) > 1`,
      why: `when nodes disagreed about ${key}`,
    },
    ...(number === undefined
      ? []
      : [
          {
            text: `SELECT ${number.key} FROM ${number.log} WHEN Max(${number.key}) - Min(${number.key}) > 3`,
            why: `when ${number.key} was more than 3 apart between nodes`,
          },
        ]),
  ];
}
