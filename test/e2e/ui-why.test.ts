/** Explaining, in a browser: why a value, where it turned bad, how long, and what a hidden lane leaves. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { type FixtureServer, startFixtureServer } from "../support/ui-fixture-server.ts";
import { axeFindings, type OpenPage, openPage, stateShown } from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiGround, type UiGround } from "../support/ui-stage.ts";

const scenario = makeScenario();
const at = (ms: number): string => formatHlc(Math.round(SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const view = (fromMs: number, toMs: number, cutMs: number, more = ""): string =>
  `v=1&from=${at(fromMs)}&to=${at(toMs)}&cut=${at(cutMs)}${more}`;

describe("explaining", () => {
  let ground: UiGround;
  let server: FixtureServer;
  let open: OpenPage;
  let page: Page;

  beforeAll(async () => {
    ground = await startUiGround();
    server = await startFixtureServer(ground.folder, scenario);
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    await ground?.close();
  });
  beforeEach(async () => {
    open = await openPage(ground.browser, server.url, { fragment: view(5_000, 6_000, 5_900) });
    page = open.page;
    await stateShown(open);
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    expect(server.policyReports).toEqual([]);
    await open.close();
  });

  it("leads from a value over its write to the message before it and its send, by keyboard", async () => {
    const write = scenario.events.findLast(
      (e) =>
        e.node === "store-1" &&
        e.fields["key"] === "version" &&
        e.t <= SCENARIO_START + 5_900 * TICKS_PER_MS,
    );
    const receive = scenario.events.findLast(
      (e) => e.node === "store-1" && e.kind === "receive" && e.t < (write?.t ?? 0),
    );
    const send = scenario.events.find(
      (e) => e.node === receive?.send?.node && e.seq === receive.send.seq,
    );
    await page.getByRole("button", { name: /^why ?: stock . version on store-1$/ }).press("Enter");
    await page.getByRole("heading", { name: "set on store-1" }).waitFor();
    await open.settled();
    expect(await open.cut()).toBe(formatHlc(write?.t as Hlc));
    await page.getByText("latest message before: order, not proof").waitFor();
    await page.keyboard.press("BracketLeft");
    await page.getByRole("heading", { name: "receive on store-1" }).waitFor();
    await open.settled();
    await page.keyboard.press("BracketLeft");
    await page.getByRole("heading", { name: "send on gateway-1" }).waitFor();
    await open.settled();
    expect(await open.cut()).toBe(formatHlc(send?.t as Hlc));
    const crumbs = page
      .getByRole("navigation", { name: "Why: the way here" })
      .getByRole("listitem");
    expect(await crumbs.count()).toBe(3);
    expect(await axeFindings(page)).toEqual([]);
    // The chain begins here, and says so; the way back is a crumb.
    await page.keyboard.press("BracketLeft");
    await page
      .getByText(/No message reached gateway-1 before this/)
      .first()
      .waitFor();
    await crumbs.first().getByRole("button").press("Enter");
    await page.getByRole("heading", { name: "set on store-1" }).waitFor();
    await open.settled();
    expect(await open.cut()).toBe(formatHlc(write?.t as Hlc));
  });

  it("bisects to the one change that made the state bad", async () => {
    const changes = scenario.events.filter(({ kind }) => ["set", "delete", "add"].includes(kind));
    const turn = changes[101]?.t as Hlc;
    const bar = page.getByRole("region", { name: "Bisecting" });
    const goTo = async (hex: string) => {
      await page.getByLabel("Go to a time").fill(hex);
      await page.keyboard.press("Enter");
      await stateShown(open);
    };
    await goTo(at(100));
    await page.keyboard.press("g");
    await goTo(at(11_900));
    await page.keyboard.press("Shift+G");
    await bar.getByText(/change.* left, about/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    for (let answers = 0; answers < 20; answers += 1) {
      await open.settled();
      if (await bar.getByText("One change is left").isVisible()) break;
      const isBad = (await open.cut()) >= formatHlc(turn);
      await page.keyboard.press(isBad ? "Shift+G" : "g");
    }
    await bar.getByText("One change is left").waitFor();
    expect(await open.cut()).toBe(formatHlc(turn));
    await bar.getByRole("button", { name: "Stop bisecting" }).click();
    expect(await bar.count()).toBe(0);
  });

  it("measures by a drag on the ruler, folds silences, and keeps the order of a hidden lane", async () => {
    const ruler = await page.locator(".ruler").boundingBox();
    if (ruler === null) throw new Error("there is a ruler");
    await page.mouse.move(ruler.x + 100, ruler.y + 10);
    await page.mouse.down();
    await page.mouse.move(ruler.x + 500, ruler.y + 10, { steps: 4 });
    await page.mouse.up();
    const measure = page.getByRole("region", { name: "Measure" });
    await measure.getByText(/\d+ requests?: min .* p50 .* max/).waitFor();
    await page.keyboard.press("Escape");
    expect(await measure.count()).toBe(0);
    // A change of the drawing only: the cut stays.
    const cut = await open.cut();
    await page.keyboard.press("q");
    await open.settled();
    const fold = page.getByRole("button", { name: "Fold silences" });
    expect(await fold.getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("button", { name: "Hide store-1" }).click();
    await page.getByText("1 lane hidden").waitFor();
    await open.settled();
    expect(await open.cut()).toBe(cut);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Show all lanes" }).press("Enter");
    await page.getByRole("button", { name: "Hide store-1" }).waitFor();
  });
});
