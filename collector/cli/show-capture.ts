/** A capture in words: what was asked for, and what came of each node. */

import { TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CaptureJson, H } from "../api/shapes.ts";
import { counted, plain, type ShowOptions, table } from "./text.ts";
import { absoluteAndAgo, spanText, ticksOf } from "./times.ts";

const STATE: Readonly<Record<CaptureJson["state"], string>> = {
  asked: "not all nodes have answered yet",
  done: "all of it is here",
  partial: "not all of it could be had",
};

export function captureText(capture: CaptureJson, { nowMs, columns }: ShowOptions): string {
  const { id, state, from, to, reason, trigger, nodes, unasked } = capture;
  const head = [
    `Capture ${plain(id)}: ${STATE[state]}`,
    `  from ${absoluteAndAgo(from, nowMs)}`,
    `  to   ${absoluteAndAgo(to, nowMs)}`,
  ];
  if (reason !== undefined) head.push(`  for  ${plain(reason)}`);
  if (trigger !== undefined) {
    const more = trigger.count > 1 ? ` and ${counted(trigger.count - 1, "more trigger")}` : "";
    head.push(`  by   ${plain(trigger.node)}${more}`);
  }
  const rows = nodes.map((one) => [one.node, one.state, cameText(one, capture), one.why ?? ""]);
  const none = nodes.length === 0 ? "No node is there to ask.\n" : "";
  const more =
    unasked === undefined ? "" : `${counted(unasked, "more node")} could not be asked at once.\n`;
  return `${head.join("\n")}\n\n${table(rows, { columns })}${none}${more}`;
}

/** `all of it`, or how much of it and where. */
function cameText({ state, from, to }: CaptureJson["nodes"][number], capture: CaptureJson): string {
  if (state === "shipped") return "all of it";
  if (from === undefined || to === undefined) return "";
  const asked = msBetween(capture.from, capture.to);
  return `${spanText(msBetween(from, to))} of ${spanText(asked)}, from ${from.time}`;
}

function msBetween(from: H, to: H): number {
  return (ticksOf(to) - ticksOf(from)) / TICKS_PER_MS;
}
