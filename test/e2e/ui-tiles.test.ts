/**
 * The timeline's tiles on a real collector: what a move asks for, what a zoom shows meanwhile, the worker
 * under the real policy, the minimap and the zoom trail.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { postScenario } from "../support/post-scenario.ts";
import { type OpenPage, openPage } from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const WRITES = 600;
const at = (ms: number): string => formatHlc(Math.round(SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const view = (fromMs: number, toMs: number): string =>
  `v=1&from=${at(fromMs)}&to=${at(toMs)}&cut=${at((fromMs + toMs) / 2)}`;

describe("the tiles of the timeline", () => {
  let stage: UiStage;
  let open: OpenPage;
  let asked: string[];

  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, makeScenario("none", WRITES));
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);

  beforeEach(async () => {
    open = await openPage(stage.browser, stage.url, { fragment: view(3_000, 9_000) });
    await open.settled();
    await quiet();
    asked = [];
    open.page.on("request", (request) => {
      const url = new URL(request.url());
      const [from, to] = ["from", "to"].map((name) => url.searchParams.get(name));
      if (url.pathname === "/api/timeline") asked.push(`${from} ${to}`);
    });
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  /** Also what is only near has come. */
  const quiet = () =>
    open.page.waitForFunction(() => window.__retroscope.tiles.running === 0, undefined);
  const press = async (keys: string) => {
    await open.page.keyboard.press(keys);
    await open.settled();
    await quiet();
  };
  const span = async (): Promise<number> => {
    const { from, to } = await open.viewport();
    return Number(BigInt(`0x${to}`) - BigInt(`0x${from}`));
  };

  it("are read by a worker, and a small move asks for none", async () => {
    expect(open.page.workers()).toHaveLength(1);
    await press("d");
    await press("a");
    await press("a");
    expect(asked).toEqual([]);
    expect(await open.page.evaluate(() => window.__retroscope.tiles.held)).toBeGreaterThan(3);
  });

  it("make the wider view out of the finer ones, and a narrower one is asked for once", async () => {
    await press("Shift+S");
    await press("Shift+W");
    await press("Shift+W");
    const narrow = asked.length;
    await press("Shift+S");
    await press("Shift+W");
    expect(asked.length).toBe(narrow);
    expect(new Set(asked).size).toBe(asked.length);
    await expectInk(open.page);
  });

  it("take back each change of range, also by its button, and repeat it", async () => {
    const start = await span();
    const rested = () => open.page.waitForFunction(() => window.__retroscope.rested);
    await rested();
    await press("w");
    await rested();
    const zoomed = await span();
    expect(zoomed).toBeLessThan(start);
    await press("z");
    expect(await span()).toBe(start);
    await press("Shift+Z");
    expect(await span()).toBe(zoomed);
    await open.page.getByRole("button", { name: "Previous range" }).click();
    expect(await span()).toBe(start);
  });

  it("follow the view that is dragged on the minimap, and its edge", async () => {
    const before = await open.viewport();
    const minimap = open.page.locator(".overview canvas");
    const box = await minimap.boundingBox();
    if (box === null) throw new Error("there is a minimap");
    const { mouse } = open.page;
    await mouse.move(box.x + box.width / 2, box.y + 20);
    await mouse.down();
    await mouse.move(box.x + box.width / 2 + 60, box.y + 20, { steps: 3 });
    await mouse.up();
    await open.settled();
    const moved = await open.viewport();
    expect(moved.from > before.from && moved.to > before.to).toBe(true);
    await expectInk(open.page);
  });
});

/** Columns or glyphs have been painted on the lanes, and the minimap has its density. */
async function expectInk(page: Page): Promise<void> {
  const shares = await page.evaluate(() =>
    [".plot canvas", ".overview canvas"].map((selector) => {
      const canvas = document.querySelector(selector) as HTMLCanvasElement;
      const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      let inked = 0;
      for (let i = 3; i < data.length; i += 4) if ((data[i] as number) > 0) inked += 1;
      return inked / (data.length / 4);
    }),
  );
  for (const share of shares) expect(share).toBeGreaterThan(0.02);
}
