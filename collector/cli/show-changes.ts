/** Diffs, steps, versions of a variable and single events in words. */
import type {
  DiffJson,
  EventLineJson,
  EventsJson,
  StepsJson,
  VariableHistoryJson,
} from "../api/shapes.ts";
import { reasonText } from "./show-cut.ts";
import { counted, type ShowOptions, table, valueText } from "./text.ts";
import { absoluteAndAgo } from "./times.ts";

export function diffText(diff: DiffJson, { nowMs, columns }: ShowOptions): string {
  const rows = diff.changes.map(({ node, log, key, before, after, count }) => [
    before === undefined ? "+" : after === undefined ? "-" : "~",
    node,
    log,
    key,
    `${valueText(before)} -> ${valueText(after)}`,
    count === 1 ? "" : `(${count} changes)`,
  ]);
  const reasons = diff.incomplete.map((entry) => [
    entry.node,
    entry.reason,
    reasonText(entry, { at: diff.to }),
  ]);
  return [
    `From ${absoluteAndAgo(diff.from, nowMs)}\nto   ${absoluteAndAgo(diff.to, nowMs)}\n`,
    diff.complete
      ? "Complete: nothing is missing from either.\n"
      : `INCOMPLETE: changes may be missing.\n${table(reasons, { indent: 2, columns })}`,
    rows.length === 0 ? "\nNothing changed.\n" : `\n${table(rows, { columns })}`,
  ].join("");
}

export function stepsText({ steps }: StepsJson, options: ShowOptions, direction: string): string {
  if (steps.length === 0) return `No ${direction === "prev" ? "earlier" : "later"} change.\n`;
  return steps
    .map(({ at, changes }) => {
      const rows = changes.map(({ node, log, key, kind, before, after }) => [
        node,
        log,
        key,
        kind,
        log === "" && key === "" ? "" : `${valueText(before)} -> ${valueText(after)}`,
      ]);
      const head = `${absoluteAndAgo(at, options.nowMs)}, stamp ${at.hlc}\n`;
      return head + table(rows, { indent: 2, columns: options.columns });
    })
    .join("");
}

/** Stamps (hex) at which a run of the node ended or the next began, and what to call that. */
export type RunEnds = ReadonlyMap<string, string>;

export function versionsText(
  values: VariableHistoryJson["values"],
  options: ShowOptions,
  ends: RunEnds = new Map(),
): string {
  if (values.length === 0) return "The variable had no value in this range.\n";
  const rows = values.map(({ at, value, deleted, lost }) => [
    absoluteAndAgo(at, options.nowMs),
    at.hlc,
    deleted
      ? `(${ends.get(at.hlc) ?? "deleted"})`
      : lost
        ? "(lost: changes of it are missing)"
        : valueText(value),
  ]);
  return table(rows, { columns: options.columns });
}

export function eventsText(events: EventsJson["events"], options: ShowOptions): string {
  const rows = events.map((event) => [event.t.time, event.node, event.kind, whatHappened(event)]);
  return table(rows, { columns: options.columns });
}

/** What an event says beside its time, node and kind. */
function whatHappened(event: EventLineJson): string {
  const field = (name: string) => event[name];
  switch (event.kind) {
    case "set":
    case "add":
    case "remove":
      return `${field("log")} ${field("key")} ${valueText(field("value"))}`;
    case "delete":
      return `${field("log")} ${field("key")}`;
    case "send":
      return `to ${field("to") ?? field("peer") ?? "unknown"}`;
    case "receive":
      return `from ${field("from") ?? field("peer") ?? "unknown"}`;
    case "request":
      return `${field("operation")} ${field("residenceUs")} us, ${field("outcome")}`;
    case "mark":
      return String(field("text"));
    case "keyframe": {
      const state = field("state");
      const size = state !== null && typeof state === "object" ? Object.keys(state).length : 0;
      return `${field("log")}, ${counted(size, "variable")}`;
    }
    default:
      return "";
  }
}
