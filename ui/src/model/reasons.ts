/** Why a node's part of a cut is not complete, in a sentence; and what the states of nodes mean. */

import type { Hlc } from "../../../agent/kernel/index.ts";
import type { IncompleteJson } from "../../../collector/api/shapes.ts";
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
