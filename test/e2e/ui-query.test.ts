/**
 * Query in the browser: on a real collector, whose headers and engine are those of the product, by keyboard
 * alone; and on the fixture server what only a bad or a slow day shows.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { postScenario } from "../support/post-scenario.ts";
import { startFixtureServer } from "../support/ui-fixture-server.ts";
import {
  axeFindingsInEveryTheme,
  type OpenPage,
  openPage,
  stateShown,
} from "../support/ui-page.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const at = (ms: number): string => formatHlc((SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const h = (ms: number) => ({ hlc: at(ms), time: "" });
const VIEW = `v=1&from=${at(4_000)}&to=${at(6_000)}&cut=${at(5_000)}&tab=query`;
/** Versions differ between the stores while a write is on its way. */
const QUERY = "SELECT version FROM stock WHEN Max(version) > 40";

const SOON = { timeout: 15_000 };

const editorOf = (page: Page) => page.getByRole("textbox", { name: "Query, in RQL" });
const phaseIs = (page: Page, phase: string) =>
  page.waitForFunction((wanted) => window.__retroscope.query.phase === wanted, phase);
/** Types into an empty editor; the list of completions may be open and is closed. */
async function typeQuery(page: Page, text: string): Promise<void> {
  await editorOf(page).focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

describe("queries", () => {
  let stage: UiStage;
  let open: OpenPage | undefined;

  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, makeScenario());
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  afterEach(async () => {
    // Also what the page's policy refuses is said there: the editor's styles are within it.
    expect(open?.faults).toEqual([]);
    await open?.close();
  });

  it("typed with completion, run and walked by keys; the link has text, rows and the chosen row again", async () => {
    open = await openPage(stage.browser, stage.url, { fragment: VIEW.replace("&tab=query", "") });
    await stateShown(open);
    const { page } = open;
    await page.keyboard.press("4");
    await editorOf(page).waitFor();
    await editorOf(page).focus();
    // Completion: the words of the language and of this collector.
    await page.keyboard.type("SELECT version FROM st");
    await page.getByRole("option", { name: /^stock/ }).click();
    await page.keyboard.insertText(" WHEN Max(version) > 40");
    await page.keyboard.press("ControlOrMeta+Enter");
    await phaseIs(page, "ended");
    const rows = await page.evaluate(() => window.__retroscope.query.rows);
    expect(rows).toBeGreaterThan(0);
    await page.getByText("✓ complete").waitFor();
    // Out of the editor by Tab, then from row to row.
    await page.keyboard.press("Tab");
    await page.keyboard.press("n");
    await page.getByRole("heading", { name: `Rows: 1 of ${rows}` }).waitFor();
    await stateShown(open);
    const cut = await open.cut();
    const asked = await fetch(`${stage.url}/api/query`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ rql: QUERY }),
    });
    const lines = (await asked.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const told = lines.filter(({ type }) => type === "row");
    expect(told).toHaveLength(rows);
    expect(cut).toBe(told[0].from.hlc);
    // What the query names is drawn on the lanes, unasked.
    await page.locator(".lane-heads").getByText("version").first().waitFor();

    await page.waitForFunction(() => location.hash.includes("hit="));
    const fragment = await page.evaluate(() => location.hash.slice(1));
    const second = await openPage(stage.browser, stage.url, { fragment });
    await phaseIs(second.page, "ended");
    await second.page.getByRole("heading", { name: `Rows: 1 of ${rows}` }).waitFor();
    expect([await second.cut(), second.faults]).toEqual([cut, []]);
    await second.close();
  }, 60_000);

  it("underlines what cannot be read at once, checks names after a pause, and mends both by one key", async () => {
    open = await openPage(stage.browser, stage.url, { fragment: VIEW });
    const { page } = open;
    await editorOf(page).waitFor();
    await typeQuery(page, "SELECT version FROM stock WEHN Cardnality(version) > 1");
    await page.getByText('found "WEHN"').waitFor();
    expect(await page.locator(".rql-error").textContent()).toBe("WEHN");
    await page.keyboard.press("ControlOrMeta+.");
    await page.getByText('there is no function "Cardnality"').waitFor();
    await page.getByRole("button", { name: /Replace with Cardinality/ }).click();
    await page.locator(".rql-error").waitFor({ state: "detached" });
    expect(await editorOf(page).textContent()).toBe(
      "SELECT version FROM stock WHEN Cardinality(version) > 1",
    );
  }, 60_000);

  it("saves a query as a monitor, and the bell tells of what it finds", async () => {
    open = await openPage(stage.browser, stage.url, { fragment: VIEW });
    const { page } = open;
    await editorOf(page).waitFor();
    await typeQuery(
      page,
      'SELECT motto FROM later WHEN motto["store-1"] = "late" ON TIME "-5s" LAST 2',
    );
    await page.getByRole("button", { name: "Save as monitor" }).click();
    const form = page.getByRole("form", { name: "Save as monitor" });
    await form.getByText('SELECT motto FROM later WHEN motto["store-1"] = "late"').waitFor();
    await form.getByText('without ON TIME "-5s", LAST 2').waitFor();
    // The log is not known yet: that is refused, with its reason, and nothing was made.
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByText(/later/).nth(1).waitFor();
    await page.keyboard.press("Escape");

    await typeQuery(page, 'SELECT leader FROM cluster WHEN leader["store-1"] = "late" FIRST');
    await page.getByRole("button", { name: "Save as monitor" }).click();
    await form.getByRole("textbox", { name: "Name" }).fill("late leader");
    await page.keyboard.press("Enter");
    await page.getByText("Watching.").waitFor();
    const monitors = page.getByRole("region", { name: "Monitors" });
    await monitors.getByText("late leader").waitFor();

    await postScenario(stage.url, later());
    const bell = page.getByRole("button", { name: "Alerts" });
    await expect.poll(() => bell.getAttribute("aria-label"), SOON).toBe("Alerts: 1 new");
    await bell.click();
    const alerts = page.getByRole("region", { name: "Alerts" });
    await alerts.getByRole("button", { name: /late leader began/ }).click();
    await stateShown(open);
    expect(await open.cut()).toBe(at(SCENARIO_MS + 100));
    await page.keyboard.press("4");
    await monitors.getByRole("button", { name: "Delete monitor late leader" }).click();
    await monitors.getByText("None.").waitFor();
  }, 60_000);

  it("while it runs: hits, doubt and progress are shown, Esc closes the connection, no theme has a fault", async () => {
    const server = await startFixtureServer(stage.folder, makeScenario());
    server.query = { lines: RUNNING, isOpen: true };
    open = await openPage(stage.browser, server.url, { fragment: VIEW });
    const { page } = open;
    await page.getByRole("list", { name: "Queries to begin with" }).waitFor();
    expect(await axeFindingsInEveryTheme(page), "an empty editor").toEqual([]);
    await typeQuery(page, QUERY);
    await page.keyboard.press("ControlOrMeta+Enter");
    await page.getByRole("heading", { name: "Rows: 3+" }).waitFor();
    await page.getByText(/40 % searched/).waitFor();
    await page.getByText("at least 500 ms").waitFor();
    await page.getByText("1 s so far").waitFor();
    await page.getByRole("button", { name: "Save as monitor" }).click();
    await page.getByRole("button", { name: "Alerts" }).click();
    expect(await axeFindingsInEveryTheme(page), "running").toEqual([]);
    await page.keyboard.press("Escape");
    await editorOf(page).focus();
    await page.keyboard.press("Escape");
    await page.getByText(/^Cancelled: the rows so far stay/).waitFor();
    await expect.poll(() => server.cancelled).toEqual([QUERY]);

    server.query = { lines: NOTHING, isOpen: false };
    await page.keyboard.press("ControlOrMeta+Enter");
    await page.getByText(/^No row: 11 cuts searched/).waitFor();
    server.fail = { path: /query/, how: "drop" };
    await page.keyboard.press("ControlOrMeta+Enter");
    await page.getByText("The query did not run.").waitFor();
    expect(await axeFindingsInEveryTheme(page), "failed, with the answer before").toEqual([]);
    expect(server.policyReports).toEqual([]);
    await server.close();
  }, 90_000);
});

/** Store-1 sets what the monitor waits for, a tenth of a second after all else. */
function later(): ReturnType<typeof makeScenario> {
  const whole = makeScenario();
  const t = (SCENARIO_START + (SCENARIO_MS + 100) * TICKS_PER_MS) as Hlc;
  const closed = (t + 1_000 * TICKS_PER_MS) as Hlc;
  const own = whole.events.filter(({ node }) => node === "store-1");
  const last = own.at(-1);
  if (last === undefined) throw new Error("the scenario has no store-1");
  const fields = { log: "cluster", key: "leader", value: "late" };
  const event = { ...last, kind: "set", t, seq: last.seq + 1, fields };
  return {
    ...whole,
    events: [...whole.events, event],
    nodes: whole.nodes.map((node) => ({ ...node, closed })),
  };
}

const START = {
  ...{ type: "start", query: 0, columns: ["version"], from: h(0), to: h(12_000) },
  nodes: ["store-1", "store-2"],
};
const row = (n: number, from: number, to: number, more = {}) => ({
  ...{ type: "row", query: 0, n, from: h(from), to: h(to), durationMs: to - from },
  ...{ sinceStart: false, open: false, complete: true, incomplete: [], by: ["store-1"] },
  values: { version: { "store-1": 41, "store-2": 40 } },
  ...more,
});
const RUNNING = [
  START,
  row(1, 0, 500, { sinceStart: true, by: [] }),
  row(2, 4_300, 4_700, {
    complete: false,
    incomplete: [{ node: "store-2", reason: "lagging", after: h(4_200) }],
  }),
  { type: "hit", query: 0, n: 3, from: h(5_000), values: { version: { "store-1": 44 } } },
  { type: "progress", query: 0, searchedTo: h(6_000), cuts: 120, fraction: 0.4 },
];
const NOTHING = [
  START,
  {
    ...{ type: "end", query: 0, status: "done", rows: 0, matches: 0, matchedMs: 0 },
    ...{ unknownMs: 200, undecided: 0, cuts: 11, searchedTo: h(12_000), complete: true },
    ...{ incomplete: [], elapsedMs: 1 },
  },
];
