/**
 * A name of a variable that nobody has: an unknown log is refused by the collector, an unknown
 * variable is an empty answer, since it may appear later. Who asks should know which it was.
 */
import type { SchemaJson } from "../api/shapes.ts";
import type { CollectorClient } from "./client.ts";
import { selectionOf, type Words } from "./command.ts";
import { listed } from "./text.ts";

const NAMED = 8;

/** A note for standard error; empty unless a `--key` is the name of no variable ever seen. */
export async function unknownKeysText(client: CollectorClient, options: Words): Promise<string> {
  const { key: keys = [], node, service, log } = selectionOf(options);
  if (keys.length === 0) return "";
  const schema = await client.ask<SchemaJson>("/api/schema");
  const logs = schema.logs.filter(
    (one) =>
      (node?.includes(one.node) ?? true) &&
      (service?.includes(one.service) ?? true) &&
      (log?.includes(one.log) ?? true),
  );
  // Of a large log not all names are listed: the missing one may be among the others.
  if (logs.some(({ variables, variableCount }) => variables.length < variableCount)) return "";
  const known = new Set(logs.flatMap(({ variables }) => variables.map(({ key }) => key)));
  return keys
    .filter((key) => !known.has(key))
    .map((key) => {
      const names = known.size === 0 ? "" : ` There are ${listed([...known].sort(), NAMED)}.`;
      return `Note: no variable is named ${JSON.stringify(key)} now.${names}\n`;
    })
    .join("");
}
