/**
 * Which stretch to ask `/api/bottlenecks` for. The answer costs the collector a minute of reading before the
 * stretch, so it is wider than the view, and asked for anew only when the view leaves it or more has become known.
 */
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";

/** What an answer is about. Asked for is `AROUND_TICKS` more on both sides. */
export interface EpisodesQuestion {
  readonly from: Hlc;
  readonly to: Hlc;
}

/**
 * The collector says which episodes begin in a range by the clock of one node; on a lane they lie by the stamps of
 * another. Between the two may be as much as clocks are apart.
 */
export const AROUND_TICKS: number = 5_000 * TICKS_PER_MS;
/** The longest range that the collector searches. */
export const MAX_SEARCH_TICKS: number = 3_600_000 * TICKS_PER_MS;
/** Added on each side: this share of the view, and at least so much. */
const PADDING = 0.5;
const LEAST_PADDING_TICKS = 2_000 * TICKS_PER_MS;
/** What is known of the last seconds may change: load comes by the second, a window is one long. */
const UNSETTLED_TICKS = 4_000 * TICKS_PER_MS;
/** Known so much further, an answer about the newest is asked for again. */
const NEWS_TICKS = 5_000 * TICKS_PER_MS;

/** Null: the view is longer than the collector searches at a time. */
export function episodesQuestion({ from, to }: Viewport): EpisodesQuestion | null {
  const room = MAX_SEARCH_TICKS - 2 * AROUND_TICKS - (to - from);
  if (room < 0) return null;
  const wanted = Math.max(LEAST_PADDING_TICKS, (to - from) * PADDING);
  const padding = Math.floor(Math.min(wanted, room / 2));
  return { from: clampTicks(from - padding), to: clampTicks(to + padding) };
}

/** A question that was asked, and what was known then. */
export interface AskedEpisodes {
  readonly question: EpisodesQuestion;
  /** Up to where there was anything. */
  readonly knownTo: Hlc;
  /** Whether all that has come since was told by itself. */
  readonly isFollowed: boolean;
}

/** Whether its answer still serves the view, now that there is something up to `knownTo`. */
export function servesEpisodes(asked: AskedEpisodes, view: Viewport, knownTo: Hlc): boolean {
  const { question, isFollowed } = asked;
  if (view.from < question.from) return false;
  // What lies after the question is told as it happens.
  if (isFollowed) return view.to <= question.to || asked.knownTo <= question.to;
  if (view.to > question.to) return false;
  const isSettled = question.to < asked.knownTo - UNSETTLED_TICKS;
  return isSettled || knownTo - asked.knownTo < NEWS_TICKS;
}
