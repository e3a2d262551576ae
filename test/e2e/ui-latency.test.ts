/**
 * Latency on the page: a simulated stall of a store, sent to a real collector. What heat map, table and box show is
 * compared with what `/api/latency` and `/api/events` answer for the same range; all of it by role, and by keyboard.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { LatencyJson } from "../../collector/api/bottleneck-shapes.ts";
import type { EventsJson } from "../../collector/api/shapes.ts";
import { hlcOfUs } from "../../collector/bottleneck/unix-us.ts";
import { readFragment } from "../../ui/src/model/fragment.ts";
import { clockText, countText, microsText } from "../../ui/src/scale/time-words.ts";
import { firstLoadBytes } from "../support/page-weight.ts";
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
const STALL = { atMs: 9_200, ms: 150 };
const VIEW = { fromMs: 8_000, toMs: 10_000 };
/** What the page asks for where the plot is some 790 pixels wide: the least of which a column has three. */
const WINDOW_MS = 10;

const start = hlcOfUs(START_US);
const at = (ms: number): string => formatHlc(Math.round(start + ms * TICKS_PER_MS) as Hlc);
const hlc = (hex: string): Hlc => parseHlc(hex) as Hlc;
const fragment = (more = "") =>
  `v=1&from=${at(VIEW.fromMs)}&to=${at(VIEW.toMs)}&cut=${at(8_100)}${more}`;

describe("latency on the page", () => {
  let stage: UiStage;
  let open: OpenPage;
  let page: Page;

  beforeAll(async () => {
    stage = await startUiStage(hlcOfUs(START_US + SECONDS * 1e6));
    const startUs = START_US + STALL.atMs * 1_000;
    const endUs = startUs + STALL.ms * 1_000;
    const faults = [{ kind: "run" as const, node: "store" as const, startUs, endUs }];
    const recordings = simulate({ seed: 11, seconds: SECONDS, perSecond: 120, faults });
    for (const batch of batchesOf(recordings)) await postBatch(stage.url, batch);
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);

  const show = async (text: string): Promise<void> => {
    open = await openPage(stage.browser, stage.url, { fragment: text });
    ({ page } = open);
    await stateShown(open);
  };
  beforeEach(() => show(fragment()));
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  const strip = () => page.getByRole("region", { name: "Heat map and percentiles" });
  const opener = () => strip().getByRole("button", { name: "Latency" });
  const heatMap = () => strip().getByRole("group", { name: /^Heat map of latencies/ });
  const boxRegion = () => page.getByRole("region", { name: "Box", exact: true });
  const table = () => strip().getByRole("table");
  const spoken = () => page.locator(".sr-only[aria-live]").innerText();
  /** Open, and its answer here. */
  const unfold = async (): Promise<void> => {
    await opener().click();
    await strip()
      .getByText(/^1 .* requests? in 10 ms$/)
      .waitFor();
    await open.settled();
  };
  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(stage.url + path)).json()) as Answer;
  const answerOf = (from: string, to: string, more = "") =>
    ask<LatencyJson>(`/api/latency?from=${from}&to=${to}&window=${WINDOW_MS}ms&cells=4${more}`);
  const boxOfLink = async () => {
    await expect
      .poll(() => page.evaluate(() => location.hash), { timeout: 5_000 })
      .toContain("box=");
    const { box } = readFragment(page.url().split("#")[1] ?? "").view;
    if (box === null) throw new Error("the link carries the box");
    return box;
  };

  it("comes late: nothing of it is loaded or asked for before it is opened", async () => {
    expect(await firstLoadBytes(stage.folder)).toBeLessThanOrEqual(90 * 1_024);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.reload();
    await stateShown(open);
    expect(asked.filter((path) => /latency/.test(path))).toEqual([]);
    await unfold();
    expect(asked.filter((path) => path === "/api/latency").length).toBeGreaterThan(0);
  });

  it("shows in rows, window by window, what /api/latency answers for the view", async () => {
    await unfold();
    await strip().getByRole("button", { name: "Table" }).click();
    const { server } = await answerOf(at(VIEW.fromMs), at(VIEW.toMs));
    const rows = await table()
      .locator("tbody tr")
      .evaluateAll((all) =>
        all.map((row) => [...row.querySelectorAll("td")].slice(0, 6).map((one) => one.innerText)),
      );
    const us = (value: number | null) => (value === null ? "–" : microsText(value));
    const expected = server.windows.map((one) => [
      clockText(hlc(one.start.hlc)),
      countText(one.count),
      ...[one.p50Us, one.p95Us, one.p99Us, one.maxUs].map(us),
    ]);
    expect(expected.length).toBeGreaterThan(50);
    expect(rows).toEqual(expected);
    expect(
      await table()
        .getByRole("button", { name: /^run \d+ ms$/ })
        .count(),
    ).toBeGreaterThan(0);
  });

  it("paints a cell wherever requests were counted, and nowhere else", async () => {
    await unfold();
    const { server } = await answerOf(at(VIEW.fromMs), at(VIEW.toMs));
    const painted = await heatMap()
      .locator("canvas")
      .first()
      .evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const pen = canvas.getContext("2d");
        const { width, height } = canvas;
        // The heat map alone: flags above, lines below.
        const top = Math.round((height / 212) * 16);
        const rows = Math.round((height / 212) * 100);
        const { data } = (pen as CanvasRenderingContext2D).getImageData(0, top, width, rows);
        // Bluer than red by far: cells; grid lines are grey, episodes orange.
        const columns: boolean[] = [];
        for (let x = 0; x < width; x += 1) {
          let isPainted = false;
          for (let y = 0; y < rows; y += 1) {
            const i = 4 * (y * width + x);
            const [red = 0, , blue = 0, alpha = 0] = data.slice(i, i + 4);
            if (alpha === 255 && blue - red > 25) isPainted = true;
          }
          columns.push(isPainted);
        }
        return columns;
      });
    const pixelsPerMs = painted.length / (VIEW.toMs - VIEW.fromMs);
    const counted = new Set(
      server.windows.map(({ start: { hlc: hex } }) =>
        Math.round((hlc(hex) - start) / TICKS_PER_MS - VIEW.fromMs),
      ),
    );
    const wrong: string[] = [];
    for (let ms = 0; ms < VIEW.toMs - VIEW.fromMs; ms += WINDOW_MS) {
      const middle = Math.floor((ms + WINDOW_MS / 2) * pixelsPerMs);
      if (painted[middle] !== counted.has(ms)) wrong.push(`${ms} ms: ${painted[middle]}`);
    }
    expect(wrong).toEqual([]);
    expect(counted.size).toBeLessThan((VIEW.toMs - VIEW.fromMs) / WINDOW_MS);
  });

  it("compares the box that is drawn with the rest, and reads the requests that the heat map counts", async () => {
    await unfold();
    const plot = await heatMap().boundingBox();
    if (plot === null) throw new Error("the heat map is on screen");
    const x = (ms: number) =>
      plot.x + ((ms - VIEW.fromMs) / (VIEW.toMs - VIEW.fromMs)) * plot.width;
    // Around the end of the stall, from the top down to half of the heat map.
    await page.mouse.move(x(STALL.atMs + 120), plot.y + 20);
    await page.mouse.down();
    await page.mouse.move(x(STALL.atMs + 200), plot.y + 40);
    await page.mouse.move(x(STALL.atMs + 260), plot.y + 70);
    await page.mouse.up();
    await boxRegion()
      .getByText(/\d+ requests in the box/)
      .waitFor();
    await open.settled();
    const box = await boxOfLink();
    const inTime = await ask<EventsJson>(
      `/api/events?from=${formatHlc(box.from)}&to=${formatHlc((box.to - 1) as Hlc)}&kind=request&limit=10000`,
    );
    const inside = inTime.events.filter(({ residenceUs }) => {
      const us = Number(residenceUs);
      return us >= box.lowUs && us < box.highUs;
    });
    expect(inside.length).toBeGreaterThan(3);
    const text = await boxRegion().innerText();
    expect(text).toContain(`${inside.length} requests in the box`);
    const { server } = await answerOf(formatHlc(box.from), formatHlc((box.to - 1) as Hlc));
    const cells = server.total.buckets.filter(([us]) => us >= box.lowUs && us < box.highUs);
    expect(cells.reduce((sum, [, count]) => sum + count, 0)).toBe(inside.length);
    expect(text).not.toContain("The heat map counts");
    // The store was slow to none of its own requests by as much: its callers waited.
    const services = boxRegion().getByRole("table", { name: /^service differs/ });
    const share = (service: string) =>
      inside.filter((one) => one.service === service).length / inside.length;
    for (const service of new Set(inside.map((one) => one.service))) {
      const cell = services.getByRole("button", {
        name: new RegExp(`^service ${service}, in the box: ${Math.round(share(service) * 100)} %`),
      });
      expect(await cell.count()).toBe(1);
    }
  });

  it("is opened, boxed, read and put away by keyboard alone", async () => {
    await page.keyboard.press("h");
    await heatMap().waitFor();
    await strip()
      .getByText(/requests? in 10 ms$/)
      .waitFor();
    await page.keyboard.press("F6");
    await page.keyboard.press("F6");
    await page.keyboard.press("F6");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("latency");
    const before = await open.cut();
    await page.keyboard.press("Shift+ArrowRight");
    await boxRegion().waitFor();
    const first = await boxOfLink();
    // It begins where the slowest requests are: those that the stall held up.
    expect((first.from - start) / TICKS_PER_MS).toBeGreaterThanOrEqual(STALL.atMs + STALL.ms - 20);
    expect(first.highUs).toBeGreaterThan(STALL.ms * 1_000);
    await expect.poll(spoken, { timeout: 10_000 }).toMatch(/^Box: 16:00:09\.\d+, 10 ms long/);
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowLeft");
    await expect
      .poll(async () => (await boxOfLink()).from, { timeout: 5_000 })
      .toBe(first.from - WINDOW_MS * TICKS_PER_MS);
    expect(await open.cut()).toBe(before);
    expect((await boxOfLink()).to - (await boxOfLink()).from).toBe(2 * WINDOW_MS * TICKS_PER_MS);
    await page.keyboard.press("Escape");
    await boxRegion().waitFor({ state: "detached" });
    await page.keyboard.press("ArrowRight");
    // The cut's again: it looks for a change, of which a simulated system has none.
    await expect.poll(spoken, { timeout: 10_000 }).toMatch(/^No later change/);
  });

  it("lists the requests of a cell, slowest first, and goes to one", async () => {
    const box = `${at(STALL.atMs)}-${at(STALL.atMs + 400)}-32768-262144`;
    await open.close();
    await show(fragment(`&heat=1&tab=bottlenecks&box=${box}`));
    const rows = page.getByRole("region", { name: "Requests of the box" });
    await rows.waitFor();
    const cell = boxRegion().getByRole("button", { name: /^service gateway, in the box/ });
    await cell.focus();
    await page.keyboard.press("Enter");
    await rows.getByRole("heading", { name: "service gateway, in the box" }).waitFor();
    const nodes = await rows.locator("tbody tr td:nth-child(2)").allInnerTexts();
    expect(nodes.length).toBeGreaterThan(0);
    expect(new Set(nodes)).toEqual(new Set(["gateway-1"]));
    const slowest = rows.locator("tbody tr").first().getByRole("button");
    const when = await slowest.innerText();
    await slowest.focus();
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(clockText(hlc(await open.cut()))).toBe(when);
    expect(await page.getByRole("tab", { selected: true }).innerText()).toContain("Events");
  });

  it("is restored from a link: strip, side and box", async () => {
    await unfold();
    await strip().getByRole("button", { name: "Called" }).click();
    await heatMap().focus();
    await strip().getByRole("button", { name: "Served" }).click();
    await heatMap().focus();
    await page.keyboard.press("Shift+ArrowRight");
    await boxRegion()
      .getByText(/in the box/)
      .first()
      .waitFor();
    const box = await boxOfLink();
    const said = await boxRegion().locator("p").first().innerText();
    const address = page.url();
    await open.close();
    await show(address.split("#")[1] ?? "");
    await heatMap().waitFor();
    expect(await boxOfLink()).toEqual(box);
    expect(await boxRegion().locator("p").first().innerText()).toBe(said);
  });

  it("takes a typed box, and says what is wrong with one", async () => {
    await unfold();
    await heatMap().focus();
    await page.keyboard.press("Shift+ArrowRight");
    await boxRegion().getByText("Type the box").click();
    await boxRegion().getByLabel("From", { exact: true }).fill("16:00:09.1");
    await boxRegion().getByLabel("To", { exact: true }).fill("16:00:09");
    await page.keyboard.press("Enter");
    await boxRegion().getByRole("alert").getByText("The end has to come after").waitFor();
    await boxRegion().getByLabel("To", { exact: true }).fill("16:00:09.5");
    await boxRegion().getByLabel("Fastest").fill("20");
    await boxRegion().getByLabel("Slowest").fill("400");
    await page.keyboard.press("Enter");
    const wanted = { from: hlc(at(9_100)), to: hlc(at(9_500)), lowUs: 20_000, highUs: 400_000 };
    await expect.poll(boxOfLink, { timeout: 5_000 }).toEqual(wanted);
  });

  it("says what it waits for, what went wrong, and where nothing is known; axe finds nothing in any theme", async () => {
    const answer = { status: 500, json: { error: { code: "store-failed", message: "No store." } } };
    await page.route("**/api/latency?**", (route) => route.fulfill(answer));
    await opener().click();
    await strip().getByText("The latencies could not be loaded.").waitFor();
    expect(await axeFindingsInEveryTheme(page), "failed").toEqual([]);
    await page.unroute("**/api/latency?**");
    await strip().getByRole("button", { name: "Try again" }).click();
    await strip()
      .getByText(/requests? in 10 ms$/)
      .waitFor();
    await heatMap().focus();
    await page.keyboard.press("Shift+ArrowRight");
    await boxRegion().getByRole("table").first().waitFor();
    expect(await axeFindingsInEveryTheme(page), "with a box").toEqual([]);
    await strip().getByRole("button", { name: "Table" }).click();
    await table().waitFor();
    expect(await axeFindingsInEveryTheme(page), "as a table").toEqual([]);
    await open.close();
    await show(`v=1&from=${at(-9_000)}&to=${at(-8_000)}&cut=${at(8_100)}&heat=1`);
    await strip()
      .getByText(/No request is known to have ended in this view/)
      .waitFor();
    expect(await axeFindingsInEveryTheme(page), "empty").toEqual([]);
    await open.close();
    const day = 26 * 3_600_000;
    await show(`v=1&from=${at(9_000 - day)}&to=${at(10_000)}&cut=${at(8_100)}&heat=1`);
    await strip().getByText("Latencies are shown for a day or less").waitFor();
  }, 60_000);

  it("selects an episode by its flag", async () => {
    await unfold();
    const plot = await heatMap().boundingBox();
    if (plot === null) throw new Error("the heat map is on screen");
    const share = (STALL.atMs + STALL.ms / 2 - VIEW.fromMs) / (VIEW.toMs - VIEW.fromMs);
    await page.mouse.click(plot.x + share * plot.width, plot.y + 6);
    await page.getByRole("region", { name: "Chosen bottleneck" }).waitFor();
    expect(await boxRegion().count()).toBe(0);
  });
});
