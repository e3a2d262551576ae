/**
 * LAST goes backwards: the end of the range is searched first, then ever longer ends, until one of them holds
 * as many rows as are wanted.
 *
 *     range      |-----------------------------------------------------|
 *     pass 1                                              |------------|   1 row of 3: not enough
 *     pass 2                    |--------------------------------------|   3 rows, told: latest first
 *
 * A pass goes forward, as time does in every condition, and begins anew, so that nothing must be joined at an
 * edge. A row that held where a pass begins has its beginning before it: it does not count, unless the pass is
 * the whole range. Each pass is four times the one before, so in the worst case a third is searched twice.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { CheckedQuery } from "../check/bound.ts";
import type { WriteLines } from "./job.ts";
import type { TimeRange } from "./known-names.ts";
import { feedOptions, type SearchSetup, searchRange } from "./search.ts";

/** How much longer each pass is than the one before. */
const GROWTH = 4;

/** Whether the end of a range may be searched without what came before: not where a GLOBAL is carried along. */
export function goesBackwards({ take, sequential }: CheckedQuery): boolean {
  return take?.kind === "LAST" && sequential === undefined;
}

/** Answers a LAST. @throws as `searchRange` */
export async function searchBackwards(
  setup: SearchSetup,
  range: TimeRange,
  write: WriteLines,
  signal: AbortSignal,
): Promise<void> {
  const { query, options, limits } = setup;
  const { timers } = options;
  const startedMs = timers.nowMs();
  const wantedRows = query.take?.kind === "LAST" ? query.take.count : 0;
  let searchedFrom: Hlc = range.to;
  let isStarted = false;
  for (let events = limits.lastEvents; ; events *= GROWTH) {
    const lines = new HeldLines(write, isStarted);
    const from = await beginningOf(setup, range, events, signal);
    const isWhole = from === range.from;
    const feed = options.history.feed(feedOptions(query, { from, to: range.to }));
    try {
      const isAnswered = await searchRange(setup, feed, lines.write, signal, {
        ...{ rangeFrom: range.from, spentMs: timers.nowMs() - startedMs },
        progress: {
          ...{ searchedTo: searchedFrom, fraction: shareFrom(searchedFrom, range) },
          ...{ write, isStarted },
        },
        isWanted: ({ isOver, lastRows }) => isWhole || isOver || lastRows >= wantedRows,
        onWanted: () => lines.let(),
      });
      if (isAnswered || signal.aborted) return;
      isStarted = true;
    } finally {
      feed.close();
    }
    searchedFrom = from;
  }
}

/** Where the last so many events of the range begin, about; its beginning, if hardly more are left. */
async function beginningOf(
  { query, options }: SearchSetup,
  range: TimeRange,
  events: number,
  signal: AbortSignal,
): Promise<Hlc> {
  const feed = options.history.feed(feedOptions(query, range));
  try {
    return await feed.endWith(events, signal);
  } finally {
    feed.close();
  }
}

function shareFrom(t: Hlc, { from, to }: TimeRange): number {
  return to === from ? 1 : (to - t) / (to - from);
}

/**
 * The lines of a pass: its `start` passes at once, of the first pass alone; the others wait until it is known
 * that the pass answers. Until then there are no rows: what waits are warnings, one per place of the text. How
 * far the search has come is told beside them (`progress.ts`).
 */
class HeldLines {
  readonly #write: WriteLines;
  readonly #isStarted: boolean;
  #isFirst = true;
  #held = "";
  #isLet = false;

  constructor(write: WriteLines, isStarted: boolean) {
    this.#write = write;
    this.#isStarted = isStarted;
  }

  readonly write: WriteLines = async (text) => {
    let rest = text;
    if (this.#isFirst) {
      this.#isFirst = false;
      // Of a thread that is gone there is no start, but what became of it.
      const end = text.startsWith('{"type":"start"') ? text.indexOf("\n") + 1 : 0;
      rest = text.slice(end);
      if (!this.#isStarted && end > 0) await this.#write(text.slice(0, end));
    }
    if (!this.#isLet) this.#held += rest;
    else if (rest !== "") await this.#write(rest);
  };

  /** It answers. */
  async let(): Promise<void> {
    const held = this.#held;
    this.#held = "";
    this.#isLet = true;
    if (held !== "") await this.#write(held);
  }
}
