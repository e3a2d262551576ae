/** The two ends of the ramp as the styles have them, whatever form they are written in; kept per theme. */
import type { Palette } from "../paint/palette.ts";
import { heatRamp, type Rgb } from "./heat-ramp.ts";

let kept: { readonly theme: Palette; readonly ramp: readonly string[] } | null = null;

/** @param element any that has the style variables `--heat-few` and `--heat-many` */
export function themeRamp(element: HTMLElement, theme: Palette): readonly string[] {
  if (kept?.theme !== theme) {
    const style = getComputedStyle(element);
    kept = { theme, ramp: heatRamp(rgbOf(style.outlineColor), rgbOf(style.columnRuleColor)) };
  }
  return kept.ramp;
}

/** A canvas understands every colour that a style may compute to: mixes and the user's own too. */
function rgbOf(colour: string): Rgb {
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  const pen = canvas.getContext("2d");
  if (pen === null) return [128, 128, 128];
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}
