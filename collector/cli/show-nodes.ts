/** Who there is, in words. */
import { unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { H, NodesJson } from "../api/shapes.ts";
import { counted, type ShowOptions, table } from "./text.ts";
import { absoluteAndAgo, msAgo, spanText, ticksOf } from "./times.ts";

export function nodesText(answer: NodesJson, { nowMs, columns }: ShowOptions): string {
  const { extent, nodes, now, watermark } = answer;
  if (extent === null) return "Nothing is stored yet: no agent has shipped anything.\n";
  const head = [
    ...(answer.retention?.paused === true
      ? ["The collector's clock jumped ahead: nothing is removed for its age for now."]
      : []),
    `History from ${reached(extent.first, nowMs)}`,
    `        to   ${reached(extent.last, nowMs)}`,
    watermark === null
      ? "No node is live."
      : `Every live node is known until ${reached(watermark, nowMs)}`,
  ];
  const collectorMs = unixMsFromTicks(ticksOf(now));
  const rows = nodes.map((node) => [
    node.node,
    node.service,
    node.status,
    knownText(node.watermark, collectorMs),
    counted(storedCount(node.counts), "event"),
    node.stream === "on-demand" ? "on demand" : "",
    node.epochs.length === 1 ? "" : `${node.epochs.length} starts`,
    [
      node.lost.length === 0 ? "" : counted(node.lost.length, "lost range"),
      // Of an older collector there is none.
      node.notCaptured ? `${counted(node.notCaptured.events, "event")} not captured` : "",
      // Nor does it say what it removed.
      node.retainedFrom ? `kept from ${absoluteAndAgo(node.retainedFrom, nowMs)}` : "",
    ]
      .filter((words) => words !== "")
      .join(", "),
  ]);
  return `${head.join("\n")}\n\n${table(rows, { columns })}`;
}

/** History cannot reach into the future: where it seems to, some clock is ahead, and stamps with it. */
function reached(time: H, nowMs: number): string {
  const aheadMs = -msAgo(time, nowMs);
  if (aheadMs <= 0) return absoluteAndAgo(time, nowMs);
  return `${time.time} (now: stamps run ${spanText(aheadMs)} ahead)`;
}

function knownText(watermark: H, nowMs: number): string {
  const agoMs = msAgo(watermark, nowMs);
  return agoMs >= 0
    ? `known until ${spanText(agoMs)} ago`
    : `known until now, its stamps ${spanText(-agoMs)} ahead`;
}

function storedCount(counts: NodesJson["nodes"][number]["counts"]): number {
  const isObject = counts !== null && typeof counts === "object" && !Array.isArray(counts);
  const stored = isObject ? (counts as { readonly stored?: unknown }).stored : undefined;
  return typeof stored === "number" ? stored : 0;
}
