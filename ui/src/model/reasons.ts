/** Why a node's part of a cut is not complete, in a sentence; and what the states of nodes mean. */

import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { CutJson, IncompleteJson, UnknownJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import { clockText, durationText, plural } from "../scale/time-words.ts";

/** One or two words for a lane head or a badge. */
export function reasonLabel(reason: string): string {
  return REASON_LABELS[reason] ?? reason;
}

const REASON_LABELS: Readonly<Record<string, string>> = {
  lagging: "lagging",
  hole: "events missing",
  suspect: "silent",
  expired: "given up",
  lost: "events lost",
  "not-captured": "not captured",
  "outside-retention": "no longer kept",
  rebuilding: "rebuilding",
  "unknown-node": "unknown node",
};

/** Why the one variable that a cut was asked for is not known, if that is why it is not in it. */
export function unknownAmong(incomplete: readonly IncompleteJson[]): UnknownJson | undefined {
  const reasons = new Set(incomplete.map(({ reason }) => reason));
  if (reasons.has("lost")) return "lost";
  return reasons.has("not-captured") ? "not-captured" : undefined;
}

/** What a time later than the collector's own clock is, in words; undefined for any other. */
export function futureWords(at: Hlc, now: Hlc | undefined): string | undefined {
  if (now === undefined || at - now < FUTURE_AFTER_MS * TICKS_PER_MS) return undefined;
  return `${durationText(at - now)} in the future: nothing can be known of it yet`;
}
/** Longer than the page waits between two looks at the collector's clock. */
const FUTURE_AFTER_MS = 10_000;

/** Why more messages may be in flight than are listed; undefined where none can be. */
export function flightDoubt(cut: CutJson): string | undefined {
  if (cut.inFlightComplete) return undefined;
  const behind = [...new Set(cut.incomplete.map(({ node }) => node))];
  if (behind.length === 0) {
    return "messages of about this time are missing from the record, so more may have been in flight";
  }
  const names = behind.length > 3 ? plural(behind.length, "node") : behind.join(", ");
  return `not all is known of ${names} up to this time, so more may have been in flight`;
}

/** What is missing at the cut at `at`, and whether it may still come. */
export function reasonSentence(one: IncompleteJson, at: Hlc): string {
  const after = one.after && ticksOf(one.after);
  const range =
    one.from && one.to
      ? ` from ${clockText(ticksOf(one.from))} to ${clockText(ticksOf(one.to))}`
      : "";
  const logs = one.logs === undefined ? "" : `, of ${one.logs.join(", ")}`;
  switch (one.reason) {
    case "lagging":
      return after === undefined
        ? "has not reported up to this time yet"
        : `has reported up to ${clockText(after)}, ${durationText(at - after)} short of this cut`;
    case "hole":
      return `misses events${one.seq === undefined ? "" : ` from number ${one.seq} on`}${range}; they may still arrive`;
    case "suspect":
      return `has been silent${after === undefined ? "" : ` since ${clockText(after)}`}; what it did later is not known`;
    case "expired":
      return `fell silent and was given up${range}`;
    case "lost":
      return `lost ${one.events === undefined ? "events" : plural(one.events, "event")}${range}${logs}; values touched are left out`;
    case "not-captured":
      return `records on demand, and this stretch was not captured${range}`;
    case "outside-retention":
      return "no longer keeps this time";
    case "rebuilding":
      return "is being rebuilt from the log; ask again in a moment";
    case "unknown-node":
      return "was named by a message, but never joined";
    default:
      return one.reason;
  }
}
