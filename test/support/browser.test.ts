import axe from "axe-core";
import { describe, expect, it } from "vitest";
import { availableSources, launchBrowser } from "./browser.ts";

const PAGE = `data:text/html,${encodeURIComponent(`<!doctype html>
<html lang="en"><title>A page</title>
<main><h1>Retroscope</h1><canvas width="4" height="4" role="img" aria-label="red"></canvas></main>
<script>
  const pen = document.querySelector("canvas").getContext("2d");
  pen.fillStyle = "rgb(255, 0, 0)";
  pen.fillRect(0, 0, 4, 4);
</script></html>`)}`;

/** Starting one from cold unpacks some 190 MB. */
const COLD_START_MS = 90_000;

// Both ways where both exist; neither is skipped, a machine just offers one or two.
describe.each(availableSources())("the %s browser", (source) => {
  it("shows text, draws on a canvas and runs axe", { timeout: COLD_START_MS }, async () => {
    const browser = await launchBrowser(source);
    try {
      const page = await browser.newPage();
      await page.goto(PAGE);
      expect(await page.innerText("h1")).toBe("Retroscope");

      // Without a font the heading would have no width.
      const textWidth = await page.evaluate(() => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector("h1") as HTMLElement);
        return range.getBoundingClientRect().width;
      });
      expect(textWidth).toBeGreaterThan(20);

      const pixel = await page.evaluate(() => {
        const canvas = document.querySelector("canvas");
        return Array.from(canvas?.getContext("2d")?.getImageData(1, 1, 1, 1).data ?? []);
      });
      expect(pixel).toEqual([255, 0, 0, 255]);

      await page.evaluate(axe.source);
      const violations = await page.evaluate(async () => {
        const { axe: inPage } = globalThis as unknown as { axe: typeof axe };
        return (await inPage.run()).violations.map((violation) => violation.id);
      });
      expect(violations).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

it("finds a browser here, or the browser tests would silently test nothing", () => {
  expect(availableSources()).not.toEqual([]);
});
