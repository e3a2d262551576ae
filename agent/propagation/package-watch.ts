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
 */
import Module, { createRequire } from "node:module";

/** Prototype of CommonJS modules, as far as we touch it. */
interface ModulePrototype {
  load(this: LoadedModule, filename: string): unknown;
}

interface LoadedModule {
  readonly loaded: boolean;
  readonly exports: unknown;
}

/** @param entry as it was asked for: `kafkajs/index.js` */
export type OnLoaded = (entry: string, exports: unknown) => void;

const FOLDER = "node_modules/";
const { prototype } = Module as unknown as { readonly prototype: ModulePrototype };

/**
 * Watches for files of packages. `onLoaded` is called for those loaded already at once, for others when
 * they are, for each copy of the package; it must not throw.
 *
 * @param entries package and file: `kafkajs/index.js`
 * @returns ends the watch
 */
export function watchPackages(entries: readonly string[], onLoaded: OnLoaded): () => void {
  const wanted = new Set(entries);
  let isOn = wanted.size > 0;
  if (!isOn) return () => undefined;

  for (const [filename, module] of Object.entries(modulesLoaded())) {
    const entry = entryOf(filename);
    if (wanted.has(entry) && module?.loaded === true) onLoaded(entry, module.exports);
  }

  const { load } = prototype;
  function watchedLoad(this: LoadedModule, filename: string): unknown {
    const result = load.call(this, filename);
    if (isOn) {
      const entry = entryOf(filename);
      if (wanted.has(entry)) onLoaded(entry, this.exports);
    }
    return result;
  }
  prototype.load = watchedLoad;

  return () => {
    isOn = false;
    // Somebody who wrapped it after us still calls ours.
    if (prototype.load === watchedLoad) prototype.load = load;
  };
}

/** What follows the last `node_modules` of a path; empty if there is none. */
function entryOf(filename: unknown): string {
  if (typeof filename !== "string") return "";
  const path = filename.includes("\\") ? filename.replaceAll("\\", "/") : filename;
  const at = path.lastIndexOf(FOLDER);
  return at === -1 ? "" : path.slice(at + FOLDER.length);
}

function modulesLoaded(): Readonly<Record<string, LoadedModule | undefined>> {
  return createRequire(import.meta.url).cache as Record<string, LoadedModule | undefined>;
}
