/** Theme: follows the system unless the person chose one; canvases are repainted on every change. */
import { effect, signal } from "@preact/signals";
import type { App } from "../app.ts";
import { type Palette, readPalette } from "../paint/palette.ts";

const SYSTEM_QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

const paletteChanges = signal(0);
let kept: Palette | null = null;

/** The colours of now; read from the styles once per change. */
export function palette(): Palette {
  kept ??= readPalette();
  return kept;
}

export function keepTheme(app: App): void {
  const forget = () => {
    kept = null;
    paletteChanges.value = paletteChanges.peek() + 1;
  };
  for (const query of SYSTEM_QUERIES) matchMedia(query).addEventListener("change", forget);
  effect(() => {
    const theme = app.choices.theme.value;
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    forget();
  });
  effect(() => {
    void paletteChanges.value;
    app.frames.markAll();
  });
}
