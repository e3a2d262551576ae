/**
 * Judges who imports whom. The rules themselves are data, in test/architecture.test.ts; this file
 * resolves specifiers and compares.
 */
import { posix } from "node:path";
import { type Import, importsOf } from "./source-scan.ts";

/** Path from the top, with slashes, to the file's text. */
export type Sources = ReadonlyMap<string, string>;

/**
 * What an importer may import. The first row whose prefix begins the importer's path applies.
 * A target ending in `/` or `:` stands for all that begins so; any other for itself and, if it is
 * a package, its doors. `type TARGET` allows only `import type`.
 */
export type ImportTable = ReadonlyArray<readonly [importer: string, mayImport: readonly string[]]>;

/** Files that only the named importers, and files of the same kind, may import. */
export type Reservation = readonly [files: RegExp, importers: readonly string[]];

/** One line for each import that no row allows: file, line and specifier. */
export function forbiddenImports(sources: Sources, table: ImportTable): string[] {
  return [...sources].flatMap(([file, text]) => {
    const row = table.find(([importer]) => file.startsWith(importer));
    if (row === undefined) return [`${file}: no row of the table speaks of this file`];
    return importsOf(text)
      .filter((found) => !row[1].some((target) => isAllowed(file, found, target)))
      .map((found) => `${where(file, found)}, which the row "${row[0]}" does not allow`);
  });
}

/** One line for each import of a reserved file by someone else. */
export function reservedImports(sources: Sources, reservations: readonly Reservation[]): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(text).flatMap((found) => {
      const target = resolveImport(file, found.specifier);
      const broken = reservations.some(
        ([files, importers]) =>
          files.test(target) && !files.test(file) && !importers.includes(file),
      );
      return broken ? [`${where(file, found)}, which only a composition root may name`] : [];
    }),
  );
}

/** Each circle once, as "a.ts -> b.ts -> a.ts"; type imports count, for they are reading order. */
export function importCycles(sources: Sources): string[] {
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      cycles.push([...path.slice(start), file].join(" -> "));
      return;
    }
    if (finished.has(file)) return;
    for (const found of importsOf(sources.get(file) ?? "")) {
      const target = resolveImport(file, found.specifier);
      if (sources.has(target)) visit(target, [...path, file]);
    }
    finished.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return cycles;
}

function isAllowed(file: string, found: Import, entry: string): boolean {
  const forTypes = entry.startsWith("type ");
  if (forTypes && !found.typeOnly) return false;
  const allowed = forTypes ? entry.slice("type ".length) : entry;
  const target = resolveImport(file, found.specifier);
  if (/[/:]$/.test(allowed)) return target.startsWith(allowed);
  return target === allowed || target.startsWith(`${allowed}/`);
}

/** A relative specifier becomes a path from the top; others are left as they are. */
function resolveImport(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return posix.join(posix.dirname(file), specifier);
}

function where(file: string, { line, specifier, typeOnly }: Import): string {
  return `${file}:${line} imports ${typeOnly ? "type " : ""}"${specifier}"`;
}
