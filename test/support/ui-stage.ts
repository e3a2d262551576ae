/** What tests of the page stand on: a browser, the page as it would ship, and, where it is to be real, a collector. */
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

export interface UiGround {
  readonly browser: Browser;
  /** Where the page was built. */
  readonly folder: string;
  close(): Promise<void>;
}

export interface UiStage extends UiGround {
  /** Of the collector, which serves the page. */
  readonly url: string;
}

/** Browser and page. What fails leaves nothing behind. */
export async function startUiGround(): Promise<UiGround> {
  const page = await buildPage();
  try {
    const browser = await launchBrowser();
    const close = async (): Promise<void> => {
      await browser.close();
      await page.remove();
    };
    return { browser, folder: page.folder, close };
  } catch (error) {
    await page.remove();
    throw error;
  }
}

/**
 * All three. What fails leaves nothing behind.
 *
 * @param now where the collector's clock stands; default: the end of the scenario
 */
export async function startUiStage(now: Hlc = SCENARIO_END): Promise<UiStage> {
  const ground = await startUiGround();
  const data = await mkdtemp(join(tmpdir(), "retroscope-ui-data-"));
  const clear = async (): Promise<void> => {
    await ground.close();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const collector = await createCollector({
      ...{ data, port: 0, uiDirectory: ground.folder, expireAfterMs: EXPIRE_AFTER_MS },
      clock: { now: () => now },
    });
    const close = async (): Promise<void> => {
      await collector.close();
      await clear();
    };
    return { ...ground, url: collector.url, close };
  } catch (error) {
    await clear();
    throw error;
  }
}
