/**
 * The first minute of a newcomer: the demo with planted stalls as it ships, and from opening its page to the event
 * behind a stall in a few clicks.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../agent/examples/processes.ts";
import { launchBrowser } from "../support/browser.ts";
import { until } from "../support/processes.ts";

const main = fileURLToPath(new URL("../../dist/collector/main.js", import.meta.url));
/** What a newcomer may need, opening the page included. */
const MOST_ACTIONS = 6;
/** Where the machine is crowded stalls are planted late, and may be charged to others. */
const TOLD_WITHIN_MS = 100_000;
const DAY_MS = 86_400_000;

/** A stall that a task made, as the demo prints it, and that was charged to the replica that had taken it up. */
interface Told {
  readonly replica: string;
  /** `13:58:14.127`, by the machine's clock. */
  readonly at: string;
}

function toldIn(output: string): Told | undefined {
  const told =
    /(\S+) {2}planted: (\S+) (?:computes|collects garbage),.*\n(?:.*waiting\n)?\s+told:\s+\2 stood still/;
  const [, at, replica] = told.exec(output) ?? [];
  return at === undefined || replica === undefined ? undefined : { replica, at };
}

function apartMs(one: string, other: string): number {
  const [a, b] = [one, other].map((time) => Date.parse(`1970-01-01T${time}Z`)) as [number, number];
  const apart = Math.abs(a - b);
  return Math.min(apart, DAY_MS - apart);
}

describe("a newcomer, from opening the page of the demo", () => {
  let demo: ChildProcess;
  let browser: Browser;
  let output = "";

  beforeAll(async () => {
    const words = [main, "demo", "--stalls", "--port", String(await freePort())];
    demo = spawn(process.execPath, words, { stdio: "pipe" });
    for (const stream of [demo.stdout, demo.stderr]) {
      stream?.on("data", (chunk) => {
        output += chunk;
      });
    }
    browser = await launchBrowser();
    await until(() => toldIn(output) !== undefined, TOLD_WITHIN_MS).catch((error) => {
      throw new Error(`no stall was told: ${output}`, { cause: error });
    });
  }, 130_000);
  afterAll(async () => {
    await browser?.close();
    const ended = new Promise((resolve) => demo.once("exit", resolve));
    if (demo.exitCode === null && demo.kill("SIGINT")) await ended;
  }, 30_000);

  it("finds the task that a replica was busy with while it stood still", async () => {
    const page = await browser.newPage();
    let actions = 0;
    const act = async (what: Promise<unknown>) => {
      actions += 1;
      await what;
    };
    await act(page.goto(/http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] as string));
    await act(page.getByRole("tab", { name: "Bottlenecks" }).click());
    // The live view shows the last second; the panel says how to look further back.
    await act(page.getByRole("button", { name: "Fit" }).click());
    const { replica, at } = toldIn(output) as Told;
    const onsets = page
      .getByRole("table", { name: "Bottlenecks in view" })
      .getByRole("row")
      .filter({ hasText: replica })
      .getByRole("button");
    await onsets.first().waitFor();
    // The one that the demo has just told of, whatever else the machine did.
    const apart = (await onsets.allInnerTexts()).map((onset) => apartMs(onset, at));
    await act(onsets.nth(apart.indexOf(Math.min(...apart))).click());
    await act(page.getByRole("button", { name: "What it did then" }).click());
    const task = page
      .getByRole("table", { name: /events?$/ })
      .getByRole("row", { name: /compute totals|drop caches/ });
    await act(task.getByRole("button").click());
    const event = page.getByRole("region", { name: "Selected event" });
    await event
      .getByText(/compute totals|drop caches/)
      .first()
      .waitFor();
    expect(await event.innerText()).toContain(replica);
    expect(actions).toBeLessThanOrEqual(MOST_ACTIONS);
    await page.close();
  }, 60_000);
});
