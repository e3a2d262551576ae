/** Latencies in words. */
import type {
  LatencyJson,
  LatencySeriesJson,
  LatencyWindowJson,
} from "../api/bottleneck-shapes.ts";
import { counted, table } from "./text.ts";

const HEAD = ["window", "requests", "p50", "p90", "p99", "p99.9", "max"];
const NUMBERS = [1, 2, 3, 4, 5, 6];

export function latencyText({ server, caller, complete, incomplete }: LatencyJson): string {
  const parts = [
    `Requests as served, by windows of ${server.windowMs} ms (all times in ms):\n`,
    seriesText(server),
  ];
  if (caller.total.count > 0) {
    parts.push(`\nCalls as callers saw them, by windows of ${caller.windowMs} ms:\n`);
    parts.push(seriesText(caller));
  }
  if (server.windows.some(({ p99Us }) => p99Us === null)) {
    parts.push("- : fewer than 100 requests, which have no percentiles: see max.\n");
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
    return "  none. Are agents with request timing shipping? `retroscope nodes` prints who is there.\n";
  }
  const rows = windows.map(({ start, ...window }) => [start.time, ...cells(window)]);
  return table([HEAD, ...rows, ["all", ...cells(total)]], { indent: 2, right: NUMBERS });
}

function cells({ count, maxUs, p50Us, p90Us, p99Us, p999Us }: LatencyWindowJson): string[] {
  return [String(count), ms(p50Us), ms(p90Us), ms(p99Us), ms(p999Us), ms(maxUs)];
}

function ms(us: number | null): string {
  return us === null ? "-" : (us / 1_000).toFixed(2);
}
