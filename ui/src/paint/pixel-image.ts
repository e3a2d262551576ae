/**
 * One image for all dense lanes, written pixel by pixel and put on the canvas in one go. What it costs
 * depends on the pixels of the screen, never on the events, nor on how many bars a lane has.
 */
import type { Surface } from "./surface.ts";

/** A colour as the image holds it: red, green, blue, alpha, a byte each. */
export type PixelColour = number;

export class PixelImage {
  #image: ImageData | null = null;
  #pixels: Uint32Array = new Uint32Array(0);
  #canvas: HTMLCanvasElement | null = null;
  #ratio = 1;

  /** An empty image as large as the surface. */
  open(surface: Surface): void {
    const width = Math.round(surface.width * surface.ratio);
    const height = Math.round(surface.height * surface.ratio);
    this.#ratio = surface.ratio;
    if (this.#image?.width === width && this.#image.height === height) {
      this.#pixels.fill(0);
      return;
    }
    this.#image = new ImageData(width, height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.#canvas = document.createElement("canvas");
    this.#canvas.width = width;
    this.#canvas.height = height;
  }

  /** Fills a rectangle given in CSS pixels; at least one device pixel, and nothing outside. */
  fill(x: number, y: number, width: number, height: number, colour: PixelColour): void {
    const image = this.#image;
    if (image === null) return;
    const left = Math.max(0, Math.round(x * this.#ratio));
    const top = Math.max(0, Math.round(y * this.#ratio));
    const right = Math.min(image.width, Math.max(left + 1, Math.round((x + width) * this.#ratio)));
    const bottom = Math.min(
      image.height,
      Math.max(top + 1, Math.round((y + height) * this.#ratio)),
    );
    if (right - left === 1) {
      for (let at = top * image.width + left; at < bottom * image.width; at += image.width) {
        this.#pixels[at] = colour;
      }
      return;
    }
    for (let row = top; row < bottom; row += 1) {
      this.#pixels.fill(colour, row * image.width + left, row * image.width + right);
    }
  }

  /** Puts the image over what the surface shows. */
  put({ context: pen, width, height }: Surface): void {
    const own = this.#canvas?.getContext("2d");
    if (this.#canvas === null || this.#image === null || own == null) return;
    own.putImageData(this.#image, 0, 0);
    const smooths = pen.imageSmoothingEnabled;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.#canvas, 0, 0, width, height);
    pen.imageSmoothingEnabled = smooths;
  }
}

const parsed = new Map<string, PixelColour>();
/** Themes have some thirty colours; beyond it somebody makes them up. */
const MAX_PARSED = 500;
let probe: CanvasRenderingContext2D | null = null;

/** Any colour that a style may hold; `alpha` from 0 to 1. */
export function pixelColour(colour: string, alpha = 1): PixelColour {
  const key = `${colour} ${alpha}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  if (probe === null) {
    const canvas = document.createElement("canvas");
    canvas.width = 1;
    canvas.height = 1;
    probe = canvas.getContext("2d", { willReadFrequently: true });
  }
  if (probe === null) return 0;
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const { data } = probe.getImageData(0, 0, 1, 1);
  const bytes = new Uint8ClampedArray(data);
  bytes[3] = (bytes[3] ?? 0) * alpha;
  const value = new Uint32Array(bytes.buffer)[0] ?? 0;
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(key, value);
  return value;
}
