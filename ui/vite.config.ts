/** Builds the UI into dist/ui, where the collector serves it from. Run as `vite build ui`. */
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // Workers are files of their own, modules like the page.
  worker: { format: "es" },
  build: {
    outDir: "../dist/ui",
    emptyOutDir: true,
    // Nothing inlined: the collector's content security policy allows no inline script or data font.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
