/**
 * Tells when the host loads a package that a hook is for, and hands over its exports.
 *
 *     require("kafkajs")     \
 *                              ->  Module.prototype.load(".../node_modules/kafkajs/index.js")  ->  onLoaded
 *     import ... "kafkajs"   /
 *
 * All packages that we hook are CommonJS, and Node loads those by one method, whoever asks: no loader
 * hook, and no copy of ours that the service would not use. Files are known by what follows the last
 * `node_modules` in their path; a package that is bundled into the service, or linked from elsewhere, is
 * not seen, and is instrumented by hand.
 *
 * Where a loader hook of the service's hands Node the source of CommonJS files (some that compile TypeScript do),
 * Node runs them past that method, but keeps them in the same cache: `look` finds them there, late, when what
 * was made of them before stays as it is.
 */
import Module, { createRequire } from "node:module";

/** Prototype of CommonJS modules, as far as we touch it. */
interface ModulePrototype {
  load(this: LoadedModule, filename: string, ...more: unknown[]): unknown;
}

interface LoadedModule {
  readonly loaded: boolean;
  readonly exports: unknown;
}

/** @param entry as it was asked for: `kafkajs/index.js` */
export type OnLoaded = (entry: string, exports: unknown) => void;

const FOLDER = "node_modules/";
const { prototype } = Module as unknown as { readonly prototype: ModulePrototype };

export interface PackageWatch {
  /** Looks for what was loaded past the watch. Cheap while nothing was loaded since the last look. */
  look(): void;
  end(): void;
}

/**
 * Watches for files of packages. `onLoaded` is called for those loaded already at once, for others when
 * they are, for each copy of the package; it must not throw.
 *
 * @param entries package and file: `kafkajs/index.js`
 */
export function watchPackages(entries: readonly string[], onLoaded: OnLoaded): PackageWatch {
  const wanted = new Set(entries);
  let isOn = wanted.size > 0;
  if (!isOn) return { look: () => undefined, end: () => undefined };
  const told = new WeakSet<LoadedModule>();
  /** Modules in the cache at the last look at which all that was wanted had been loaded to its end. */
  let settledCount = -1;

  function tell(entry: string, module: LoadedModule): void {
    if (told.has(module)) return;
    told.add(module);
    onLoaded(entry, module.exports);
  }

  function look(): void {
    if (!isOn) return;
    const modules = modulesLoaded();
    const filenames = Object.keys(modules);
    if (filenames.length === settledCount) return;
    settledCount = filenames.length;
    for (const filename of filenames) {
      const entry = entryOf(filename);
      const module = wanted.has(entry) ? modules[filename] : undefined;
      if (module === undefined) continue;
      if (module.loaded) tell(entry, module);
      else settledCount = -1;
    }
  }
  look();

  const { load } = prototype;
  function watchedLoad(this: LoadedModule, filename: string, ...more: unknown[]): unknown {
    const result = load.call(this, filename, ...more);
    if (isOn) {
      const entry = entryOf(filename);
      if (wanted.has(entry)) tell(entry, this);
    }
    return result;
  }
  try {
    prototype.load = watchedLoad;
  } catch {
    // Fixed, by whoever hardens the process: then what is loaded is found by looking, late.
  }

  return {
    look,
    end: () => {
      isOn = false;
      // Somebody who wrapped it after us still calls ours.
      if (prototype.load === watchedLoad) prototype.load = load;
    },
  };
}

/** What follows the last `node_modules` of a path; empty if there is none. */
function entryOf(filename: unknown): string {
  if (typeof filename !== "string") return "";
  const path = filename.includes("\\") ? filename.replaceAll("\\", "/") : filename;
  const at = path.lastIndexOf(FOLDER);
  return at === -1 ? "" : path.slice(at + FOLDER.length);
}

/** All requires share one cache, from wherever they look things up: a bundle may not know where it is. */
function modulesLoaded(): Readonly<Record<string, LoadedModule | undefined>> {
  return createRequire(process.execPath).cache as Record<string, LoadedModule | undefined>;
}
