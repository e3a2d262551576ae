/**
 * P13: the page with a million events on 64 lanes, in Chromium without a GPU.
 *
 * A real collector serves the built page and a history that was posted to it. Three rounds, each a new
 * page: start, frames while panning and zooming, the cut line dragged, memory. Each round also draws a
 * calibration scene in the same browser: on a machine that is busy, both are slow.
 * RETROSCOPE_BENCH_EVENTS=1e5,1e6,5e6 and RETROSCOPE_BENCH_ROUNDS replace sizes and rounds.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { formatHlc, type Hlc } from "#dist/agent/kernel/index.js";
import { createCollector } from "#dist/collector/collector.js";
import { launchBrowser } from "../support/browser.ts";
import { percentile, sizes } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { median } from "./support.ts";
import {
  calibrationFrames,
  dragTimes,
  framesWhile,
  settled,
  startTimes,
  watchStart,
} from "./ui-page.ts";
import { END, KEYS, postHistory, START } from "./ui-workload.ts";

export const title = "the page with a million events, without a GPU (P13)";

const NODES = 64;
const ROUNDS = Number(process.env["RETROSCOPE_BENCH_ROUNDS"] ?? 3);
const WARM_UP_FRAMES = 60;
const FRAMES = 300;
const DRAGS = 40;
const SCREEN = { width: 1_440, height: 800 };

interface Round {
  readonly pan: readonly number[];
  readonly zoom: readonly number[];
  readonly calibration: readonly number[];
  readonly drags: readonly number[];
  readonly lanesMs: number;
  readonly interactiveMs: number;
  readonly pageMb: number;
  readonly firstLoadKib: number;
}

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const events of sizes([1_000_000])) await runSize(events, report);
}

async function runSize(events: number, report: (figure: Figure) => void): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "retroscope-bench-ui-"));
  const collector = await createCollector({
    data,
    port: 0,
    quiet: true,
    clock: { now: () => END },
    expireAfterMs: 24 * 3_600_000,
  });
  const browser = await launchBrowser();
  try {
    await postHistory(collector.url, events, NODES);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push(await runRound(browser, collector.url));
    }
    reportRounds(rounds, events, report);
  } finally {
    await browser.close();
    await collector.close();
    rmSync(data, { recursive: true, force: true });
  }
}

async function runRound(browser: Browser, url: string): Promise<Round> {
  const context = await browser.newContext({ viewport: SCREEN, reducedMotion: "reduce" });
  const blank = await context.newPage();
  const calibration = (await calibrationFrames(blank, WARM_UP_FRAMES + FRAMES)).slice(
    WARM_UP_FRAMES,
  );
  await blank.close();

  const page = await context.newPage();
  const loaded: Promise<number>[] = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname.startsWith("/api/")) return;
    loaded.push(response.body().then((body) => gzipSync(body).length));
  });
  await watchStart(page);
  const middle = formatHlc(((START + END) / 2) as Hlc);
  await page.goto(`${url}/#v=1&from=${formatHlc(START)}&to=${formatHlc(END)}&cut=${middle}`);
  const { lanes, interactive } = await startTimes(page);
  const firstLoad = (await Promise.all(loaded)).reduce((sum, bytes) => sum + bytes, 0);

  // A tenth of all, so that there is somewhere to pan to.
  const quarter = (END - START) / 20;
  const view = [(START + END) / 2 - quarter, (START + END) / 2 + quarter].map((t) =>
    formatHlc(Math.round(t) as Hlc),
  );
  await page.evaluate((fragment) => {
    location.hash = fragment;
  }, `v=1&from=${view[0]}&to=${view[1]}&cut=${middle}`);
  await settled(page);
  const frames: { pan: readonly number[]; zoom: readonly number[] } = { pan: [], zoom: [] };
  for (const motion of ["pan", "zoom"] as const) {
    await framesWhile(page, motion, WARM_UP_FRAMES);
    frames[motion] = await framesWhile(page, motion, FRAMES);
    await settled(page);
  }
  await dragTimes(page, 5);
  const drags = await dragTimes(page, DRAGS);
  const pageMb = await memoryOf(browser, page);
  await context.close();
  return {
    ...frames,
    calibration,
    drags,
    lanesMs: lanes,
    interactiveMs: interactive,
    pageMb,
    firstLoadKib: firstLoad / 1_024,
  };
}

/** What the page's process has for itself, its worker and its canvases included; Linux only. */
async function memoryOf(browser: Browser, page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const all = await browser.newBrowserCDPSession();
  const { processInfo } = await all.send("SystemInfo.getProcessInfo");
  const sizesMb = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => ownMb(id))
    .filter((mb) => !Number.isNaN(mb));
  return Math.max(...sizesMb);
}

function ownMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = ["RssAnon", "RssShmem"].map((name) =>
      Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN),
    );
    return kib.reduce((sum, one) => sum + one, 0) / 1_024;
  } catch {
    return Number.NaN;
  }
}

function reportRounds(
  rounds: readonly Round[],
  events: number,
  report: (figure: Figure) => void,
): void {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const size = events.toLocaleString("en-US");
  const workload =
    `${size} events in bursts on ${NODES} nodes of ${KEYS.toLocaleString("en-US")} variables, over 10 min; ` +
    `${SCREEN.width}x${SCREEN.height}, no GPU, 2D canvas by the processor; ` +
    `${FRAMES} frames after ${WARM_UP_FRAMES}; medians of ${rounds.length} rounds`;
  const ms = { unit: "ms", better: "lower", workload } as const;
  const against = {
    what: "calibration scene",
    value: over(({ calibration }) => percentile(calibration, 0.95)),
  };
  for (const motion of ["pan", "zoom"] as const) {
    const figure = { ...ms, against };
    report({
      ...figure,
      metric: `frame p50, ${motion}`,
      value: over((r) => percentile(r[motion], 0.5)),
    });
    report({
      ...figure,
      metric: `frame p95, ${motion}`,
      value: over((round) => percentile(round[motion], 0.95)),
      goal: { atMost: events > 1_000_000 ? 33 : 16.8 },
    });
  }
  report({ ...ms, metric: "cut drag to state p50", value: over((r) => percentile(r.drags, 0.5)) });
  report({
    ...ms,
    metric: "cut drag to state p95",
    value: over(({ drags }) => percentile(drags, 0.95)),
    goal: { atMost: 50 },
  });
  report({ ...ms, metric: "first lanes", value: over((r) => r.lanesMs), goal: { atMost: 1_500 } });
  report({
    ...ms,
    metric: "interactive",
    value: over(({ interactiveMs }) => interactiveMs),
    goal: { atMost: 2_500 },
  });
  report({
    ...{ metric: "first load, gzip", unit: "KiB", better: "lower", workload },
    value: over(({ firstLoadKib }) => firstLoadKib),
    goal: { atMost: 90 },
  });
  report({
    ...{ metric: "memory of the page's process", unit: "MB", better: "lower", workload },
    value: over(({ pageMb }) => pageMb),
    goal: { atMost: 150 },
  });
}
