/** Diffs, steps and versions of a variable in words. */
import type {
  BeforeAfterJson,
  DiffJson,
  StepsJson,
  UnknownJson,
  VariableHistoryJson,
} from "../api/shapes.ts";
import { captureHint } from "./capture-hint.ts";
import { reasonText } from "./show-cut.ts";
import { type ShowOptions, table, UNKNOWN_TEXT, valueText } from "./text.ts";
import { absoluteAndAgo } from "./times.ts";

export function diffText(diff: DiffJson, { nowMs, columns }: ShowOptions): string {
  const rows = diff.changes.map((change) => [
    signOf(change),
    change.node,
    change.log,
    change.key,
    changeText(change),
    change.count === 1 ? "" : `(${change.count} changes)`,
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
    rows.length === 0 ? nothingText(diff) : `\n${table(rows, { columns })}`,
    captureHint(diff.incomplete, diff),
  ].join("");
}

function nothingText({ complete }: DiffJson): string {
  return complete ? "\nNothing changed.\n" : "\nNo change is known.\n";
}

/** `?` where it is not known whether the variable came, went or changed. */
function signOf({ before, after, beforeUnknown, afterUnknown }: BeforeAfterJson): string {
  if (beforeUnknown !== undefined || afterUnknown !== undefined) return "?";
  return before === undefined ? "+" : after === undefined ? "-" : "~";
}

function changeText({ before, after, beforeUnknown, afterUnknown }: BeforeAfterJson): string {
  const was = beforeUnknown === undefined ? valueText(before) : UNKNOWN_TEXT[beforeUnknown];
  const is = afterUnknown === undefined ? valueText(after) : UNKNOWN_TEXT[afterUnknown];
  return `${was} -> ${is}`;
}

export function stepsText({ steps }: StepsJson, options: ShowOptions, direction: string): string {
  if (steps.length === 0) return `No ${direction === "prev" ? "earlier" : "later"} change.\n`;
  return steps
    .map(({ at, changes }) => {
      const rows = changes.map((change) => {
        const { node, log, key, kind } = change;
        return [node, log, key, kind, log === "" && key === "" ? "" : changeText(change)];
      });
      const head = `${absoluteAndAgo(at, options.nowMs)}, stamp ${at.hlc}\n`;
      return head + table(rows, { indent: 2, columns: options.columns });
    })
    .join("");
}

type Version = VariableHistoryJson["values"][number];

/** Stamps (hex) at which a run of the node ended or the next began, and what to call that. */
export type RunEnds = ReadonlyMap<string, string>;

export function versionsText(
  values: VariableHistoryJson["values"],
  options: ShowOptions,
  ends: RunEnds = new Map(),
): string {
  if (values.length === 0) return "The variable had no value in this range.\n";
  const rows = values.map((version, i) => [
    absoluteAndAgo(version.at, options.nowMs),
    version.at.hlc,
    versionText(version, values[i - 1], ends),
  ]);
  return table(rows, { columns: options.columns });
}

function versionText(version: Version, before: Version | undefined, ends: RunEnds): string {
  const unknown = unknownOf(version);
  if (unknown !== undefined) return UNKNOWN_TEXT[unknown];
  if (version.deleted !== true) return valueText(version.value);
  const end = ends.get(version.at.hlc);
  if (end !== undefined) return `(${end})`;
  // Nobody saw it go, if it ever was there.
  return before !== undefined && unknownOf(before) !== undefined ? "(not there)" : "(deleted)";
}

/** Why the value of a version is not known; undefined if it is, or was deleted. */
export function unknownOf({ lost, notCaptured }: Version): UnknownJson | undefined {
  if (lost === true) return "lost";
  return notCaptured === true ? "not-captured" : undefined;
}
