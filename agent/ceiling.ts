/**
 * The ceiling: what a node keeps on disk so that its next run starts above every stamp of this one. It is
 * durable before a stamp above the old one is issued, so it has to be written ahead of the clock:
 *
 *     physical ----------------------------> + 3 s          where the clock keeps to physical time
 *     last stamp ---------------------------------> + slack  where it is ahead: each stamp is a tick
 *
 * A run that starts above a ceiling of the future is ahead from its first stamp on. If each such run added
 * 3 s again, a process that crashes and starts 25 times a second would be a minute ahead within a second.
 * So the slack begins small and grows by half of the time that the run has lived, and is renewed as often:
 * a run hands on less than it lived, whatever ends it, and a lead it was handed melts. In the time until
 * the next renewal the slack holds two million stamps a second; faster nobody stamps (hlc.ts: 4 million).
 */
import { type Hlc, TICKS_PER_MS } from "./kernel/index.ts";

/** How far ahead of physical time, and at most ahead of the latest stamp, the ceiling is written. */
export const CEILING_LEASE_MS = 3_000;
export const CEILING_INTERVAL_MS = 1_000;
/** What a run that is ahead begins with, and how soon it renews that. */
const FIRST_SLACK_MS = 10;
const FIRST_INTERVAL_MS = 20;

/** What to write now; `livedMs`: since the start. */
export function ceilingFor(last: Hlc, physical: Hlc, livedMs: number): Hlc {
  const slackMs = Math.min(CEILING_LEASE_MS, FIRST_SLACK_MS + livedMs / 2);
  const leased = physical + CEILING_LEASE_MS * TICKS_PER_MS;
  return Math.max(leased, last + Math.floor(slackMs * TICKS_PER_MS)) as Hlc;
}

/** When to write again. */
export function ceilingRenewalMs(last: Hlc, physical: Hlc, livedMs: number): number {
  if (last <= physical) return CEILING_INTERVAL_MS;
  return Math.min(CEILING_INTERVAL_MS, Math.max(FIRST_INTERVAL_MS, livedMs));
}
