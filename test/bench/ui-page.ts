/**
 * What the bench `ui` does in the page: it turns wheels and drags as a person would, by events at the
 * elements that listen to them, once a frame, and writes down when each frame came.
 *
 * The functions run in the browser: they see nothing of this file but their arguments.
 */
import type { Page } from "playwright-core";

/** What a script may read of the page; see ui/src/test-hook.ts. */
interface Hook {
  readonly cut: string | null;
  readonly shownCut: string | null;
  readonly stateCut: string | null;
  readonly pending: number;
  readonly painted: boolean;
  readonly tiles: { readonly held: number; readonly bytes: number; readonly drawn: boolean };
}

/** Milliseconds from one frame to the next, while the wheel pans or zooms. */
export function framesWhile(
  page: Page,
  motion: "pan" | "zoom",
  frames: number,
): Promise<readonly number[]> {
  return page.evaluate(
    async ({ motion: what, frames: count }) => {
      const plot = document.querySelector(".plot") as HTMLElement;
      const box = plot.getBoundingClientRect();
      const middle = { clientX: box.left + box.width / 2, clientY: box.top + 60 };
      const deltas: number[] = [];
      let last = await new Promise<number>(requestAnimationFrame);
      for (let i = 0; i < count; i += 1) {
        // There and back: sixty frames one way, sixty the other.
        const way = Math.floor(i / 60) % 2 === 0 ? 1 : -1;
        const turned =
          what === "pan"
            ? { shiftKey: true, deltaY: 24 * way }
            : { ctrlKey: true, deltaY: 8 * way };
        plot.dispatchEvent(
          new WheelEvent("wheel", { ...middle, ...turned, bubbles: true, cancelable: true }),
        );
        const now = await new Promise<number>(requestAnimationFrame);
        deltas.push(now - last);
        last = now;
      }
      return deltas;
    },
    { motion, frames },
  );
}

/**
 * Frames of a scene that any canvas must bear: as large as the plot, an image of all its pixels and
 * 400 lines, drawn anew each time. What the machine cannot do here it cannot do for us.
 */
export function calibrationFrames(page: Page, frames: number): Promise<readonly number[]> {
  return page.evaluate(async (count) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [960, 620];
    document.body.append(canvas);
    const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
    const image = new ImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const deltas: number[] = [];
    let last = await new Promise<number>(requestAnimationFrame);
    for (let i = 0; i < count; i += 1) {
      pixels.fill(0xff000000 + i);
      pen.putImageData(image, 0, 0);
      for (let line = 0; line < 400; line += 1) {
        pen.beginPath();
        pen.moveTo((line * 37 + i) % 960, (line * 53) % 620);
        pen.lineTo((line * 37 + i + 30) % 960, (line * 71) % 620);
        pen.stroke();
      }
      const now = await new Promise<number>(requestAnimationFrame);
      deltas.push(now - last);
      last = now;
    }
    return deltas;
  }, frames);
}

/** Milliseconds from a move of the cut line to the end of the frame that shows its state. */
export function dragTimes(page: Page, moves: number): Promise<readonly number[]> {
  return page.evaluate(async (count) => {
    const hook = (window as unknown as { __retroscope: Hook }).__retroscope;
    const slider = document.querySelector("#cut-slider") as HTMLElement;
    const ruler = (document.querySelector(".ruler") as HTMLElement).getBoundingClientRect();
    const frame = () => new Promise<number>(requestAnimationFrame);
    // One channel for all: each costs some 2 KB that the page did not get back, and a wait that made one a turn,
    // some hundred thousand a second, ended a page of a million events for want of memory.
    const { port1, port2 } = new MessageChannel();
    const afterFrame = () =>
      new Promise<void>((done) => {
        port1.onmessage = () => done();
        port2.postMessage(0);
      });
    const send = (type: string, x: number) =>
      slider.dispatchEvent(
        new PointerEvent(type, {
          ...{ clientX: x, clientY: ruler.top + 10, pointerId: 1, button: 0 },
          ...{ buttons: 1, bubbles: true, cancelable: true },
        }),
      );
    // A made-up pointer cannot be captured, and need not be: the events go to the slider anyway.
    slider.setPointerCapture = () => {};
    send("pointerdown", slider.getBoundingClientRect().left + 20);
    const times: number[] = [];
    let state = 12_345;
    for (let i = 0; i < count; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const x = ruler.left + 20 + (state / 2 ** 32) * (ruler.width - 40);
      const started = performance.now();
      send("pointermove", x);
      do await frame();
      while (hook.cut !== hook.stateCut);
      await afterFrame(); // it has been made
      times.push(performance.now() - started);
    }
    send("pointerup", 0);
    port1.close();
    return times;
  }, moves);
}

/** Notes, from the beginning of the page on, when it first drew lanes and when all was there. */
export async function watchStart(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen: { lanes?: number; interactive?: number } = {};
    (window as unknown as { __seen: typeof seen }).__seen = seen;
    const look = () => {
      const hook = (window as unknown as { __retroscope?: Hook }).__retroscope;
      if (hook?.tiles.drawn === true && hook.painted) seen.lanes ??= performance.now();
      const isWhole = hook?.pending === 0 && hook.painted && hook.cut !== null;
      if (isWhole && hook.cut === hook.shownCut && seen.lanes !== undefined) {
        seen.interactive = performance.now();
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

export async function startTimes(page: Page): Promise<{ lanes: number; interactive: number }> {
  const handle = await page.waitForFunction(() => {
    const { __seen: seen } = window as unknown as {
      __seen: { lanes?: number; interactive?: number };
    };
    return seen.interactive === undefined ? null : seen;
  });
  return (await handle.jsonValue()) as { lanes: number; interactive: number };
}

/** Waits until nothing is asked for and all is painted. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const hook = (window as unknown as { __retroscope: Hook }).__retroscope;
    return hook.pending === 0 && hook.painted && hook.cut === hook.shownCut;
  });
}
