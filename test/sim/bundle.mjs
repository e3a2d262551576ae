/**
 * Makes one plain module of the simulator and the product's sources, so that it runs at full speed and
 * without a build in dist. With a planted bug source texts are changed on the way: the product itself
 * has no switches. A text that is no longer there fails loudly: the plant must follow the code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = resolve(import.meta.dirname, "../..");

/** @param plant one of plants.mjs, or undefined for the product as it is */
export async function loadSimulator(plant) {
  const { build } = await import("vite"); // not for those who only share out the runs
  const directory = mkdtempSync(join(tmpdir(), "retroscope-sim-"));
  try {
    await build({
      configFile: false,
      logLevel: "silent",
      publicDir: false,
      root: ROOT,
      plugins: plant === undefined ? [] : [planting(plant)],
      build: {
        ssr: true,
        outDir: directory,
        emptyOutDir: false,
        minify: false,
        rollupOptions: {
          input: { simulator: join(import.meta.dirname, "simulate.ts") },
          output: { format: "es", entryFileNames: "[name].mjs", codeSplitting: false },
        },
      },
    });
    return await import(pathToFileURL(join(directory, "simulator.mjs")).href);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function planting({ name, changes }) {
  const unseen = new Set(changes.map(({ file }) => file));
  return {
    name: `plant-${name}`,
    enforce: "pre",
    transform(code, id) {
      const meant = changes.filter(({ file }) => join(ROOT, file) === id);
      if (meant.length === 0) return null;
      for (const { file } of meant) unseen.delete(file);
      const planted = meant.reduce((text, { file, from, to }) => {
        const parts = text.split(from);
        if (parts.length === 2) return parts.join(to);
        throw new Error(`plant ${name}: ${file} holds a text ${parts.length - 1} times, not once`);
      }, code);
      return { code: planted, map: null };
    },
    buildEnd(error) {
      if (error !== undefined || unseen.size === 0) return;
      throw new Error(`plant ${name}: the simulator holds no ${[...unseen].join(", ")}`);
    },
  };
}
