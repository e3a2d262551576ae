/** Latencies in words. */
import type {
  LatencyJson,
  LatencySeriesJson,
  LatencyWindowJson,
} from "../api/bottleneck-shapes.ts";
import { counted, table } from "./text.ts";

const HEAD = ["window", "requests", "p50", "p90", "p95", "p99", "p99.9", "max"];
const NUMBERS = [1, 2, 3, 4, 5, 6, 7];

export function latencyText({ server, caller, complete, incomplete }: LatencyJson): string {
  const parts = [
    `Requests as served, by windows of ${server.windowMs} ms (all times in ms):\n`,
    seriesText(server),
  ];
  if (caller.total.count > 0) {
    parts.push(`\nCalls as callers saw them, by windows of ${caller.windowMs} ms:\n`);
    parts.push(seriesText(caller));
  }
  if (server.windows.some(({ p999Us }) => p999Us === null)) {
    parts.push(
      "- : too few requests for that percentile (p99 takes 100, p99.9 takes 1,000): see max.\n",
    );
  }
  if (!complete) {
    parts.push(
      `Incomplete: ${counted(incomplete.length, "reason")}; see \`retroscope explain\`.\n`,
    );
  }
  return parts.join("");
}

function seriesText({ windows, total }: LatencySeriesJson): string {
  if (windows.length === 0) {
    return "  none. Agents time requests that are started with `startAgent({ requests: true, ... })`.\n";
  }
  const rows = windows.map(({ start, ...window }) => [start.time, ...cells(window)]);
  return table([HEAD, ...rows, ["all", ...cells(total)]], { indent: 2, right: NUMBERS });
}

function cells(window: LatencyWindowJson): string[] {
  const { p50Us, p90Us, p95Us, p99Us, p999Us, maxUs } = window;
  return [String(window.count), ...[p50Us, p90Us, p95Us, p99Us, p999Us, maxUs].map(ms)];
}

function ms(us: number | null): string {
  return us === null ? "-" : (us / 1_000).toFixed(2);
}
