/** Asks a history a text, in this thread, and gives the lines. */
import type { Hlc } from "../../../../agent/kernel/index.ts";
import type { History } from "../../../../collector/cut/history.ts";
import type { CutTimers } from "../../../../collector/cut/timers.ts";
import { InlineSlices } from "../../../../collector/rql/engine/inline-slices.ts";
import type { ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import type { RunLimits } from "../../../../collector/rql/limits.ts";
import { InlineThreads } from "../../../../collector/rql/run/inline-threads.ts";
import type { QueryThreads } from "../../../../collector/rql/run/job.ts";
import { type QueryAsked, QueryRunner } from "../../../../collector/rql/run/query-runner.ts";

export interface AskOptions {
  readonly history: Pick<History, "columns" | "feed" | "logNames" | "nodes" | "variables">;
  readonly timers: CutTimers;
  readonly now: Hlc;
  readonly limits?: Partial<RunLimits>;
  /** Has the engine take what it covers, in slices of so many events at first. Default: all is interpreted. */
  readonly sliceEvents?: number | undefined;
  /** LAST looks at so many events first. */
  readonly lastEvents?: number;
  readonly signal?: AbortSignal;
  /** Sees each piece as it is written, and may keep it waiting. */
  readonly onText?: (text: string) => Promise<void> | void;
  readonly elapsedMs?: () => number;
  /** Default: this thread. */
  readonly threads?: QueryThreads;
}

export function runnerOver(options: AskOptions): QueryRunner {
  const { history, timers, now, limits, elapsedMs, sliceEvents, lastEvents, threads } = options;
  const engine = sliceEvents === undefined ? {} : { slices: new InlineSlices() };
  const runner = {
    ...(sliceEvents === undefined ? {} : { sliceEvents, plainEvents: 1 }),
    ...(lastEvents === undefined ? {} : { lastEvents }),
  };
  return new QueryRunner({
    history,
    threads: threads ?? new InlineThreads(elapsedMs),
    timers,
    now: () => now,
    ...{ ...engine, runner },
    ...(limits === undefined ? {} : { limits }),
    report: (error) => {
      throw error;
    },
  });
}

export async function askHistory(asked: QueryAsked, options: AskOptions): Promise<ResultLine[]> {
  const lines: ResultLine[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const write = async (text: string): Promise<void> => {
    for (const line of text.split("\n")) {
      if (line !== "") lines.push(JSON.parse(line) as ResultLine);
    }
    await options.onText?.(text);
  };
  await runnerOver(options).answer(asked, () => write, signal);
  return lines;
}
