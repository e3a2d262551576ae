/**
 * The page on a real collector: history posted as batches, kept in LMDB, answered by the cut engine.
 * What the page shows is compared with what `/api/cut` says.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CutJson, DiffJson, StepsJson } from "../../collector/api/shapes.ts";
import { valueText } from "../../ui/src/model/value-text.ts";
import { postScenario } from "../support/post-scenario.ts";
import {
  axeFindings,
  type OpenPage,
  openPage,
  shownState,
  stateShown,
} from "../support/ui-page.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";
import { startUiStage, type UiStage } from "../support/ui-stage.ts";

/** A long walk is asked for by hand; test/README.md has the line. */
const WALK_MOVES = Number(process.env["RETROSCOPE_UI_MOVES"] ?? 200);
/** Most of it is waiting for the collector and for frames, on a machine that others use too. */
const MOVE_LIMIT_MS = 600;
const SEED = Number(process.env["RETROSCOPE_SEED"] ?? 20_261_121);

const at = (ms: number): string => formatHlc(Math.round(SCENARIO_START + ms * TICKS_PER_MS) as Hlc);
/** A paused view of two seconds with the cut in it. */
const view = (cutMs: number, more = ""): string =>
  `v=1&from=${at(cutMs - 1_000)}&to=${at(cutMs + 1_000)}&cut=${at(cutMs)}${more}`;

describe("the page on a real collector", () => {
  let stage: UiStage;
  let open: OpenPage;

  beforeAll(async () => {
    stage = await startUiStage();
    await postScenario(stage.url, makeScenario());
  }, 60_000);
  afterAll(() => stage?.close(), 30_000);

  const show = async (fragment: string) => {
    open = await openPage(stage.browser, stage.url, { fragment });
    await stateShown(open);
    return open.page;
  };
  beforeEach(async () => {
    await show(view(5_000));
  });
  afterEach(async () => {
    expect(open.faults).toEqual([]);
    await open.close();
  });

  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(stage.url + path)).json()) as Answer;

  /** The state that the collector gives for the page's cut, in the words of the page. */
  const expectedState = async (cut: string): Promise<Record<string, string>> => {
    const { nodes } = await ask<CutJson>(`/api/cut?at=${cut}`);
    const rows: Record<string, string> = {};
    for (const [node, { logs }] of Object.entries(nodes)) {
      for (const [log, variables] of Object.entries(logs)) {
        for (const [key, value] of Object.entries(variables))
          rows[`${node}/${log}/${key}`] = valueText(value);
      }
    }
    return rows;
  };
  const expectShownStateIsTheCollectors = async (move = 0) => {
    const { page } = open;
    await page.waitForFunction(() => {
      const { cut, shownCut } = window.__retroscope;
      return cut === shownCut || document.querySelector(".panel .notice.error") !== null;
    });
    const cut = await open.cut();
    // A walk may leave history: what the collector refuses to tell, the page must not show.
    const { status } = await fetch(`${stage.url}/api/cut?at=${cut}`);
    if (status !== 200) {
      await page.getByText("There is no state for this time").waitFor();
      expect({ move, cut, shown: await shownState(page) }).toEqual({ move, cut, shown: {} });
      return;
    }
    await stateShown(open);
    const shown = await shownState(open.page);
    expect({ move, cut, shown }).toEqual({ move, cut, shown: await expectedState(cut) });
  };

  it(
    `shows, after each of ${WALK_MOVES} drags and steps, exactly what /api/cut says (seed ${SEED})`,
    async () => {
      const { page } = open;
      let state = SEED;
      const roll = (below: number) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const slider = page.getByRole("slider", { name: "Cut" });
      for (let move = 0; move < WALK_MOVES; move += 1) {
        const dice = roll(10);
        if (dice < 4) {
          const box = await slider.boundingBox();
          const ruler = await page.locator(".ruler").boundingBox();
          if (box === null || ruler === null) throw new Error("the slider is on the ruler");
          await page.mouse.move(box.x + box.width / 2, box.y + 8);
          await page.mouse.down();
          // Several moves a drag: answers to the places between must not end on screen.
          for (let part = 0; part < 3; part += 1)
            await page.mouse.move(ruler.x + roll(ruler.width), box.y + 8);
          await page.mouse.up();
        } else if (dice < 9) {
          await slider.focus();
          await page.keyboard.press(
            ["ArrowRight", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowLeft"][roll(4)] as string,
          );
        } else {
          await page.keyboard.press(["a", "d", "w", "s"][roll(4)] as string);
        }
        await open.settled();
        await expectShownStateIsTheCollectors(move);
      }
    },
    WALK_MOVES * MOVE_LIMIT_MS,
  );

  it("steps to the next change that /api/step names, and back to the very same cut and state", async () => {
    const { page } = open;
    const slider = page.getByRole("slider", { name: "Cut" });
    await slider.focus();
    await page.keyboard.press("ArrowRight");
    await stateShown(open);
    const cut = await open.cut();
    const { steps } = await ask<StepsJson>(`/api/step?from=${at(5_000)}&direction=next`);
    expect(cut).toBe(steps[0]?.at.hlc);
    const before = await shownState(page);
    await page.keyboard.press("ArrowRight");
    await stateShown(open);
    expect(await open.cut()).not.toBe(cut);
    await page.keyboard.press("ArrowLeft");
    await stateShown(open);
    expect(await open.cut()).toBe(cut);
    expect(await shownState(page)).toEqual(before);
  });

  it("keeps steps to the selected node, and lights up what a step changed", async () => {
    const { page } = open;
    await page.locator(".lane-heads").getByRole("button", { name: "store-3" }).first().click();
    await page.keyboard.press("k");
    await stateShown(open);
    const { steps } = await ask<StepsJson>(
      `/api/step?from=${at(5_000)}&direction=next&node=store-3`,
    );
    expect(await open.cut()).toBe(steps[0]?.at.hlc);
    await page.keyboard.press("k");
    await stateShown(open);
    expect(await page.locator('.node-state [data-changed="true"]').count()).toBeGreaterThan(0);
  });

  it("says it is consistent and complete where the collector says so, and speaks it on the slider", async () => {
    const { page } = open;
    const worth = page.getByRole("list", { name: "What this cut is worth" });
    expect(await worth.innerText()).toMatch(/✓ Consistent[\s\S]*✓ Complete/);
    const spoken = await page.getByRole("slider", { name: "Cut" }).getAttribute("aria-valuetext");
    expect(spoken).toMatch(/^16:00:05\.000, consistent, complete, \d+ messages? in flight$/);
  });

  it("compares two cuts as /api/diff does, by keyboard alone", async () => {
    const { page } = open;
    await page.keyboard.press("x");
    await page.getByRole("tab", { name: "Diff", selected: true }).waitFor();
    for (let presses = 0; presses < 3; presses += 1) await page.keyboard.press("Shift+K");
    await page.waitForFunction((start) => window.__retroscope.cut !== start, at(5_000));
    await stateShown(open);
    const { changes } = await ask<DiffJson>(`/api/diff?from=${at(5_000)}&to=${await open.cut()}`);
    expect(changes.length).toBeGreaterThan(2);
    await page.waitForFunction(
      (count) => document.querySelectorAll(".changes tbody tr").length === count,
      changes.length,
    );
    const rows = await page.locator(".changes tbody tr").allInnerTexts();
    for (const [i, { node, log, key, after, count }] of changes.entries()) {
      expect(rows[i]).toContain(node);
      expect(rows[i]).toContain(`${log} / ${key}`);
      expect(rows[i]).toContain(valueText(after));
      expect(rows[i]?.trim().endsWith(String(count))).toBe(true);
    }
    await page.keyboard.press("Shift+X");
    expect(await open.cut()).toBe(at(5_000));
  });

  it("lists the messages in flight, and goes from one to its send", async () => {
    const { page } = open;
    // A cut just after a send: the message has not arrived.
    const scenario = makeScenario();
    const send = scenario.events.find(
      (one) =>
        one.kind === "send" &&
        one.node === "store-1" &&
        one.t > SCENARIO_START + 6_000 * TICKS_PER_MS,
    );
    if (send === undefined) throw new Error("store-1 sends after six seconds");
    await page.getByLabel("Go to a time").fill(formatHlc((send.t + 1) as Hlc));
    await page.keyboard.press("Enter");
    await stateShown(open);
    await page.getByRole("tab", { name: /In flight/ }).click();
    const cut = await ask<CutJson>(`/api/cut?at=${await open.cut()}`);
    expect(cut.inFlight.length).toBeGreaterThan(0);
    expect(await page.locator(".messages tbody tr:not(.channel)").count()).toBe(
      cut.inFlight.length,
    );
    await page
      .getByRole("button", { name: /^store-1 → .*: go to its send/ })
      .last()
      .press("Enter");
    await page.getByRole("region", { name: "Selected event" }).waitFor();
    await stateShown(open);
    const detail = page.getByRole("region", { name: "Selected event" });
    expect(await detail.getByRole("heading", { level: 2 }).innerText()).toBe("send on store-1");
    const sentAt = cut.inFlight.map((message) => message.sentAt.hlc);
    expect(sentAt).toContain(await open.cut());
  });

  it("opens the event whose glyph is clicked, with the value before it", async () => {
    const { page } = open;
    const glyphs = await page.evaluate(() => window.__retroscope.glyphs);
    const glyph = glyphs.find(
      ({ kind, node, x }) => kind === "set" && node === "store-2" && x > 60 && x < 300,
    );
    if (glyph === undefined) throw new Error("store-2 changes something in view");
    const plot = await page.locator(".plot").boundingBox();
    if (plot === null) throw new Error("the plot is on screen");
    await page.mouse.click(plot.x + glyph.x, plot.y + glyph.y);
    const detail = page.getByRole("region", { name: "Selected event" });
    await detail.waitFor();
    expect(await detail.innerText()).toMatch(/set on store-2[\s\S]*before[\s\S]*value/);
    await open.settled();
    expect(await axeFindings(page)).toEqual([]);
  });

  it("lists the events in view as a table, the twin of the canvas", async () => {
    const { page } = open;
    await page.keyboard.press("6");
    await page.getByRole("region", { name: "Table of events" }).waitFor();
    await open.settled();
    const { from, to } = await open.viewport();
    const { events } = await ask<{ events: unknown[] }>(
      `/api/events?from=${from}&to=${to}&limit=200`,
    );
    expect(await page.locator(".event-rows tbody tr").count()).toBe(events.length);
  });

  it("pans and zooms by keys, wheel and drag, around the place that is meant", async () => {
    const { page } = open;
    const span = async () => {
      const { from, to } = await open.viewport();
      return { from: parseHlc(from) ?? 0, to: parseHlc(to) ?? 0 };
    };
    const start = await span();
    await page.locator("#lanes").focus();
    await page.keyboard.press("d");
    const right = await span();
    expect(right.from).toBeGreaterThan(start.from);
    expect(right.to - right.from).toBe(start.to - start.from);
    await page.keyboard.press("a");
    expect(Math.abs((await span()).from - start.from)).toBeLessThanOrEqual(1);
    await page.keyboard.press("w");
    const zoomed = await span();
    expect(zoomed.to - zoomed.from).toBeLessThan(start.to - start.from);
    // Zooming by keys keeps the cut, which is visible, where it is.
    const cut = parseHlc(await open.cut()) ?? 0;
    const share = (view: { from: number; to: number }) => (cut - view.from) / (view.to - view.from);
    expect(share(zoomed)).toBeCloseTo(share(start), 3);

    const plot = await page.locator(".plot").boundingBox();
    if (plot === null) throw new Error("the plot is on screen");
    const x = plot.x + plot.width * 0.75;
    await page.mouse.move(x, plot.y + 400);
    const under = (view: { from: number; to: number }) => view.from + 0.75 * (view.to - view.from);
    const before = await span();
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -200);
    await page.keyboard.up("Control");
    await page.waitForFunction(
      (old) => window.__retroscope.viewport?.from !== old,
      formatHlc(before.from as Hlc),
    );
    const after = await span();
    expect(after.to - after.from).toBeLessThan(before.to - before.from);
    expect(Math.abs(under(after) - under(before))).toBeLessThan((after.to - after.from) / 200);

    await page.mouse.down();
    await page.mouse.move(x - 100, plot.y + 400, { steps: 4 });
    await page.mouse.up();
    const dragged = await span();
    expect(dragged.from - after.from).toBeCloseTo((100 / plot.width) * (after.to - after.from), -3);
    expect(await page.evaluate(() => window.__retroscope.live)).toBe(false);
  });

  it("restores the whole view from its address, in a fresh page", async () => {
    const { page } = open;
    await page.keyboard.press("x");
    await page.keyboard.press("Shift+K");
    await open.settled();
    await page.locator(".lane-heads").getByRole("button", { name: "store-2" }).first().click();
    await page.keyboard.press("d");
    await page.locator(".lane-heads").getByRole("button", { name: "gateway" }).first().click();
    await stateShown(open);
    await page.waitForFunction(
      () =>
        location.hash.includes("fold=") && location.hash.includes(`cut=${window.__retroscope.cut}`),
    );
    const fragment = await page.evaluate(() => location.hash.slice(1));
    const [cut, viewport, rows] = [
      await open.cut(),
      await open.viewport(),
      await page.locator(".changes tbody tr").allInnerTexts(),
    ];
    const fresh = await openPage(stage.browser, stage.url, { fragment });
    await stateShown(fresh);
    expect(await fresh.cut()).toBe(cut);
    expect(await fresh.viewport()).toEqual(viewport);
    expect(await fresh.page.locator(".changes tbody tr").allInnerTexts()).toEqual(rows);
    expect(
      await fresh.page
        .locator(".lane-heads")
        .getByRole("button", { name: "store-2" })
        .first()
        .getAttribute("aria-pressed"),
    ).toBe("true");
    expect(
      await fresh.page
        .locator(".lane-heads")
        .getByRole("button", { name: "gateway" })
        .first()
        .getAttribute("aria-expanded"),
    ).toBe("false");
    await fresh.close();
  });

  it("walks visited cuts by Back", async () => {
    const { page } = open;
    const first = await open.cut();
    await page.waitForFunction(() => location.hash.includes("cut="));
    await page.keyboard.press("k");
    await stateShown(open);
    await page.waitForFunction(() => location.hash.includes(`cut=${window.__retroscope.cut}`));
    await page.goBack();
    await page.waitForFunction((cut) => window.__retroscope.cut === cut, first);
    await expectShownStateIsTheCollectors();
  });

  it("takes a typed time in every form, and says what is accepted where it cannot", async () => {
    const { page } = open;
    await page.keyboard.press("/");
    await page.keyboard.type("16:00:07.250");
    await page.keyboard.press("Enter");
    await stateShown(open);
    expect(await open.cut()).toBe(at(7_250));
    await page.keyboard.press("/");
    await page.keyboard.type("half past four");
    await page.keyboard.press("Enter");
    await page
      .getByRole("alert")
      .getByText(/Use a time of day \(16:00:00\.123, UTC\)/)
      .waitFor();
    expect(await open.cut()).toBe(at(7_250));
    await page.getByLabel("Go to a time").fill("2026-11-21T19:00:12Z");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("That is 3 h in the future").waitFor();
    expect(await open.cut()).toBe(at(7_250));
  });

  it("reaches every region, tab and tool by keyboard alone", async () => {
    const { page } = open;
    const focused = () => page.evaluate(() => document.activeElement?.id);
    const visited: (string | undefined)[] = [];
    for (let presses = 0; presses < 4; presses += 1) {
      await page.keyboard.press("F6");
      visited.push(await focused());
    }
    expect(visited).toEqual(["omnibox", "lanes", "cut-slider", "tab-state"]);
    await page.keyboard.press("ArrowRight");
    expect(await focused()).toBe("tab-diff");
    await page.keyboard.press("End");
    expect(await focused()).toBe("tab-event");
    await page.getByRole("separator", { name: "Width of the panel" }).focus();
    const width = async () => (await page.locator(".panel").boundingBox())?.width ?? 0;
    const before = await width();
    await page.keyboard.press("ArrowLeft");
    await expect.poll(width).toBeGreaterThan(before);
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  });

  it("arranges variables side by side, disagreement first, and names what differs", async () => {
    const { page } = open;
    await page.getByRole("button", { name: "By variable" }).click();
    const { nodes } = await ask<CutJson>(`/api/cut?at=${await open.cut()}`);
    const stores = ["store-1", "store-2", "store-3"].map(
      (node) => nodes[node]?.logs["stock"] ?? {},
    );
    const keys = [...new Set(stores.flatMap((stock) => Object.keys(stock)))];
    const differing = keys.filter((key) => new Set(stores.map((stock) => stock[key])).size > 1);
    expect(differing.length).toBeGreaterThan(0);
    const rows = page.getByRole("group", { name: "stock by node" }).locator("tbody tr");
    const shown = await rows.evaluateAll((all) =>
      all.map((row) => (row as HTMLElement).dataset["differs"] === "true"),
    );
    expect(shown.filter((differs) => differs)).toHaveLength(differing.length);
    expect(shown.lastIndexOf(true)).toBeLessThan(differing.length);
    expect(shown).toHaveLength(keys.length);
  });

  it("sends nothing to anybody else", async () => {
    const hosts = new Set<string>();
    open.page.on("request", (request) => hosts.add(new URL(request.url()).origin));
    await open.page.reload();
    await stateShown(open);
    expect([...hosts]).toEqual([stage.url]);
  });
});
