/**
 * State tracks: what a pinned variable held over the view, as stretches of equal value.
 *
 *     before the view        | the view                        |
 *     kv / apples = 11         set 12      set 12     set 14
 *     [ 11 ───────────────────][ 12 ──────────────────][ 14 ─────
 *
 * The values come from the exact events of the timeline, which the page has anyway; the one it lacks,
 * that at the left edge, from one `/api/cut` there. Dense answers carry no values: then there is no
 * track, and the lane says why.
 */
import { canonicalText, type Hlc, type Json } from "../../../agent/kernel/index.ts";
import type { CutJson, EventLineJson } from "../../../collector/api/shapes.ts";
import type { Pin } from "./choices.ts";
import type { LaneFacts } from "./timeline-facts.ts";

export interface Stretch {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly value: Json;
}

/** Ascending, disjoint; between them the variable did not exist, or is not known. */
export function stretchesOf(
  lane: LaneFacts,
  pin: Pin,
  start: Json | undefined,
  range: { readonly from: Hlc; readonly to: Hlc },
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let value = start;
  let since: number = range.from;
  const close = (to: number) => {
    if (value !== undefined && to > since) stretches.push({ from: since, to, value });
  };
  for (const { t, line } of lane.exact?.changes ?? []) {
    const next = valueAfter(line, pin, value);
    if (next === value || isSame(next, value)) continue;
    close(t);
    since = t;
    value = next;
  }
  close(range.to);
  return stretches;
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalText(a) === canonicalText(b);
}

/** What the variable holds after an event; the same value where the event is not about it. */
function valueAfter(line: EventLineJson, pin: Pin, before: Json | undefined): Json | undefined {
  if (line.kind === "join") return undefined; // a new run starts with nothing
  if (line["log"] !== pin.log) return before;
  if (line.kind === "keyframe") return (line["state"] as { [key: string]: Json })?.[pin.key];
  if (line["key"] !== pin.key) return before;
  const value = line["value"] as Json;
  switch (line.kind) {
    case "set":
      return value;
    case "delete":
      return undefined;
    case "add":
      return { $set: [...membersOf(before).filter((one) => !isSame(one, value)), value] };
    case "remove":
      return { $set: membersOf(before).filter((one) => !isSame(one, value)) };
    default:
      return before;
  }
}

function membersOf(value: Json | undefined): readonly Json[] {
  const members = (value as { readonly $set?: readonly Json[] } | null | undefined)?.$set;
  return members ?? [];
}

/** What `cut` says of the variable on a node; undefined where it did not exist or is not known. */
export function valueIn(cut: CutJson, node: string, { log, key }: Pin): Json | undefined {
  const logs = cut.nodes[node]?.logs;
  return logs !== undefined && Object.hasOwn(logs, log) ? logs[log]?.[key] : undefined;
}
