/**
 * The pictures in README.md, in light and dark: a stall, and the state in the middle of it. Every run makes
 * them of a recorded history. `RETROSCOPE_PICTURES=1` makes them of the demo with planted stalls, which
 * wants a calm machine, and puts them where README.md has them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { BottlenecksJson } from "../../collector/api/bottleneck-shapes.ts";
import { launchBrowser } from "../support/browser.ts";
import { episodeAt } from "../support/episode-json.ts";
import { until } from "../support/processes.ts";
import { startFixtureServer } from "../support/ui-fixture-server.ts";
import { buildPage, openPage, stateShown } from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "ui/pictures");
/** Wide enough for the toolbar in one row, and still to be read in a page of text. */
const SIZE = { width: 1_440, height: 760 };
const MOST_BYTES = 250 * 1024;
const MAX_WAIT_MS = 60_000;

/** Where the page is, and when a stall began there, by the stamps of its node. */
interface Pictured {
  readonly url: string;
  readonly onset: Hlc;
  close(): Promise<void>;
}

async function recordedHistory(): Promise<Pictured> {
  const built = await buildPage();
  const server = await startFixtureServer(built.folder, makeScenario());
  const onset = (SCENARIO_START + 5_000 * TICKS_PER_MS) as Hlc;
  const causes = [
    ["gc", 92],
    ["run", 14],
  ] as const;
  server.episodes = [episodeAt(onset, { causes, ms: 110 })];
  return {
    ...{ url: server.url, onset },
    close: async () => {
      await server.close();
      await built.remove();
    },
  };
}

async function demoWithStalls(): Promise<Pictured> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const words = [join(ROOT, "dist/collector/main.js"), "demo", "--stalls", "--port", port];
  const demo = spawn(process.execPath, words, { stdio: "ignore" });
  const close = async (): Promise<void> => {
    const exited = once(demo, "exit");
    demo.kill("SIGINT");
    await exited;
  };
  try {
    let onset: Hlc | undefined;
    // A long one that is over, so that all of it is on the picture.
    await until(async () => {
      const answer = await fetch(`${url}/api/bottlenecks?from=-20s&to=-1s`).catch(() => null);
      if (answer?.status !== 200) return false;
      const { episodes } = (await answer.json()) as BottlenecksJson;
      const told = episodes.find(({ end, durationMs }) => end !== null && durationMs > 100);
      onset = parseHlc(told?.stamped.onset.hlc ?? "");
      return onset !== undefined;
    }, MAX_WAIT_MS);
    return { url, onset: onset as Hlc, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

/** How many colours there are on a stretch of the lanes: one, where nothing was drawn. */
function coloursOnLanes(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>(".plot canvas");
    const pen = canvas?.getContext("2d");
    if (canvas === null || pen === null || pen === undefined) return 0;
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

describe("the pictures in README.md", () => {
  const areKept = process.env["RETROSCOPE_PICTURES"] !== undefined;
  let pictured: Pictured;
  let browser: Browser;
  beforeAll(async () => {
    pictured = await (areKept ? demoWithStalls() : recordedHistory());
    browser = await launchBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await pictured?.close();
  }, 30_000);

  /** The stall with air around it; few enough events for each to be drawn by itself. */
  const viewWith = (cutAfterMs: number, more: string): string => {
    const at = (ms: number) => formatHlc((pictured.onset + ms * TICKS_PER_MS) as Hlc);
    return `v=1&from=${at(-150)}&to=${at(300)}&cut=${at(cutAfterMs)}${more}`;
  };

  it.each([
    ["light", "the stall, told beside the lanes", -20, "&tab=bottlenecks", "b"],
    ["dark", "the state in the middle of it", 60, "", "F6"],
  ] as const)(
    "%s: %s",
    async (theme, _what, cutAfterMs, more, key) => {
      const fragment = viewWith(cutAfterMs, more);
      const open = await openPage(browser, pictured.url, { ...SIZE, colorScheme: theme, fragment });
      const { page } = open;
      await stateShown(open);
      const marks = page.getByRole("list", { name: "Bottlenecks on the lanes" });
      await marks.getByRole("button").first().waitFor();
      await page.keyboard.press(key);
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await stateShown(open);
      if (key === "b") await page.getByRole("region", { name: "Chosen bottleneck" }).waitFor();
      expect(await coloursOnLanes(page)).toBeGreaterThan(10);
      const png = await page.screenshot({ type: "png" });
      expect(png.length).toBeLessThan(MOST_BYTES);
      expect(open.faults).toEqual([]);
      if (areKept) {
        await mkdir(FOLDER, { recursive: true });
        await writeFile(join(FOLDER, `demo-${theme}.png`), png);
      }
      await open.close();
    },
    60_000,
  );
});
