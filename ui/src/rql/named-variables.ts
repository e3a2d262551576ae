/** Which recorded variables a text names: those are drawn as state tracks unless others are pinned. */
import type { Query } from "../../../collector/rql/text/ast.ts";
import { walk } from "../../../collector/rql/text/walk.ts";
import type { Pin } from "../model/choices.ts";
import type { KnownNames } from "../query/known-names.ts";
import { readText } from "./reading.ts";
import { expressionsOf } from "./tokens.ts";

/** In the order in which the text names them, each once. `SELECT *` names none in particular. */
export function variablesNamed(text: string, names: KnownNames): readonly Pin[] {
  const { program } = readText(text);
  const found = new Map<string, Pin>();
  for (const query of program?.queries ?? []) {
    for (const pin of namedIn(query, names)) found.set(`${pin.log}\n${pin.key}`, pin);
  }
  return [...found.values()];
}

function namedIn(query: Query, names: KnownNames): readonly Pin[] {
  const logs = query.logs.map(({ name }) => name);
  const holding = (log: string, key: string): readonly Pin[] =>
    logs.includes(log) && names.logs.get(log)?.variables.has(key) ? [{ log, key }] : [];
  return expressionsOf(query)
    .flatMap((expr) => [...walk(expr)])
    .flatMap((node) => {
      if (node.type === "name") return logs.flatMap((log) => holding(log, node.name));
      const isQualified = node.type === "field" && node.object.type === "name" && !node.aside;
      return isQualified && node.object.type === "name"
        ? holding(node.object.name, node.field)
        : [];
    });
}
