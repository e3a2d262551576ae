/** Who there is, in words. */
import type { NodesJson } from "../api/shapes.ts";
import type { ShowOptions } from "./show-cut.ts";
import { counted, table } from "./text.ts";
import { absoluteAndAgo, beforeOrAfter } from "./times.ts";

export function nodesText(answer: NodesJson, { nowMs, columns }: ShowOptions): string {
  const { extent, nodes, now, watermark } = answer;
  if (extent === null) return "Nothing is stored yet: no agent has shipped anything.\n";
  const head = [
    `History from ${absoluteAndAgo(extent.first, nowMs)}`,
    `        to   ${absoluteAndAgo(extent.last, nowMs)}`,
    watermark === null
      ? "No node is live."
      : `Every live node is known until ${absoluteAndAgo(watermark, nowMs)}`,
  ];
  const rows = nodes.map((node) => [
    node.node,
    node.service,
    node.status,
    // A node whose clock is ahead of the collector's is known into the future.
    `known until ${beforeOrAfter(node.watermark, now).replace("before", "ago").replace("after", "ahead")}`,
    counted(storedCount(node.counts), "event"),
    node.epochs.length === 1 ? "" : `${node.epochs.length} starts`,
    node.lost.length === 0 ? "" : `${counted(node.lost.length, "lost range")}`,
  ]);
  return `${head.join("\n")}\n\n${table(rows, { columns })}`;
}

function storedCount(counts: NodesJson["nodes"][number]["counts"]): number {
  const isObject = counts !== null && typeof counts === "object" && !Array.isArray(counts);
  const stored = isObject ? (counts as { readonly stored?: unknown }).stored : undefined;
  return typeof stored === "number" ? stored : 0;
}
