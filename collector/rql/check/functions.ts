/** Every function there is: its names, how many arguments it takes, and what they may be. */
import { keywordForm } from "../text/words.ts";
import type { PlainFunction } from "./bound.ts";

/** What an argument may be. `name`: a word that the checker reads itself. */
export type Parameter = "collection" | "collection-or-scalar" | "scalar" | "condition" | "name";

export type FunctionName =
  | PlainFunction
  | "NodeOf"
  | "SameNode"
  | "Changed"
  | "Became"
  | "Previous"
  | "Age"
  | "Now"
  | "HLCFromPT";

export interface Signature {
  readonly name: FunctionName;
  readonly aliases: readonly string[];
  /** One entry per argument; the last stands for all that follow, up to `most`. */
  readonly parameters: readonly Parameter[];
  readonly least: number;
  readonly most: number;
  /** For messages. */
  readonly usage: string;
}

const MANY = 64;

function signature(
  name: FunctionName,
  usage: string,
  parameters: readonly Parameter[],
  least: number = parameters.length,
  most: number = parameters.length,
  aliases: readonly string[] = [],
): Signature {
  return { name, usage, parameters, least, most, aliases };
}

const SIGNATURES: readonly Signature[] = [
  signature("Count", "Count(s)", ["collection"]),
  signature("Cardinality", "Cardinality(s, ..)", ["collection"], 1, MANY),
  signature("Sum", "Sum(s, ..)", ["collection"], 1, MANY, ["NodeSum"]),
  signature("Max", "Max(s or n, ..)", ["collection-or-scalar"], 1, MANY),
  signature("Min", "Min(s or n, ..)", ["collection-or-scalar"], 1, MANY),
  signature("Avg", "Avg(s)", ["collection"]),
  signature("Median", "Median(s)", ["collection"]),
  signature("Percentile", "Percentile(s, p)", ["collection", "scalar"]),
  signature("Flatten", "Flatten(s)", ["collection"]),
  signature("Abs", "Abs(n or s)", ["collection-or-scalar"]),
  signature("Ceil", "Ceil(n or s)", ["collection-or-scalar"]),
  signature("Floor", "Floor(n or s)", ["collection-or-scalar"]),
  signature("Sin", "Sin(n or s)", ["collection-or-scalar"]),
  signature("Cos", "Cos(n or s)", ["collection-or-scalar"]),
  signature("Tan", "Tan(n or s)", ["collection-or-scalar"]),
  signature("Subset", "Subset(s)", ["collection"]),
  signature("Node", "Node(v) or Node(x) of a loop variable", ["name"]),
  signature("NodeOf", "NodeOf(x) of a loop variable", ["name"]),
  signature("SameNode", "SameNode(x, y) of loop variables", ["name"], 2, 2, ["SAME_NODE"]),
  signature("Changed", 'Changed(v) or Changed(v["n1"])', ["name"]),
  signature("Became", "Became(condition)", ["condition"]),
  signature("Previous", "Previous(v)", ["name"]),
  signature("Age", 'Age(v) or Age(v["n1"])', ["name"]),
  signature("InFlight", "InFlight([from[, to]])", ["scalar"], 0, 2),
  signature("Nodes", "Nodes()", []),
  signature("Service", "Service(n)", ["scalar"]),
  signature("Status", "Status(n)", ["scalar"]),
  signature("Now", "Now()", []),
  signature("HLCFromPT", "HLCFromPT(ms)", ["scalar"]),
];

const BY_NAME: ReadonlyMap<string, Signature> = new Map(
  SIGNATURES.flatMap((one) =>
    [one.name, ...one.aliases].map((name) => [keywordForm(name), one] as const),
  ),
);

/** The function of that name, in any case. */
export function findFunction(name: string): Signature | undefined {
  return BY_NAME.get(keywordForm(name));
}

/** Main names and aliases, for completion and for "did you mean". */
export const FUNCTION_NAMES: readonly string[] = SIGNATURES.flatMap(({ name, aliases }) => [
  name,
  ...aliases,
]);
