/**
 * A state of thousands of variables: drawn where somebody looks, and quick to drag. Every value that is on screen is
 * compared with what `/api/cut` says of the time under which it stands.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CutJson } from "../../collector/api/shapes.ts";
import { aBatch, type Row } from "../support/batches.ts";
import { postBatch } from "../support/post-batch.ts";
import {
  axeFindings,
  type OpenPage,
  openPage,
  shownState,
  stateShown,
} from "../support/ui-page.ts";
import { SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const NODES = Array.from({ length: 24 }, (_, i) => `bank-${String(i + 1).padStart(2, "0")}`);
const VARIABLES = 120;
const SPAN_MS = 4_000;

const msIn = (ms: number) => Math.round(SCENARIO_START + ms * TICKS_PER_MS) as Hlc;

/** Each variable changes three times, at times of its own. */
function rowsOf(place: number): Row[] {
  const rows: Row[] = [
    {
      t: msIn(place / 100),
      kind: "join",
      service: "bank",
      tags: {},
      instance: NODES[place] ?? "",
    },
  ];
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < VARIABLES; i += 1) {
      const t = msIn(10 + round * 1_300 + i * 10 + place / 10);
      const value = place * 1_000_000 + round * 1_000 + i;
      rows.push({ t, kind: "set", log: "accounts", key: `account-${i}`, value });
    }
  }
  return rows;
}

describe("a long state", () => {
  let stage: UiStage;
  let open: OpenPage;

  beforeAll(async () => {
    stage = await startUiStage(msIn(SPAN_MS));
    for (const [place, node] of NODES.entries()) {
      const fields = { node, service: "bank", closed: msIn(SPAN_MS) };
      await postBatch(stage.url, aBatch(rowsOf(place), fields));
    }
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  beforeEach(async () => {
    const fragment = `v=1&from=${formatHlc(msIn(0))}&to=${formatHlc(msIn(SPAN_MS))}&cut=${formatHlc(msIn(2_000))}`;
    open = await openPage(stage.browser, stage.url, { fragment });
    await stateShown(open);
    await open.page.locator(".node-state tbody tr:not(.away)").first().waitFor();
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  /** What is on screen must be what the collector says of the time in the panel's title. */
  const expectTrue = async (cut: string, shown: Readonly<Record<string, string>>) => {
    const { nodes } = (await (await fetch(`${stage.url}/api/cut?at=${cut}`)).json()) as CutJson;
    expect(Object.keys(shown).length).toBeGreaterThan(5);
    for (const [name, text] of Object.entries(shown)) {
      const [node = "", log = "", key = ""] = name.split("/");
      expect([cut, name, text]).toEqual([cut, name, String(nodes[node]?.logs[log]?.[key])]);
    }
  };
  const drawnRows = () => open.page.locator(".node-state tbody tr:not(.away)").count();

  it("draws the rows near what is visible, says how many there are, and draws others as they are scrolled to", async () => {
    const { page } = open;
    expect(await drawnRows()).toBeLessThan(200);
    expect(await page.locator(".node-state").count()).toBe(NODES.length);
    await expectTrue(await open.cut(), await shownState(page));
    const table = page.getByRole("region", { name: "State of bank-01" }).getByRole("table");
    expect(await table.getAttribute("aria-rowcount")).toBe(String(VARIABLES));

    const last = page.getByRole("region", { name: `State of ${NODES.at(-1)}` });
    await last.getByRole("heading").scrollIntoViewIfNeeded();
    await last.getByRole("button", { name: "account-3", exact: true }).waitFor();
    expect(await drawnRows()).toBeLessThan(300);
    await expectTrue(await open.cut(), await shownState(page));
    expect(await axeFindings(page)).toEqual([]);
  });

  it("filters all of it, drawn or not", async () => {
    const { page } = open;
    await page.getByLabel("Filter logs and variables").fill("account-119");
    await expect.poll(drawnRows).toBeGreaterThan(5);
    expect(await page.locator(".node-state").count()).toBe(NODES.length);
    const names = Object.keys(await shownState(page));
    expect(names.every((name) => name.endsWith("/account-119"))).toBe(true);
  });

  it("shows, while the cut is dragged, the nodes in sight at the very time in the title; the whole when it rests", async () => {
    const { page } = open;
    const asked: string[] = [];
    page.on("request", (request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname === "/api/cut") asked.push(searchParams.has("node") ? "glance" : "whole");
    });
    // The whole is kept back, so that the page stays on a glance.
    let letGo = (): void => {};
    const held = new Promise<void>((done) => {
      letGo = done;
    });
    await page.route(/\/api\/cut\?at=[0-9a-f]+$/, async (route) => {
      await held;
      await route.continue();
    });
    const slider = page.getByRole("slider", { name: "Cut" });
    const box = await slider.boundingBox();
    const ruler = await page.locator(".ruler").boundingBox();
    if (box === null || ruler === null) throw new Error("the slider is on the ruler");
    await page.mouse.move(box.x + box.width / 2, box.y + 8);
    await page.mouse.down();
    for (const share of [0.2, 0.7, 0.4, 0.9]) {
      await page.mouse.move(ruler.x + ruler.width * share, box.y + 8);
      await page.waitForFunction(() => {
        const { cut, stateCut } = window.__retroscope;
        return cut === stateCut;
      });
      const seen = await page.evaluate(() => window.__retroscope.shownCut);
      expect(seen).not.toBe(await open.cut());
      await page.getByText("Of the nodes in sight. The rest follows.").waitFor();
      await expectTrue(await open.cut(), await shownState(page));
    }
    expect(asked.filter((one) => one === "glance").length).toBeGreaterThanOrEqual(4);
    expect(await axeFindings(page)).toEqual([]);
    expect(await page.locator(".cut-worth").innerText()).toBe("Cut: asking");
    await page.mouse.up();
    letGo();
    await stateShown(open);
    expect(await page.getByText("Of the nodes in sight").count()).toBe(0);
    expect(await page.locator(".cut-worth").innerText()).toBe("Cut: consistent, complete");
    await expectTrue(await open.cut(), await shownState(page));
  });
});
