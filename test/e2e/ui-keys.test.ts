/** Bookmarks, playing, and keys that a person moves or switches off: by keyboard alone. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { postScenario } from "../support/post-scenario.ts";
import {
  axeFindingsInEveryTheme,
  type OpenPage,
  openPage,
  stateShown,
} from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const at = (ms: number): string => formatHlc((SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const viewAt = (ms: number): string => `v=1&from=${at(4_000)}&to=${at(6_000)}&cut=${at(ms)}`;
const SOON = { timeout: 15_000 };
const helpOf = (page: Page) => page.getByRole("dialog", { name: "Keys and shapes" });
const kept = (page: Page) => page.evaluate(() => JSON.stringify(localStorage));

describe("keys", () => {
  let stage: UiStage;
  let open: OpenPage;
  let page: Page;
  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, makeScenario());
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  beforeEach(async () => {
    open = await openPage(stage.browser, stage.url, { fragment: viewAt(5_000) });
    ({ page } = open);
    await stateShown(open);
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const cutBecomes = (cut: string) =>
    page.waitForFunction((wanted) => window.__retroscope.cut === wanted, cut);

  it("bookmarks the cut, keeps it, walks between bookmarks, and the link has them", async () => {
    const flags = page.getByRole("list", { name: "Bookmarks in view" }).getByRole("button");
    await press("m", "Shift+M", "ArrowRight");
    await stateShown(open);
    const stepped = await open.cut();
    await press("m", "ArrowRight");
    await stateShown(open);
    const last = await open.cut();
    // The next press moves the one that was not kept.
    await press("m");
    await expect.poll(() => flags.count(), SOON).toBe(2);
    await press("Shift+V");
    await cutBecomes(at(5_000));
    await press("v");
    await cutBecomes(last);
    expect(last).not.toBe(stepped);
    expect(await axeFindingsInEveryTheme(page), "bookmarks").toEqual([]);

    await page.waitForFunction(() => location.hash.includes("here="));
    const fragment = await page.evaluate(() => location.hash.slice(1));
    const second = await openPage(stage.browser, stage.url, { fragment });
    await stateShown(second);
    const list = second.page.getByRole("list", { name: "Bookmarks in view" });
    await list
      .getByRole("button", { name: "Bookmark at 16:00:05.000", exact: true })
      .press("Enter");
    await second.page.waitForFunction((cut) => window.__retroscope.cut === cut, at(5_000));
    await list.getByRole("button", { name: /, not kept$/ }).press("Delete");
    await expect.poll(() => list.getByRole("button").count(), SOON).toBe(1);
    await second.page.keyboard.press("/");
    await second.page.getByRole("option", { name: /Cut to the bookmark at 16:00:05/ }).waitFor();
    expect(second.faults).toEqual([]);
    await second.close();
  }, 60_000);

  it("plays change by change, as steps would go, until Esc, and to the last change", async () => {
    await press("Shift+Period", "Shift+Period");
    const changes = new Set(
      makeScenario()
        .events.filter(({ kind }) => ["set", "delete", "add"].includes(kind))
        .map(({ t }) => formatHlc(t)),
    );
    await press("Space");
    const button = page.getByRole("button", { name: "Play" });
    expect(await button.getAttribute("aria-pressed")).toBe("true");
    expect(await page.getByRole("combobox", { name: "Changes a second" }).inputValue()).toBe("25");
    expect(await axeFindingsInEveryTheme(page), "playing").toEqual([]);
    await page.waitForFunction((cut) => (window.__retroscope.cut ?? "") > cut, at(5_200));
    await press("Escape");
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    await stateShown(open);
    const stopped = await open.cut();
    expect(changes).toContain(stopped);

    const last = [...changes].sort().at(-1) ?? "";
    await page.keyboard.press("/");
    const justBefore = formatHlc(((parseHlc(last) as Hlc) - 1) as Hlc);
    await page.keyboard.insertText(justBefore);
    await press("Enter");
    // The omnibox may still be loading: until it has gone there, Space is a character of its text.
    await cutBecomes(justBefore);
    await press("Space");
    await cutBecomes(last);
    await expect.poll(() => button.getAttribute("aria-pressed"), SOON).toBe("false");
  }, 60_000);

  it("gives a command another key, which is kept, and which no link writes", async () => {
    const before = await kept(page);
    await press("m");
    await page.waitForFunction(() => location.hash.includes("here="));
    expect(await kept(page)).toBe(before);

    await press("?");
    await helpOf(page).waitFor();
    const own = helpOf(page).getByRole("button", { name: /^Cut to the next change/ });
    await own.press("Enter");
    await press("m");
    await helpOf(page)
      .getByRole("status")
      .getByText("M: Cut to the next change, no longer: Bookmark the cut.")
      .waitFor();
    expect(await own.innerText()).toBe("M");
    expect(await axeFindingsInEveryTheme(page), "the help").toEqual([]);
    // Esc while a key is waited for leaves all as it is, and the dialog open.
    await own.press("Enter");
    await press("Escape");
    await helpOf(page).getByText("Nothing was changed.").waitFor();
    await press("Escape");
    await helpOf(page).waitFor({ state: "hidden" });

    await page.reload();
    await stateShown(open);
    const from = await open.cut();
    await press("ArrowRight");
    await press("m");
    await page.waitForFunction((cut) => window.__retroscope.cut !== cut, from);
    await stateShown(open);
    const first = makeScenario().events.find(
      ({ t, kind }) => t > (parseHlc(from) as Hlc) && ["set", "delete", "add"].includes(kind),
    );
    // The arrow had this command before and has nothing now.
    expect(await open.cut()).toBe(formatHlc(first?.t as Hlc));

    await press("?");
    await helpOf(page).getByRole("button", { name: "All keys as built" }).press("Enter");
    expect(await own.innerText()).toMatch(/→/);
  }, 60_000);

  it("switches letters off, while arrows, Esc and Ctrl+K stay", async () => {
    await press("?");
    await helpOf(page)
      .getByRole("checkbox", { name: /^Switch off letters/ })
      .press("Space");
    await press("Escape");
    await helpOf(page).waitFor({ state: "hidden" });
    await press("2", "x", "/", "?");
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("State");
    await press("ArrowRight");
    await page.waitForFunction((cut) => window.__retroscope.cut !== cut, at(5_000));
    await stateShown(open);
    await press("ControlOrMeta+k");
    await page.keyboard.type("open diff");
    await page.getByRole("option", { name: "Open Diff", selected: true }).waitFor();
    await press("Enter");
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("Diff");
  }, 60_000);
});
