/** Opens the timeline in a browser: builds it once per file, waits on the page's own test hook. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import type { TestHook } from "../../ui/src/test-hook.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const AXE = join(ROOT, "node_modules/axe-core/axe.min.js");
const SETTLE_LIMIT_MS = 15_000;

declare global {
  interface Window {
    readonly __retroscope: TestHook;
  }
}

export interface BuiltPage {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The page as it ships, built from the sources of now into a folder of its own. */
export async function buildPage(): Promise<BuiltPage> {
  const folder = await mkdtemp(join(tmpdir(), "retroscope-ui-"));
  // Vitest says "test" there, and libraries would come with their checks for developers.
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    await build({
      configFile: join(ROOT, "ui/vite.config.ts"),
      logLevel: "error",
      build: { outDir: folder, emptyOutDir: true },
    });
  } finally {
    if (before === undefined) delete process.env["NODE_ENV"];
    else process.env["NODE_ENV"] = before;
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface OpenOptions {
  readonly fragment?: string;
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  readonly forcedColors?: "active" | "none";
}

export interface OpenPage {
  readonly page: Page;
  /** Uncaught errors, and what the console called an error. */
  readonly faults: readonly string[];
  /** Waits until no question is out and the canvases show what is known. */
  settled(): Promise<void>;
  cut(): Promise<string>;
  viewport(): Promise<{ from: string; to: string }>;
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: OpenOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1_440, height: options.height ?? 900 },
    colorScheme: options.colorScheme ?? "light",
    forcedColors: options.forcedColors ?? "none",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // A failed request is the subject of some tests; what the page itself says never is.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      faults.push(message.text());
    }
  });
  const fragment = options.fragment === undefined ? "" : `#${options.fragment}`;
  await page.goto(`${url}/${fragment}`);
  return {
    page,
    faults,
    settled: async () => {
      await page.waitForFunction(
        () => window.__retroscope?.pending === 0 && window.__retroscope.painted,
        undefined,
        { timeout: SETTLE_LIMIT_MS },
      );
    },
    cut: () => page.evaluate(() => window.__retroscope.cut ?? ""),
    viewport: () => page.evaluate(() => window.__retroscope.viewport ?? { from: "", to: "" }),
    close: () => context.close(),
  };
}

/** Waits until the page shows the state of the cut that it asks for. */
export async function stateShown({ page, settled }: OpenPage): Promise<void> {
  await page.waitForFunction(
    () =>
      window.__retroscope?.cut != null && window.__retroscope.cut === window.__retroscope.shownCut,
    undefined,
    { timeout: SETTLE_LIMIT_MS },
  );
  await settled();
}

/** All rules run; of those that found nothing it does not describe each element, which costs more than the rules. */
interface Axe {
  readonly axe: { run(options: { readonly resultTypes: readonly string[] }): Promise<AxeResult> };
}

interface AxeResult {
  readonly violations: readonly {
    id: string;
    help: string;
    nodes: readonly { html: string; failureSummary?: string }[];
  }[];
}

/** What axe finds wrong, one line per node. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Half a megabyte, read by the page once.
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    await page.evaluate(await readFile(AXE, "utf8"));
  }
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as Axe).axe.run({ resultTypes: ["violations"] }),
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 160)} ${failureSummary ?? ""}`,
    ),
  );
}

const THEMES = [
  ["light", { colorScheme: "light", forcedColors: "none" }],
  ["dark", { colorScheme: "dark", forcedColors: "none" }],
  ["forced colours", { colorScheme: "dark", forcedColors: "active" }],
] as const;

/** The same in light, dark and forced colours, each line beginning with its theme; light again after. */
export async function axeFindingsInEveryTheme(page: Page): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [theme, media] of THEMES) {
    await page.emulateMedia(media);
    found.push(...(await axeFindings(page)).map((line) => `${theme}: ${line}`));
  }
  await page.emulateMedia(THEMES[0][1]);
  return found;
}

/** The values on screen in State, as `node/log/key` to text; only of nodes whose rows are unfolded, and drawn. */
export function shownState(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => {
    const rows: Record<string, string> = {};
    for (const section of document.querySelectorAll(".node-state")) {
      const node = section.querySelector(".name")?.textContent ?? "";
      for (const table of section.querySelectorAll("table")) {
        const log = table.querySelector("caption")?.textContent ?? "";
        for (const row of table.querySelectorAll("tbody tr:not(.away)")) {
          rows[`${node}/${log}/${row.querySelector("th")?.textContent}`] =
            row.querySelector("td .value")?.textContent ?? "";
        }
      }
    }
    return rows;
  });
}
