/** Live, paused, and what is shown while an answer is on its way; on the fixture server, which can be held. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { episodeAt } from "../support/episode-json.ts";
import { firstLoadBytes, laterBytes } from "../support/page-weight.ts";
import { type FixtureServer, startFixtureServer } from "../support/ui-fixture-server.ts";
import { type OpenPage, openPage, stateShown } from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START, type Scenario } from "../support/ui-scenario.ts";
import { startUiGround, type UiGround } from "../support/ui-stage.ts";

const MAX_FIRST_LOAD_BYTES = 90 * 1024;
const MAX_EDITOR_BYTES = 130 * 1024;

/** What is known after so many milliseconds of the scenario. */
function knownAt(ms: number): Scenario {
  const whole = makeScenario();
  const closed = (SCENARIO_START + ms * TICKS_PER_MS) as Hlc;
  return {
    ...whole,
    events: whole.events.filter(({ t }) => t <= closed),
    nodes: whole.nodes.map((node) => ({ ...node, closed })),
  };
}
const at = (ms: number): string => formatHlc((SCENARIO_START + ms * TICKS_PER_MS) as Hlc);

describe("live and paused", () => {
  let ground: UiGround;
  let server: FixtureServer;
  let open: OpenPage;
  beforeAll(async () => {
    ground = await startUiGround();
  }, 60_000);
  afterAll(async () => {
    await ground?.close();
  });
  beforeEach(async () => {
    server = await startFixtureServer(ground.folder, knownAt(4_000));
    open = await openPage(ground.browser, server.url);
    await stateShown(open);
  });
  afterEach(async () => {
    await open.close();
    await server.close();
  });

  const cutBecomes = (cut: string) =>
    open.page.waitForFunction((wanted) => window.__retroscope.cut === wanted, cut);

  it("follows the lowest watermark, stays where a pan left it, and returns by L", async () => {
    const { page } = open;
    expect(await open.cut()).toBe(at(4_000));
    server.scenario = knownAt(6_000);
    await cutBecomes(at(6_000));
    await stateShown(open);

    await page.keyboard.press("a");
    expect(await page.getByRole("button", { name: "Live" }).getAttribute("aria-pressed")).toBe(
      "false",
    );
    const paused = await open.viewport();
    server.scenario = knownAt(9_000);
    await page.getByText("Known up to 16:00:09.000").waitFor();
    expect(await open.cut()).toBe(at(6_000));
    expect(await open.viewport()).toEqual(paused);

    await page.keyboard.press("l");
    await cutBecomes(at(9_000));
  }, 30_000);

  it("marks what the collector tells of by itself, and asks for the rest once", async () => {
    const { page } = open;
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().includes("/api/bottlenecks")) asked += 1;
    });
    const onset = parseHlc(at(3_900)) as Hlc;
    const marks = page.getByRole("list", { name: "Bottlenecks on the lanes" });
    expect(await marks.count()).toBe(0);
    await server.tell("bottleneck", episodeAt(onset, { isOpen: true, ms: 60 }));
    await marks.getByRole("button", { name: /store-2.*of 60 ms, still open/ }).waitFor();
    await server.tell("bottleneck", episodeAt(onset, { revision: 2, ms: 150 }));
    await marks.getByRole("button", { name: /store-2.*of 150 ms$/ }).waitFor();
    expect(await marks.getByRole("button").count()).toBe(1);
    expect(asked).toBeLessThanOrEqual(1);
  }, 30_000);

  it("opens a busy system so close that single events can be told apart, at a clean address", async () => {
    const busy = await startFixtureServer(ground.folder, makeScenario("none", 300));
    const fresh = await openPage(ground.browser, busy.url);
    await stateShown(fresh);
    await fresh.page.waitForFunction(() => window.__retroscope.glyphs.length > 0);
    const { from, to } = await fresh.viewport();
    const spanMs = ((parseHlc(to) ?? 0) - (parseHlc(from) ?? 0)) / TICKS_PER_MS;
    expect(spanMs).toBeLessThanOrEqual(2_000);
    expect(await fresh.page.evaluate(() => location.hash)).toBe("");
    // A chosen width goes into the address.
    await fresh.page.keyboard.press("s");
    await fresh.page.keyboard.press("l");
    await fresh.page.waitForFunction(() => location.hash.includes("span="));
    await fresh.close();
    await busy.close();
  }, 30_000);

  it("draws events that arrive while it is paused, where they are in view", async () => {
    const { page } = open;
    await page.keyboard.press("0");
    await page.keyboard.press("s");
    await open.settled();
    const drawn = () => page.evaluate(() => window.__retroscope.glyphs.length);
    const before = await drawn();
    expect(before).toBeGreaterThan(0);
    server.scenario = knownAt(5_000);
    await page.waitForFunction((count) => window.__retroscope.glyphs.length > count, before);
  }, 30_000);

  it("moves the line at once, and never shows a value under a time that is not its own", async () => {
    const { page } = open;
    server.hold(/cut/);
    await page.getByRole("slider", { name: "Cut" }).focus();
    await page.keyboard.press("Home");
    // The line is there; the state is still that of the old cut, says so, and is dimmed.
    expect(await open.cut()).not.toBe(at(4_000));
    const state = page.locator(".state");
    await page.locator('.state[data-stale="true"][aria-busy="true"]').waitFor();
    expect(await state.getByRole("heading", { level: 2 }).innerText()).toContain("16:00:04.000");
    expect(await page.getByRole("slider").getAttribute("aria-valuetext")).toContain(
      "asking for the state",
    );
    server.release();
    await stateShown(open);
    expect(await state.getByRole("heading", { level: 2 }).innerText()).toContain("16:00:00.000");
    expect(await state.getAttribute("data-stale")).toBe("false");
  }, 30_000);

  it("asks only the newest of many cuts while one is on its way", async () => {
    const { page } = open;
    await page.keyboard.press("a");
    await open.settled();
    const asked: string[] = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.pathname === "/api/cut") asked.push(url.searchParams.get("at") ?? "");
    });
    server.hold(/cut/);
    const slider = await page.getByRole("slider").boundingBox();
    if (slider === null) throw new Error("the slider is on screen");
    await page.mouse.move(slider.x + 20, slider.y + 8);
    await page.mouse.down();
    await page.mouse.move(slider.x - 400, slider.y + 8, { steps: 40 });
    await page.mouse.up();
    const last = await open.cut();
    server.release();
    await stateShown(open);
    expect(asked.at(-1)).toBe(last);
    expect(asked.length).toBeLessThan(12);
  }, 30_000);

  it("tells a screen reader of a move, in its live region", async () => {
    const { page } = open;
    await page.keyboard.press("j");
    await page
      .locator('[aria-live="polite"]', { hasText: /consistent, complete|changed/ })
      .waitFor({ state: "attached" });
  }, 30_000);

  it("loads in 90 KiB, and the editor in 130", async () => {
    expect(await firstLoadBytes(ground.folder)).toBeLessThan(MAX_FIRST_LOAD_BYTES);
    // The editor of queries comes when it is used.
    expect(await laterBytes(ground.folder, /^rql-language/)).toBeLessThan(MAX_EDITOR_BYTES);
  });
});
