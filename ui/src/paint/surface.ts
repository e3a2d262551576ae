/** A canvas that is as sharp as the screen: sized in CSS pixels, drawn in device pixels. */

export interface Surface {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

/** Device pixels beyond this make a canvas slow without making it sharper to the eye. */
const MAX_RATIO = 3;

export function screenRatio(): number {
  return Math.min(MAX_RATIO, devicePixelRatio || 1);
}

/** Fits the canvas to its size on screen and clears it; undefined while it has no size. */
export function openSurface(canvas: HTMLCanvasElement): Surface | undefined {
  return clearedSurface(canvas, canvas.clientWidth, canvas.clientHeight);
}

/** The same for a canvas that is not on screen, of a size given in CSS pixels. */
export function clearedSurface(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): Surface | undefined {
  const context = canvas.getContext("2d");
  if (width === 0 || height === 0 || context === null) return undefined;
  const ratio = screenRatio();
  const deviceWidth = Math.round(width * ratio);
  const deviceHeight = Math.round(height * ratio);
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, ratio };
}
