/**
 * The colours of the heat map: even steps in OKLab between two colours of the theme, few requests near the ground,
 * many far from it. Even there is even to the eye.
 *
 * Source: B. Ottosson, "A perceptual color space for image processing", 2020; the matrices are his.
 */

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];
type Lab = readonly [lightness: number, a: number, b: number];

export const RAMP_STEPS = 32;

/** `RAMP_STEPS` colours from `few` to `many`, as CSS. */
export function heatRamp(few: Rgb, many: Rgb): readonly string[] {
  const [from, to] = [labOf(few), labOf(many)];
  return Array.from({ length: RAMP_STEPS }, (_, step) => {
    const share = step / (RAMP_STEPS - 1);
    const mixed = from.map((value, i) => value + (to[i] as number) * share - value * share);
    return `rgb(${rgbOf(mixed as unknown as Lab)
      .map((value) => Math.round(value))
      .join(" ")})`;
  });
}

/** The step of a count, logarithmic: the first for 1, the last for `most`. */
export function stepOf(count: number, most: number): number {
  if (most <= 1) return RAMP_STEPS - 1;
  return Math.round((Math.log(count) / Math.log(most)) * (RAMP_STEPS - 1));
}

export function labOf([red, green, blue]: Rgb): Lab {
  const [r, g, b] = [linear(red), linear(green), linear(blue)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function rgbOf([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function linear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function encoded(light: number): number {
  const share = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.min(255, Math.max(0, share * 255));
}
