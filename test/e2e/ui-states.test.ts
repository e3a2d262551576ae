/** Every state of the page, in light, dark and forced colours: what it says, and that axe finds nothing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseHlc } from "../../agent/kernel/index.ts";
import { episodeAt } from "../support/episode-json.ts";
import { type FixtureServer, startFixtureServer } from "../support/ui-fixture-server.ts";
import {
  axeFindings,
  axeFindingsInEveryTheme,
  type OpenPage,
  openPage,
  stateShown,
} from "../support/ui-page.ts";
import { type Damage, makeScenario } from "../support/ui-scenario.ts";
import { startUiGround, type UiGround } from "../support/ui-stage.ts";

interface State {
  readonly name: string;
  readonly damage?: Damage;
  readonly fragment?: string;
  readonly before?: (server: FixtureServer) => void;
  /** Waits for the state and checks what it says. */
  readonly shows: (open: OpenPage, server: FixtureServer) => Promise<void>;
}

/** A hexadecimal time of the fragments below. */
const hlc = (hex: string) => {
  const t = parseHlc(hex);
  if (t === undefined) throw new Error(`${hex} is no time`);
  return t;
};
/** Of each kind: a fault, an open one on the way to a node, a burst. */
const EPISODES = [
  episodeAt(hlc("01a1fed60ba00000"), {
    causes: [
      ["gc", 92],
      ["run", 14],
    ],
    ms: 110,
  }),
  episodeAt(hlc("01a1fed60d200000"), {
    ...{ node: "store-1", edge: { from: "gateway-1", to: "store-1" } },
    ...{ causes: [["network", 80]], ms: 90, isOpen: true },
  }),
  episodeAt(hlc("01a1fed60e400000"), { node: "gateway-1", class: "burst", causes: [], ms: 200 }),
  // Two so near to each other that they share a sign, and one of which no cause is known.
  episodeAt(hlc("01a1fed60e000000"), { node: "store-3", ms: 60 }),
  episodeAt(hlc("01a1fed60e080000"), { node: "store-3", causes: [], ms: 150 }),
];

const sees =
  (text: string | RegExp) =>
  async ({ page }: OpenPage) => {
    await page.getByText(text).first().waitFor();
  };
const seesAndSettles = (text: string | RegExp) => async (open: OpenPage) => {
  await sees(text)(open);
  await open.settled();
};

const STATES: readonly State[] = [
  { name: "empty", damage: "empty", shows: sees("Nothing has been recorded yet") },
  {
    name: "loading",
    before: (server) => server.hold(/timeline|cut/),
    shows: sees("Loading the timeline"),
  },
  { name: "data", shows: seesAndSettles("✓ Complete") },
  {
    name: "data by variable, with an event",
    fragment: "v=1&by=variable",
    shows: seesAndSettles(/variables? differs? between nodes|All nodes agree/),
  },
  {
    name: "the history of a variable, drawn on the lanes",
    fragment:
      "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60d000000" +
      "&var=%5B%22store-1%22%2C%22stock%22%2C%22apples%22%5D&pin=%5B%22stock%22%2C%22apples%22%5D",
    shows: seesAndSettles(/At the cut it has held this for/),
  },
  {
    name: "one node alone",
    fragment: "v=1&node=store-2",
    shows: seesAndSettles("Show all nodes"),
  },
  {
    name: "a time in the future",
    fragment: "v=1&from=01a1fee000000000&to=01a1fee004000000&cut=01a1fee002000000",
    shows: seesAndSettles(/This time is .* in the future/),
  },
  {
    name: "diff",
    fragment:
      "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60d000000&cut1=01a1fed60b000000&tab=diff",
    shows: seesAndSettles(/variables? differ/),
  },
  {
    name: "diff of two new cuts, while the answer of the cuts before is still shown",
    fragment:
      "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60d000000&cut1=01a1fed60b000000&tab=diff",
    shows: async (open, server) => {
      await seesAndSettles(/^From .*: \d+ variables? differ/)(open);
      const { page } = open;
      const answered = await page.getByText(/^From .*variables? differ/).innerText();
      const times = answered.match(/\d\d:\d\d:\d\d\.\d+/g) ?? [];
      expect(times).toHaveLength(2);
      server.hold(/api\/(diff|events)/);
      await page.keyboard.press("Shift+J");
      // Both parts say whose they are: the variables, and what stands beside them.
      await expect.poll(() => page.locator(".older-pair").count()).toBe(2);
      for (const told of await page.locator(".older-pair").allInnerTexts()) {
        expect(told).toContain(`Still of the cuts before, ${times[0]} and ${times[1]}`);
        expect(told).toMatch(/updating$/);
      }
      expect(await page.getByText(/^From /).count()).toBe(0);
      expect(await page.locator(".changes thead .numeral").count()).toBe(0);
    },
  },
  {
    name: "in flight",
    fragment: "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60ce00000&tab=flight",
    shows: seesAndSettles(/In flight at/),
  },
  {
    name: "events",
    fragment: "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60d000000&tab=event",
    shows: seesAndSettles("Events in view"),
  },
  {
    name: "bottlenecks",
    fragment: "v=1&from=01a1fed60ac00000&to=01a1fed60f500000&cut=01a1fed60d000000&tab=bottlenecks",
    before: (server) => {
      server.episodes = EPISODES;
    },
    shows: async (open) => {
      await seesAndSettles("Bottlenecks in view")(open);
      const marks = open.page.getByRole("list", { name: "Bottlenecks on the lanes" });
      expect(await marks.getByRole("button").count()).toBe(4);
      await marks.getByRole("button", { name: /store-2.*gc 92 ms/ }).press("Enter");
      await open.page.getByRole("region", { name: "Chosen bottleneck" }).waitFor();
      await open.settled();
    },
  },
  {
    name: "no bottlenecks",
    fragment: "v=1&tab=bottlenecks",
    shows: seesAndSettles("No short bottleneck is known in this view."),
  },
  {
    name: "bottlenecks that nobody looks out for",
    fragment: "v=1&tab=bottlenecks",
    before: (server) => {
      server.isUnwatched = true;
    },
    shows: async (open) => {
      await seesAndSettles("startAgent({ requests: true })")(open);
      await sees(/^Nobody looked out for short bottlenecks in this view/)(open);
      expect(await open.page.getByText("No short bottleneck is known").count()).toBe(0);
    },
  },
  {
    name: "looking for bottlenecks",
    fragment: "v=1&tab=bottlenecks",
    before: (server) => server.hold(/bottlenecks/),
    shows: sees("Looking for bottlenecks"),
  },
  {
    name: "error of the bottlenecks",
    fragment: "v=1&tab=bottlenecks",
    before: (server) => {
      server.fail = { path: /bottlenecks/, how: "error" };
    },
    shows: sees("The bottlenecks could not be listed."),
  },
  {
    name: "a view too long for bottlenecks",
    fragment: "v=1&from=01a1fed000000000&to=01a1ff5000000000&cut=01a1fed60d000000&tab=bottlenecks",
    shows: seesAndSettles(/an hour or less/),
  },
  {
    name: "incomplete",
    damage: "lagging",
    fragment: "v=1&from=01a1fed600000000&to=01a1fed631000000&cut=01a1fed62e000000",
    shows: async (open) => {
      await seesAndSettles(/Incomplete: 1 node/)(open);
      await sees(/has reported up to 16:00:09.000/)(open);
      await sees(/as of 16:00:09.000/)(open);
    },
  },
  {
    name: "inconsistent",
    damage: "violation",
    fragment: "v=1&from=01a1fed600000000&to=01a1fed631000000&cut=01a1fed62d000000",
    shows: async (open) => {
      await seesAndSettles("Inconsistent: 1 node bent")(open);
      expect(await open.page.locator(".node-state").count()).toBe(4);
      // Shown is the largest consistent cut inside: one node goes back, and says how far.
      const bent = open.page.locator(".node-state .sign", { hasText: /^bent −\d+ ms$/ });
      expect(await bent.count()).toBe(1);
      expect(
        await open.page.locator(".node-state .sign", { hasText: "inconsistent" }).count(),
      ).toBe(0);
    },
  },
  {
    name: "inconsistent, and not known how far it bends",
    damage: "violation",
    fragment: "v=1&from=01a1fed600000000&to=01a1fed631000000&cut=01a1fed62d000000",
    before: (server) => {
      server.fail = { path: /events/, how: "error" };
    },
    shows: async (open) => {
      await seesAndSettles("Inconsistent")(open);
      // No value of an inconsistent cut without that word beside it.
      expect(await open.page.locator(".node-state").count()).toBe(4);
      expect(
        await open.page.locator(".node-state .sign", { hasText: "inconsistent" }).count(),
      ).toBe(4);
    },
  },
  {
    name: "unchecked channels",
    damage: "unchecked",
    shows: seesAndSettles("1 channel from outside the record"),
  },
  {
    name: "error of the timeline",
    before: (server) => {
      server.fail = { path: /timeline/, how: "error" };
    },
    shows: async (open) => {
      await sees("The timeline could not be loaded.")(open);
      await sees("store-failed")(open);
    },
  },
  {
    name: "outside retention",
    before: (server) => {
      server.fail = { path: /cut/, how: "retention" };
    },
    shows: sees("Go to the earliest time"),
  },
  {
    name: "token needed",
    before: (server) => {
      server.fail = { path: /api/, how: "token" };
    },
    shows: sees("This collector asks for a token."),
  },
  {
    name: "lost server",
    shows: async (open, server) => {
      await stateShown(open);
      server.fail = { path: /api/, how: "drop" };
      await sees("The collector does not answer.")(open);
      // What was on screen stays.
      await sees("✓ Complete")(open);
    },
  },
  {
    name: "nothing in range",
    fragment: "v=1&from=01a1fed500000000&to=01a1fed510000000&cut=01a1fed505000000",
    shows: seesAndSettles("Nothing was recorded in this range."),
  },
  {
    name: "help",
    shows: async (open) => {
      await stateShown(open);
      await open.page.keyboard.press("?");
      await open.page.getByRole("dialog", { name: "Keys and shapes" }).waitFor();
    },
  },
];

describe("the page's states", () => {
  let ground: UiGround;
  beforeAll(async () => {
    ground = await startUiGround();
  }, 60_000);
  afterAll(async () => {
    await ground?.close();
  });

  for (const state of STATES) {
    it(`${state.name}: says what it is; axe and the page policy find nothing in any theme`, async () => {
      const server = await startFixtureServer(ground.folder, makeScenario(state.damage));
      state.before?.(server);
      const open = await openPage(
        ground.browser,
        server.url,
        state.fragment === undefined ? {} : { fragment: state.fragment },
      );
      await state.shows(open, server);
      expect(await axeFindingsInEveryTheme(open.page), state.name).toEqual([]);
      expect(open.faults).toEqual([]);
      await open.close();
      expect(server.policyReports).toEqual([]);
      await server.close();
    }, 60_000);
  }

  for (const width of [320, 480, 900]) {
    it(`loses nothing at ${width} pixels: no sideways scroll, every tab reachable, axe finds nothing`, async () => {
      const server = await startFixtureServer(ground.folder, makeScenario());
      const open = await openPage(ground.browser, server.url, { width });
      await stateShown(open);
      const { page } = open;
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
        width,
      );
      expect(await axeFindings(page)).toEqual([]);
      if (width <= 480) await page.getByRole("button", { name: "Details" }).click();
      const tabs = await page
        .getByRole("tab")
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right));
      expect(tabs).toHaveLength(6);
      expect(Math.max(...tabs), "the last tab is on screen").toBeLessThanOrEqual(width);
      for (const tab of ["Diff", "In flight", "Query", "Events", "State"]) {
        await page.getByRole("tab", { name: tab }).click();
        await page.getByRole("tabpanel").waitFor();
      }
      await open.settled();
      expect(await axeFindings(page)).toEqual([]);
      await open.close();
      await server.close();
    }, 60_000);
  }

  it("finds its way back when the collector returns", async () => {
    const server = await startFixtureServer(ground.folder, makeScenario());
    const open = await openPage(ground.browser, server.url);
    await stateShown(open);
    server.fail = { path: /api/, how: "drop" };
    await open.page.getByText("The collector does not answer.").waitFor();
    server.fail = null;
    await open.page.getByRole("button", { name: "Try now" }).click();
    await open.page.getByText("The collector does not answer.").waitFor({ state: "detached" });
    await stateShown(open);
    await open.close();
    await server.close();
  }, 30_000);

  it("shows hostile values as text", async () => {
    const scenario = makeScenario();
    const hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    const events = scenario.events.map((event) =>
      event.fields["key"] === "leader"
        ? { ...event, fields: { ...event.fields, value: hostile } }
        : event,
    );
    const server = await startFixtureServer(ground.folder, { ...scenario, events });
    const open = await openPage(ground.browser, server.url);
    await stateShown(open);
    await open.page.getByText("onerror").first().waitFor();
    expect(await open.page.evaluate(() => "hacked" in window)).toBe(false);
    expect(server.policyReports).toEqual([]);
    await open.close();
    await server.close();
  }, 30_000);
});
