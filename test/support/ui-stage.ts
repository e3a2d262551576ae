/** What a test of the page on a real collector stands on: a browser, the page as it would ship, a collector. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { Hlc } from "../../agent/kernel/index.ts";
import { createCollector } from "../../collector/collector.ts";
import { launchBrowser } from "./browser.ts";
import { buildPage } from "./ui-page.ts";
import { SCENARIO_END } from "./ui-scenario.ts";

/** Nobody says anything once the history is posted, and nobody is to be taken for gone because of it. */
const EXPIRE_AFTER_MS = 3_600_000;

export interface UiStage {
  readonly browser: Browser;
  /** Of the collector, which serves the page. */
  readonly url: string;
  /** Where the page was built. */
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * Starts all three; what fails leaves nothing behind.
 *
 * @param now where the collector's clock stands; default: the end of the scenario
 */
export async function startUiStage(now: Hlc = SCENARIO_END): Promise<UiStage> {
  const ends: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const data = await mkdtemp(join(tmpdir(), "retroscope-ui-data-"));
    ends.push(() => rm(data, { recursive: true, force: true }));
    const page = await buildPage();
    ends.push(() => page.remove());
    const collector = await createCollector({
      ...{ data, port: 0, uiDirectory: page.folder, expireAfterMs: EXPIRE_AFTER_MS },
      clock: { now: () => now },
    });
    ends.push(() => collector.close());
    const browser = await launchBrowser();
    ends.push(() => browser.close());
    return { browser, url: collector.url, folder: page.folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}
