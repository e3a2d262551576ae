/**
 * Makes one plain JavaScript module of a TypeScript source and what it imports, for child processes
 * that should run the sources and not a build in dist. Node's own modules and packages stay outside.
 */
import { join } from "node:path";
import { build } from "vite";

/** Writes `<outDir>/<name>.mjs` and returns its path. `entry` is a file URL or a path. */
export async function bundleForNode(entry: URL, outDir: string, name: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: "silent",
    publicDir: false,
    build: {
      ssr: true,
      outDir,
      emptyOutDir: false,
      minify: false,
      rollupOptions: {
        input: { [name]: entry.pathname },
        output: { format: "es", entryFileNames: "[name].mjs", codeSplitting: false },
      },
    },
  });
  return join(outDir, `${name}.mjs`);
}
