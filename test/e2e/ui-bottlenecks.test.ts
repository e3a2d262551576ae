/**
 * Bottlenecks on the page: a simulated stall of a store behind two services, sent to a real collector, found by it,
 * marked on the lane of the process that stood still, and gone to by keyboard.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { BottlenecksJson, EpisodeJson } from "../../collector/api/bottleneck-shapes.ts";
import { hlcOfUs } from "../../collector/bottleneck/unix-us.ts";
import { postBatch } from "../support/post-batch.ts";
import { START_US, simulate } from "../support/queue-simulator.ts";
import { batchesOf } from "../support/simulated-batches.ts";
import {
  axeFindingsInEveryTheme,
  type OpenPage,
  openPage,
  stateShown,
} from "../support/ui-page.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const SECONDS = 14;
/** Of the simulated store, after its start. */
const STALL = { atMs: 9_200, ms: 150 };
const VIEW = { fromMs: 8_500, toMs: 10_500 };

const start = hlcOfUs(START_US);
const at = (ms: number): string => formatHlc(Math.round(start + ms * TICKS_PER_MS) as Hlc);

async function postStall(url: string): Promise<void> {
  const startUs = START_US + STALL.atMs * 1_000;
  const fault = {
    kind: "run",
    node: "store",
    startUs,
    endUs: startUs + STALL.ms * 1_000,
  } as const;
  const recordings = simulate({ seed: 11, seconds: SECONDS, perSecond: 120, faults: [fault] });
  for (const batch of batchesOf(recordings)) await postBatch(url, batch);
}

describe("a planted stall on the page", () => {
  let stage: UiStage;
  let open: OpenPage;
  let page: Page;
  let found: EpisodeJson;

  beforeAll(async () => {
    stage = await startUiStage(hlcOfUs(START_US + SECONDS * 1e6));
    await postStall(stage.url);
    const answer = await fetch(`${stage.url}/api/bottlenecks?from=${at(8_000)}&to=${at(11_000)}`);
    const { episodes } = (await answer.json()) as BottlenecksJson;
    expect(episodes).toHaveLength(1);
    found = episodes[0] as EpisodeJson;
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  beforeEach(async () => {
    open = await openPage(stage.browser, stage.url, {
      fragment: `v=1&from=${at(VIEW.fromMs)}&to=${at(VIEW.toMs)}&cut=${at(8_600)}`,
    });
    ({ page } = open);
    await stateShown(open);
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  const marks = () => page.getByRole("list", { name: "Bottlenecks on the lanes" });
  const mark = () =>
    marks().getByRole("button", { name: /^Bottleneck on store-1 at 16:00:09\.\d+: run/ });

  it("is marked on the lane of its process, over the time for which that stood still", async () => {
    await mark().waitFor();
    expect(await marks().getByRole("button").count()).toBe(1);
    const head = await page.locator(".lane-head", { hasText: "store-1" }).boundingBox();
    const bracket = await page.locator(".episode-mark .stretch").boundingBox();
    const plot = await page.locator(".plot").boundingBox();
    if (head === null || bracket === null || plot === null) throw new Error("all are on screen");
    expect(Math.abs(bracket.y - head.y)).toBeLessThan(2);
    expect(bracket.y + bracket.height).toBeLessThanOrEqual(head.y + head.height);
    const pixels = (ms: number) => (ms / (VIEW.toMs - VIEW.fromMs)) * plot.width;
    const left = bracket.x - plot.x;
    expect(Math.abs(left - pixels(STALL.atMs - VIEW.fromMs))).toBeLessThan(pixels(20));
    expect(Math.abs(bracket.width - pixels(STALL.ms))).toBeLessThan(pixels(40));
  });

  it("is chosen by keyboard, explained and spoken, and no theme has a fault", async () => {
    await mark().focus();
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(await open.cut()).toBe(found.stamped.onset.hlc);
    const detail = await page.getByRole("region", { name: "Chosen bottleneck" }).innerText();
    expect(detail).toContain("Bottleneck on store-1");
    expect(found.causes[0]?.cause).toBe("run");
    expect(detail).toContain(`${Math.round(found.causes[0]?.ms ?? Number.NaN)} ms`);
    expect(detail).toContain("unexplained");
    const told = () => page.locator(".sr-only[aria-live]").innerText();
    await expect
      .poll(told, { timeout: 10_000 })
      .toMatch(/^Bottleneck on store-1 at .*: run \d+ ms/);
    expect(await page.locator(".episode-rows tbody tr[data-selected=true]").count()).toBe(1);
    expect(await axeFindingsInEveryTheme(page)).toEqual([]);
  }, 60_000);

  it("is gone to by B from before it", async () => {
    await page.getByRole("slider", { name: "Cut" }).focus();
    await page.keyboard.press("Home");
    await stateShown(open);
    await page.keyboard.press("b");
    await stateShown(open);
    expect(await open.cut()).toBe(found.stamped.onset.hlc);
  });
});
