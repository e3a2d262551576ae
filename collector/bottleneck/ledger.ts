/**
 * The time ledger of an episode: accounting, not correlation. Each millisecond of it goes to at most one cause;
 * what no cause claims is unexplained, and is said.
 *
 *     best score first:   share of the episode charged x log(P(active in it) / P(active in calm))
 *     then the same of what is left, until nothing claims anything
 *
 * A cause that is as active in calm as in the episode scores nothing, however much time it fills.
 */
import { type Claims, claimsIn, GRAIN_US } from "./claims.ts";
import type { Cause, EpisodeCause } from "./episode-shape.ts";
import { evidenceOf } from "./evidence.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";

/** So much time before the episode is what calm looks like. */
const CALM_US = 10_000_000;
/** Activity is counted in windows of 10 ms. */
const WINDOW_GRAINS = 10;
/** A window counts as active from this share of it on. */
const ACTIVE = 0.1;
/** Charges below this are noise of the clocks. */
const LEAST_MS = 0.5;
/** A cause may begin so far into an episode, as a share of it, beside the error of the clocks. */
const LATEST_BEGIN = 0.5;

export interface Ledger {
  readonly causes: readonly EpisodeCause[];
  readonly unexplainedMs: number;
}

export function ledgerOf(view: NodeView, episode: Interval, boundUs: number): Ledger {
  const claims = claimsIn(view, episode);
  const calm = claimsIn(view, { startUs: episode.startUs - CALM_US, endUs: episode.startUs });
  const left = new Float64Array(claims.grains).fill(1);
  const totalMs = (episode.endUs - episode.startUs) / 1_000;
  const open = new Set(
    [...claims.of.keys()].filter((cause) => beginsInTime(claims, cause, episode, boundUs)),
  );
  const causes: EpisodeCause[] = [];
  for (;;) {
    const best = [...open]
      .map((cause) => chargeOf(cause, claims, calm, left, totalMs))
      .filter(({ ms }) => ms >= LEAST_MS)
      .sort((a, b) => b.score - a.score || b.ms - a.ms)[0];
    if (best === undefined) break;
    open.delete(best.cause);
    const shares = claims.of.get(best.cause) as Float64Array;
    for (let i = 0; i < left.length; i += 1) {
      left[i] = Math.max(0, (left[i] as number) - (shares[i] as number));
    }
    const { cause, ms, score } = best;
    causes.push({
      ...{ cause, node: view.node, ms, share: ms / totalMs, score },
      evidence: evidenceOf(view, episode, cause),
    });
  }
  const charged = causes.reduce((sum, { ms }) => sum + ms, 0);
  return { causes, unexplainedMs: Math.max(0, totalMs - charged) };
}

/** An effect does not come before its cause, but for what the clocks and the grain leave open. */
function beginsInTime(claims: Claims, cause: Cause, episode: Interval, boundUs: number): boolean {
  const first = (claims.of.get(cause) as Float64Array).findIndex((share) => share >= ACTIVE);
  const lateUs = first < 0 ? 0 : first * GRAIN_US;
  return lateUs <= Math.max(LATEST_BEGIN * (episode.endUs - episode.startUs), 20_000) + boundUs;
}

interface Charge {
  readonly cause: Cause;
  readonly ms: number;
  readonly score: number;
}

function chargeOf(
  cause: Cause,
  claims: Claims,
  calm: Claims,
  left: Float64Array,
  totalMs: number,
): Charge {
  const shares = claims.of.get(cause) as Float64Array;
  let ms = 0;
  for (let i = 0; i < shares.length; i += 1) ms += Math.min(shares[i] as number, left[i] as number);
  const ratio = activity(shares) / activity(calm.of.get(cause) ?? new Float64Array(calm.grains));
  return { cause, ms, score: Math.min(1, ms / totalMs) * Math.log(ratio) };
}

/** The probability that a window is active; smoothed by one, so that it is never none and never all. */
function activity(shares: Float64Array): number {
  let active = 0;
  let windows = 0;
  for (let i = 0; i < shares.length; i += WINDOW_GRAINS) {
    const window = shares.subarray(i, i + WINDOW_GRAINS);
    windows += 1;
    if (window.reduce((sum, share) => sum + share, 0) / window.length >= ACTIVE) active += 1;
  }
  return (active + 1) / (windows + 2);
}
