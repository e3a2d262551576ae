/**
 * A name of a variable that nobody has: an unknown log is refused by the collector, an unknown
 * variable is an empty answer, since it may appear later. Who asks should know which it was.
 */
import type { SchemaJson } from "../api/shapes.ts";
import type { CollectorClient } from "./client.ts";
import { selectionOf, type Words } from "./command.ts";
import { listed } from "./text.ts";

const NAMED = 8;

/** Names of the variables that the selection holds now, sorted: some of them, where there are many. */
export async function knownKeys(client: CollectorClient, options: Words): Promise<string[]> {
  const logs = await logsOf(client, options);
  return [...new Set(logs.flatMap(({ variables }) => variables.map(({ key }) => key)))].sort();
}

async function logsOf(client: CollectorClient, options: Words): Promise<SchemaJson["logs"]> {
  const { node, service, log } = selectionOf(options);
  const schema = await client.ask<SchemaJson>("/api/schema");
  return schema.logs.filter(
    (one) =>
      (node?.includes(one.node) ?? true) &&
      (service?.includes(one.service) ?? true) &&
      (log?.includes(one.log) ?? true),
  );
}

/** A note for standard error; empty unless a `--key` is the name of no variable ever seen. */
export async function unknownKeysText(client: CollectorClient, options: Words): Promise<string> {
  const { key: keys = [] } = selectionOf(options);
  if (keys.length === 0) return "";
  const logs = await logsOf(client, options);
  // What was lost or not captured may hold it.
  if (logs.some(({ unknown }) => unknown !== undefined)) return "";
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
