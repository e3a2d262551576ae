/**
 * Colours for the canvases, read from the style variables, so that light, dark and forced colours
 * are decided in one place: styles/colours.css. Read again whenever the theme changes.
 */
import { HUES } from "../model/nodes.ts";

export interface Palette {
  readonly nodes: readonly string[];
  readonly ground: string;
  readonly band: string;
  readonly line: string;
  readonly softLine: string;
  readonly text: string;
  readonly muted: string;
  readonly cut: string;
  readonly fixedCut: string;
  readonly accent: string;
  readonly warning: string;
  /** Rows of a query. */
  readonly hit: string;
  readonly hatch: string;
  readonly font: string;
  /** The user has forced colours: outlines instead of shades. */
  readonly isForced: boolean;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    nodes: Array.from({ length: HUES }, (_, hue) => read(`node-${hue}`)),
    ground: read("ground"),
    band: read("band"),
    line: read("line"),
    softLine: read("soft-line"),
    text: read("text"),
    muted: read("muted"),
    cut: read("cut"),
    fixedCut: read("fixed-cut"),
    accent: read("accent"),
    warning: read("warning"),
    hit: read("hit"),
    hatch: read("hatch"),
    font: read("canvas-font"),
    isForced: matchMedia("(forced-colors: active)").matches,
  };
}

export function nodeColour(palette: Palette, hue: number): string {
  return palette.nodes[hue % HUES] ?? palette.text;
}
