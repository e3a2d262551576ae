/** Which of the packages that matter to the hooks this process has, for `retroscope doctor`. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What hooks are for, and what is often asked about. */
const PACKAGES: readonly string[] = [
  "kafkajs",
  "@grpc/grpc-js",
  "ws",
  "express",
  "undici",
  "@opentelemetry/api",
];
/** Folders looked at above the script. */
const MAX_DEPTH = 32;

export interface PackageFound {
  readonly name: string;
  /** Of each copy that is loaded. */
  readonly loaded: readonly string[];
  /** Of the copy that the script would get; null: none is installed beside it. */
  readonly installed: string | null;
  /** Whether the package.json nearest to the script asks for it. */
  readonly isDependency: boolean;
}

/**
 * Those that are loaded, installed beside the script, or asked for. Reads the disk: for diagnosis only.
 * @param script the main script; undefined: none
 */
export function packagesFound(script: string | undefined): readonly PackageFound[] {
  const loaded = rootsLoaded();
  const folders = foldersAbove(script);
  const dependencies = dependenciesOf(folders);
  return PACKAGES.map((name) => ({
    name,
    loaded: [...new Set((loaded.get(name) ?? []).map((root) => versionIn(root) ?? "unknown"))],
    installed: firstVersion(folders, name),
    isDependency: dependencies.has(name),
  })).filter((found) => found.loaded.length > 0 || found.installed !== null || found.isDependency);
}

/** By package, the folders of its copies that CommonJS loaded: all packages of the list are that. */
function rootsLoaded(): ReadonlyMap<string, readonly string[]> {
  const roots = new Map<string, string[]>();
  for (const filename of Object.keys(createRequire(process.execPath).cache)) {
    const path = filename.replaceAll("\\", "/");
    for (const name of PACKAGES) {
      const at = path.lastIndexOf(`/node_modules/${name}/`);
      if (at < 0 || path.indexOf("/node_modules/", at + 1) >= 0) continue;
      const root = path.slice(0, at + `/node_modules/${name}`.length);
      const known = roots.get(name) ?? [];
      if (!known.includes(root)) roots.set(name, [...known, root]);
    }
  }
  return roots;
}

function foldersAbove(script: string | undefined): readonly string[] {
  const folders: string[] = [];
  let folder = script === undefined ? process.cwd() : dirname(script);
  while (folders.length < MAX_DEPTH && folders.at(-1) !== folder) {
    folders.push(folder);
    folder = dirname(folder);
  }
  return folders;
}

function firstVersion(folders: readonly string[], name: string): string | null {
  for (const folder of folders) {
    const version = versionIn(join(folder, "node_modules", name));
    if (version !== undefined) return version;
  }
  return null;
}

function dependenciesOf(folders: readonly string[]): ReadonlySet<string> {
  for (const folder of folders) {
    const manifest = manifestIn(folder);
    if (manifest !== undefined) return new Set(Object.keys(manifest.dependencies ?? {}));
  }
  return new Set();
}

function versionIn(root: string): string | undefined {
  return manifestIn(root)?.version;
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
