/**
 * What a newcomer tries first, on a real collector: click somewhere, press an arrow, click a variable,
 * ask whether the replicas agree. One node was there only in the first second.
 */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CutJson, StepsJson, VariableHistoryJson } from "../../collector/api/shapes.ts";
import { disagreements } from "../../ui/src/model/state-rows.ts";
import { valueText } from "../../ui/src/model/value-text.ts";
import { postScenario } from "../support/post-scenario.ts";
import { axeFindings, type OpenPage, openPage, stateShown } from "../support/ui-page.ts";
import {
  makeScenario,
  SCENARIO_MS,
  SCENARIO_START,
  type Scenario,
  type ScenarioEvent,
} from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

const at = (ms: number): string => formatHlc(Math.round(SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
const view = (fromMs: number, toMs: number, cutMs: number, more = ""): string =>
  `v=1&from=${at(fromMs)}&to=${at(toMs)}&cut=${at(cutMs)}${more}`;

/** The scenario, and `store-9`, which came and left within the first second. */
function withGuest(): Scenario {
  const scenario = makeScenario();
  const guest = (ms: number, seq: number, kind: string, fields = {}): ScenarioEvent => ({
    ...{ node: "store-9", service: "store", epoch: 1, seq, kind, fields },
    t: (SCENARIO_START + ms * TICKS_PER_MS) as Hlc,
  });
  const visit = [
    guest(10, 1, "join"),
    guest(20, 2, "set", { log: "stock", key: "apples", value: 1 }),
    guest(900, 3, "leave"),
  ];
  const closed = (SCENARIO_START + 900 * TICKS_PER_MS) as Hlc;
  return {
    ...scenario,
    events: [...scenario.events, ...visit],
    nodes: [...scenario.nodes, { node: "store-9", service: "store", epoch: 1, closed }],
  };
}

describe("finding out, as a newcomer does", () => {
  let stage: UiStage;
  let open: OpenPage;
  let page: Page;

  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, withGuest());
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);
  const show = async (fragment: string, width = 1_440) => {
    open = await openPage(stage.browser, stage.url, { fragment, width });
    ({ page } = open);
    await stateShown(open);
  };
  beforeEach(() => show(view(4_000, 6_000, 5_000)));
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(stage.url + path)).json()) as Answer;
  const plotBox = async () => {
    const box = await page.locator(".plot").boundingBox();
    if (box === null) throw new Error("the plot is on screen");
    return box;
  };
  const ticks = async () => parseHlc(await open.cut()) ?? 0;
  const cutIsNot = (cut: string) =>
    page.waitForFunction((old) => window.__retroscope.cut !== old, cut);

  it("a click on empty ground puts the cut there, and the arrows step on from it", async () => {
    const plot = await plotBox();
    const glyphs = await page.evaluate(() => window.__retroscope.glyphs);
    // A place without a glyph near, on a lane.
    const x = Array.from({ length: 60 }, (_, i) => 40 + i * 10).find((one) =>
      glyphs.every((glyph) => Math.abs(glyph.x - one) > 14),
    );
    if (x === undefined) throw new Error("some ground is empty");
    const y = glyphs[0]?.y ?? 0;
    await page.mouse.click(plot.x + x, plot.y + y);
    const clicked = await ticks();
    const start = parseHlc(at(4_000)) ?? 0;
    expect(clicked - start).toBeCloseTo((x / plot.width) * 2_000 * TICKS_PER_MS, -4);
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("State");

    await page.keyboard.press("ArrowRight");
    await cutIsNot(formatHlc(clicked as Hlc));
    const { steps } = await ask<StepsJson>(
      `/api/step?from=${formatHlc(clicked as Hlc)}&direction=next`,
    );
    expect(await open.cut()).toBe(steps[0]?.at.hlc);
  });

  it("after dragging the line in the lanes, ← and → step it and the view stays", async () => {
    const plot = await plotBox();
    const x = plot.x + plot.width / 2;
    await page.mouse.move(x, plot.y + 60);
    await page.mouse.down();
    await page.mouse.move(x + 90, plot.y + 60, { steps: 5 });
    await page.mouse.up();
    const dragged = await open.cut();
    expect(dragged).not.toBe(at(5_000));
    const before = await open.viewport();
    await page.keyboard.press("ArrowLeft");
    await cutIsNot(dragged);
    const { steps } = await ask<StepsJson>(`/api/step?from=${dragged}&direction=prev`);
    expect(await open.cut()).toBe(steps[0]?.at.hlc);
    expect(await open.viewport()).toEqual(before);
  });

  it("a click on a crowded place moves the cut, leaves the tab, and Events lists what is there", async () => {
    // Twelve seconds on a narrow screen: all is columns.
    await open.close();
    await show(view(0, SCENARIO_MS, 5_000), 700);
    const plot = await plotBox();
    const lane = await page.getByRole("button", { name: "store-1" }).first().boundingBox();
    if (lane === null) throw new Error("store-1 has a lane");
    await page.mouse.click(plot.x + plot.width * 0.6, lane.y + lane.height / 2 - 6);
    expect(await open.cut()).not.toBe(at(5_000));
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("State");
    await page.keyboard.press("6");
    await page.getByRole("heading", { name: /^Events from / }).waitFor();
    await open.settled();
    const nodes = await page.locator(".event-rows tbody td:nth-child(2)").allInnerTexts();
    expect(new Set(nodes.map((one) => one.trim()))).toEqual(new Set(["store-1"]));
  });

  it("a variable leads to its history, each value to its write, and back again, by keyboard", async () => {
    await page
      .getByRole("region", { name: "State of store-1" })
      .getByRole("button", { name: "version", exact: true })
      .press("Enter");
    const history = page.getByRole("region", { name: "History of stock / version on store-1" });
    await history.waitFor();
    await open.settled();
    expect(await axeFindings(page)).toEqual([]);
    // Few enough to be listed whole: exactly what the collector says, newest first.
    const { values } = await ask<VariableHistoryJson>(
      "/api/history?node=store-1&log=stock&key=version&limit=1000",
    );
    const rows = history.locator(".values tbody tr");
    const shown = await rows.evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim())),
    );
    expect(values.length).toBeGreaterThan(40);
    expect(shown).toEqual(
      values.map(({ at: { time }, value }) => [time.slice(11, 23), valueText(value)]).toReversed(),
    );
    const place = await rows.evaluateAll((all) =>
      all.findIndex((row) => row.querySelector('[aria-current="true"]') !== null),
    );
    const before = values.filter((one) => one.at.hlc <= at(5_000));
    expect(shown[place]?.[1]).toBe(valueText(before.at(-1)?.value));
    // The row below is the write before it.
    const earlier = before.at(-2);
    await rows
      .nth(place + 1)
      .getByRole("button")
      .press("Enter");
    await stateShown(open);
    expect(await open.cut()).toBe(earlier?.at.hlc);
    await page.waitForFunction(() => location.hash.includes("event=store-1"));

    await page.getByRole("button", { name: "Whole state" }).press("Enter");
    await page.getByRole("heading", { name: /State at/ }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("panel-body");
  });

  it("a variable is drawn on the lanes that hold it, and stays so in the address", async () => {
    const track = page.locator(".track-names", { hasText: "apples" });
    expect(await track.count()).toBe(0);
    await page
      .getByRole("region", { name: "State of store-1" })
      .getByRole("button", { name: "apples", exact: true })
      .press("Enter");
    const pin = page.getByRole("button", { name: "Show on lanes" });
    await pin.press("Enter");
    expect(await pin.getAttribute("aria-pressed")).toBe("true");
    await open.settled();
    const { nodes } = await ask<CutJson>(`/api/cut?at=${await open.cut()}`);
    const holders = Object.values(nodes).filter(({ logs }) => "stock" in logs).length;
    expect(holders).toBeGreaterThan(2);
    expect(await track.count()).toBe(holders);
    // Drawn, not only named: colour where the strip of the first store is.
    expect(await inkAt(page, "store-1")).toBeGreaterThan(200);
    await page.waitForFunction(() => location.hash.includes("pin="));
    const fragment = await page.evaluate(() => location.hash.slice(1));
    await open.close();
    await show(fragment);
    expect(await page.locator(".track-names", { hasText: "apples" }).count()).toBe(holders);
  });

  it("says which service's nodes disagree, and puts them side by side", async () => {
    const cut = await ask<CutJson>(`/api/cut?at=${await open.cut()}`);
    const [stores] = disagreements(cut);
    if (stores === undefined) throw new Error("the stores disagree at this cut");
    const line = page.getByRole("list", { name: "Variables that differ between nodes" });
    expect(await line.innerText()).toContain(
      `${stores.count} variable${stores.count === 1 ? " differs" : "s differ"} between the 3 nodes of store`,
    );
    await line.getByRole("button", { name: /Side by side/ }).press("Enter");
    await page.getByRole("group", { name: "stock by node" }).waitFor();
    expect(await page.locator('[data-differs="true"]').count()).toBe(stores.count);
  });

  it("a node's name filters State to it, with a way back", async () => {
    const sections = page.locator(".node-state");
    expect(await sections.count()).toBe(4);
    await page.getByRole("button", { name: "store-3" }).first().click();
    expect(await sections.count()).toBe(1);
    await page.getByRole("button", { name: "Show all nodes" }).press("Enter");
    expect(await sections.count()).toBe(4);
  });

  it("folds nodes that were not there in the view into one line, and shows them on demand", async () => {
    const guest = page.getByRole("button", { name: "store-9" });
    await page.getByText("1 node not there in this view").waitFor();
    expect(await guest.count()).toBe(0);
    await page.getByText("1 node was not there at this time: store-9").waitFor();
    await page.getByRole("button", { name: "Show nodes not there" }).press("Enter");
    await guest.first().waitFor();
    await page.waitForFunction(() => location.hash.includes("gone=1"));
    await page.getByRole("button", { name: "Hide nodes not there" }).press("Enter");
    expect(await guest.count()).toBe(0);
    // Where it was there, it has its lane like any other.
    await page.getByRole("slider", { name: "Cut" }).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("f");
    await guest.first().waitFor();
  });

  it("has one stop of the Tab key for all lane heads, and arrows between them", async () => {
    const heads = page.getByRole("list", { name: "Services and nodes" }).getByRole("button");
    const stops = () =>
      heads.evaluateAll((all) => all.filter((one) => (one as HTMLElement).tabIndex === 0).length);
    expect(await heads.count()).toBeGreaterThan(5);
    expect(await stops()).toBe(1);
    await heads.first().focus();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toMatch(/^store-1/);
    expect(await stops()).toBe(1);
    await page.keyboard.press("Enter");
    expect(await page.locator(".node-state").count()).toBe(1);
  });

  it("shows both times where the flags of two cuts would cover each other", async () => {
    await page.keyboard.press("x");
    const flag = await page.locator(".fixed-flag").boundingBox();
    const handle = await page.getByRole("slider", { name: "Cut" }).boundingBox();
    if (flag === null || handle === null) throw new Error("both flags are on screen");
    expect(await page.locator(".fixed-flag").innerText()).toContain("16:00:05.000");
    const isApart = flag.x + flag.width <= handle.x || handle.x + handle.width <= flag.x;
    expect(isApart).toBe(true);
  });
});

/** Pixels of the state track of a node that are not plain ground. */
function inkAt(page: Page, node: string): Promise<number> {
  return page.evaluate((wanted) => {
    const heads = [...document.querySelectorAll<HTMLElement>(".lane-head")];
    const head = heads.find((one) => one.querySelector(".name")?.textContent === wanted);
    const canvas = document.querySelector<HTMLCanvasElement>(".plot canvas");
    const context = canvas?.getContext("2d");
    if (head === undefined || canvas === null || context === null || context === undefined)
      return 0;
    const ratio = canvas.height / canvas.clientHeight;
    const bottom = head.getBoundingClientRect().bottom - canvas.getBoundingClientRect().top;
    const row = context.getImageData(0, Math.round((bottom - 14) * ratio), canvas.width, 1).data;
    let ink = 0;
    for (let i = 0; i < row.length; i += 4) {
      if ((row[i] ?? 255) + (row[i + 1] ?? 255) + (row[i + 2] ?? 255) < 745) ink += 1;
    }
    return ink;
  }, node);
}
