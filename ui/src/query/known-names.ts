/** What the collector has recorded, as completion and state tracks need it. */
import type { SchemaJson } from "../../../collector/api/shapes.ts";
import { byName } from "../model/nodes.ts";

export interface KnownLog {
  readonly log: string;
  /** Who holds it. */
  readonly nodes: readonly string[];
  /** What its values are, as far as is known: `number`, `string`, .. */
  readonly variables: ReadonlyMap<string, string>;
}

export interface KnownNames {
  readonly logs: ReadonlyMap<string, KnownLog>;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
}

export const NO_NAMES: KnownNames = { logs: new Map(), nodes: [], services: [] };

/** Each log once, whoever holds it; of a variable's types, all that nodes know. */
export function readSchema(json: SchemaJson): KnownNames {
  const logs = new Map<string, Map<string, string>>();
  const holders = new Map<string, string[]>();
  for (const { log, node, variables } of json.logs) {
    holders.set(log, [...(holders.get(log) ?? []), node]);
    const known = logs.get(log) ?? new Map<string, string>();
    logs.set(log, known);
    for (const { key, type } of variables) {
      const before = known.get(key);
      const isNew = before === undefined || before.split(", ").includes(type);
      known.set(key, isNew ? type : `${before}, ${type}`);
    }
  }
  return {
    logs: new Map(
      [...logs]
        .sort(([a], [b]) => byName(a, b))
        .map(([log, variables]) => [
          log,
          {
            log,
            nodes: (holders.get(log) ?? []).sort(byName),
            variables: new Map([...variables].sort(([a], [b]) => byName(a, b))),
          },
        ]),
    ),
    nodes: [...json.nodes].sort(byName),
    services: [...json.services].sort(byName),
  };
}
