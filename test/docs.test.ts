/**
 * What users hold is documented: every export of the package's doors, and every public member of the
 * classes among them, has a doc comment; what runs has an example.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const DOORS = [
  ...["agent/index.ts", "agent/testing.ts", "agent/otel.ts", "agent/kafka.ts"],
  "collector/index.ts",
];

interface Exported {
  readonly door: string;
  readonly name: string;
  readonly file: string;
  /** Text before the declaration, to the end of the declaration before it. */
  readonly doc: string;
  readonly kind: string;
  /** From the declaration on. */
  readonly body: string;
}

const exported = DOORS.flatMap(exportsOf);

function exportsOf(door: string): Exported[] {
  const source = readFileSync(join(ROOT, door), "utf8");
  const lists = [...source.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)];
  const relayed = lists.flatMap(([, names = "", from = ""]) => {
    const file = join(dirname(door), from);
    const list = names.split(",").map((name) => name.trim().replace(/^type /, ""));
    return list.filter((name) => name !== "").map((name) => ({ name, file }));
  });
  const own = [...source.matchAll(/^export (?:class|function|const|interface|type) (\w+)/gm)];
  const all = [...relayed, ...own.map(([, name = ""]) => ({ name, file: door }))];
  return all.map(({ name, file }) => ({ door, name, ...declarationOf(file, name) }));
}

/** Follows re-exports. */
function declarationOf(
  file: string,
  name: string,
): { readonly file: string; readonly doc: string; readonly kind: string; readonly body: string } {
  const source = readFileSync(join(ROOT, file), "utf8");
  const pattern = new RegExp(
    `^export (?:async |abstract |declare )*(class|function|const|interface|type) ${name}\\b`,
    "m",
  );
  const found = pattern.exec(source);
  if (found !== null) {
    const body = source.slice(found.index);
    return { file, doc: docBefore(source, found.index), kind: found[1] as string, body };
  }
  for (const [, names, from = ""] of source.matchAll(
    /export (?:type )?(\*|\{[^}]*\}) from "([^"]+)"/g,
  )) {
    if (names !== "*" && !new RegExp(`\\b${name}\\b`).test(names as string)) continue;
    try {
      return declarationOf(join(dirname(file), from), name);
    } catch {
      // Not behind this one.
    }
  }
  throw new Error(`${file} exports no ${name}`);
}

/** The doc comment that ends right before `at`; empty: there is none. */
function docBefore(source: string, at: number): string {
  const before = source.slice(0, at).trimEnd();
  if (!before.endsWith("*/")) return "";
  return before.slice(before.lastIndexOf("/**"));
}

/** Public methods, accessors and fields of a class, or members of an interface, with their comments. */
function membersOf({ kind, body }: Exported): { readonly name: string; readonly doc: string }[] {
  if (kind !== "class" && kind !== "interface") return [];
  const end = body.search(/^}/m);
  const text = body.slice(0, end);
  const pattern =
    /^ {2}(?!private |#|protected |constructor|static #|\.\.\.)(?:static |readonly |async |get |set |abstract |\*)*([A-Za-z]\w*)[?]?(?:<[^>(]*>)?(?=[(:=;])/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    name: match[1] as string,
    doc: docBefore(text, match.index),
  }));
}

describe("the package's doors", () => {
  it("are all looked at", () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const withTypes = Object.values(exports as Record<string, { types?: string }>).flatMap(
      ({ types }) => (types === undefined ? [] : [types.slice("./dist/".length)]),
    );
    const sources = withTypes.map((types) => types.replace(/\.d\.ts$/, ".ts"));
    expect(sources.filter((file) => file !== "agent/register.ts").sort()).toEqual(DOORS.sort());
    expect(exported.length).toBeGreaterThan(30);
  });

  it("export nothing without a doc comment", () => {
    const bare = exported.filter(({ doc }) => doc === "");
    expect(bare.map(({ door, name, file }) => `${door}: ${name} in ${file}`)).toEqual([]);
  });

  it("give an example for every function and class", () => {
    const running = exported.filter(({ kind }) => kind === "function" || kind === "class");
    const bare = running.filter(({ doc, body }) => !`${doc}${body}`.includes("@example"));
    expect(bare.map(({ door, name }) => `${door}: ${name}`)).toEqual([]);
  });

  it("export no class with an undocumented public method", () => {
    const bare = exported.flatMap((each) =>
      each.kind === "class"
        ? membersOf(each).flatMap(({ name, doc }) => (doc === "" ? [`${each.name}.${name}`] : []))
        : [],
    );
    expect([...new Set(bare)]).toEqual([]);
  });
});
