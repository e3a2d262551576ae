/** The omnibox and its commands, by keyboard alone: on a real collector, and on one that fails. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { postScenario } from "../support/post-scenario.ts";
import { startFixtureServer } from "../support/ui-fixture-server.ts";
import {
  axeFindingsInEveryTheme,
  type OpenPage,
  openPage,
  stateShown,
} from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const at = (ms: number): string => formatHlc((SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const VIEW = `v=1&from=${at(4_000)}&to=${at(6_000)}&cut=${at(5_000)}`;

const boxOf = (page: Page) => page.getByRole("combobox", { name: "Search, or go to a time" });
const found = (page: Page) => page.getByRole("listbox", { name: "Found" }).getByRole("option");

describe("the omnibox", () => {
  let stage: UiStage;
  let open: OpenPage;
  let page: Page;
  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, makeScenario());
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  beforeEach(async () => {
    open = await openPage(stage.browser, stage.url, { fragment: VIEW });
    ({ page } = open);
    await stateShown(open);
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  /** Types into the omnibox from anywhere, and waits until what is chosen has this name. */
  const look = async (text: string, chosen: RegExp | string) => {
    await page.keyboard.press("/");
    await page.keyboard.type(text);
    await page.getByRole("option", { name: chosen, selected: true }).waitFor();
  };
  const focused = () => page.evaluate(() => document.activeElement?.id);

  it.each([
    ["16:00:07.25", 7_250],
    ["2026-11-21T16:00:03Z", 3_000],
    [String(Date.parse("2026-11-21T16:00:03.5Z")), 3_500],
    [at(2_125), 2_125],
    ["-2s", 10_000],
  ])(
    "jumps the cut to %s, as the command line reads it",
    async (typed, ms) => {
      await look(typed, /^Cut to 16:00/);
      await page.keyboard.press("Enter");
      await stateShown(open);
      expect(await open.cut()).toBe(at(ms));
      expect(await boxOf(page).inputValue()).toBe("");
      // The keys are the page's again.
      await page.keyboard.press("2");
      expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("Diff");
    },
    60_000,
  );

  it("finds a node and selects it, though its lane was hidden and its service folded", async () => {
    await open.close();
    open = await openPage(stage.browser, stage.url, {
      fragment: `${VIEW}&hide=store-2&fold=store`,
    });
    ({ page } = open);
    await stateShown(open);
    await look("ore-2", /^store-2/);
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "State of store-2" }).waitFor();
    expect(await page.getByRole("region", { name: /^State of/ }).count()).toBe(1);
    expect(await page.locator(".lane-head .name").allInnerTexts()).toContain("store-2");
  }, 60_000);

  it("finds a variable: all that hold it side by side, or its history where one node is selected", async () => {
    await look("vers", /^stock \/ version/);
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(
      await page.getByRole("searchbox", { name: "Filter logs and variables" }).inputValue(),
    ).toBe("version");
    await look("leader", /^cluster \/ leader/);
    await page.keyboard.press("Escape");
    await look("store-3", /^store-3/);
    await page.keyboard.press("Enter");
    await look("leader", /^cluster \/ leader/);
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "History of cluster / leader on store-3" }).waitFor();
  }, 60_000);

  it("finds a log, and marks of the whole history", async () => {
    await look("client", /^client \/ open/);
    await page.keyboard.press("ArrowDown");
    await page
      .getByRole("option", { name: /^client 1 variable on 1 node/, selected: true })
      .waitFor();
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(await page.getByRole("region", { name: /^State of/ }).count()).toBe(1);

    // Far outside the view.
    const mark = makeScenario().events.findLast(({ kind }) => kind === "mark");
    await look("checkpoint 5", /^checkpoint 5/);
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(await open.cut()).toBe(formatHlc(mark?.t as Hlc));
    await page.getByRole("heading", { name: "mark on store-2" }).waitFor();
  }, 60_000);

  it("runs a query after =, and opens one without running it", async () => {
    await look("= SELECT version FROM stock WHEN Max(version) > 40", /^Run the query/);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => window.__retroscope.query.phase === "ended");
    expect(await page.evaluate(() => window.__retroscope.query.rows)).toBeGreaterThan(0);
    await look("=SELECT leader FROM cluster", /^Run the query/);
    await page.keyboard.press("ArrowUp");
    await page.getByRole("option", { name: /^Open it in the editor/, selected: true }).waitFor();
    await page.keyboard.press("Enter");
    const editor = page.getByRole("textbox", { name: "Query, in RQL" });
    await expect.poll(() => editor.textContent()).toBe("SELECT leader FROM cluster");
    await page.waitForFunction(() => location.hash.includes("Max%28version%29"));
  }, 60_000);

  it("Ctrl+K lists every command with its key, runs the chosen one, and gives the focus back", async () => {
    await page.getByRole("slider", { name: "Cut" }).focus();
    await page.keyboard.press("ControlOrMeta+k");
    await found(page).first().waitFor();
    const names = await found(page).allInnerTexts();
    expect(names.length).toBe(51);
    for (const name of names) expect(name).toMatch(/\n\S/); // its key stands below the name
    expect(await axeFindingsInEveryTheme(page), "commands").toEqual([]);
    await page.keyboard.type("compare");
    await page
      .getByRole("option", { name: /Fix cut 1 here and compare X/, selected: true })
      .waitFor();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash.includes("cut1="));
    expect(await focused()).toBe("cut-slider");

    // From within a field, too; and out of it again by Esc.
    await page.getByRole("searchbox", { name: "Filter lanes by node or service" }).focus();
    await page.keyboard.press("ControlOrMeta+k");
    expect(await focused()).toBe("omnibox");
    expect(await boxOf(page).inputValue()).toBe(">");
    await page.keyboard.press("Escape");
    await expect.poll(() => boxOf(page).inputValue()).toBe("");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
      "Filter lanes by node or service",
    );
  }, 60_000);

  it("says why nothing can be done, and forgets it when typing goes on", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("half past four");
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert");
    await alert.getByText(/No node, variable, log or mark is called that/).waitFor();
    expect(await axeFindingsInEveryTheme(page), "a problem").toEqual([]);
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("store");
    await page.getByRole("option", { name: /^gateway-1|^store-1/, selected: true }).waitFor();
    expect(await axeFindingsInEveryTheme(page), "finds").toEqual([]);
    expect(await open.cut()).toBe(at(5_000));
  }, 60_000);
});

describe("the omnibox on a bad day", () => {
  it("says that it could not be loaded, and, loaded again, finds times without names", async () => {
    const stage = await startUiStage();
    const server = await startFixtureServer(stage.folder, makeScenario());
    const open = await openPage(stage.browser, server.url, { fragment: VIEW });
    const { page } = open;
    await stateShown(open);
    await page.route(/assets\/find-.*js/, (route) => route.abort());
    await page.keyboard.press("/");
    await page.getByText(/Search could not be loaded/).waitFor();
    await page.unrouteAll();
    server.fail = { path: /schema|events/, how: "error" };
    await page.reload();
    await stateShown(open);
    await page.keyboard.press("/");
    await page.keyboard.type("16:00:03");
    await page.keyboard.press("Enter");
    await page.waitForFunction((cut) => window.__retroscope.cut === cut, at(3_000));
    expect(server.policyReports).toEqual([]);
    await open.close();
    await server.close();
    await stage.close();
  }, 60_000);
});
