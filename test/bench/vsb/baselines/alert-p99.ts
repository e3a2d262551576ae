/**
 * The alert that most have: p99 of the answers of each second, at the door, against the usual p99 of the last
 * minute. It knows that something was slow, not where nor why.
 */
import type { Detection, Observed } from "../recording.ts";
import { emptySeries, merged, outliers, windowOf } from "./series.ts";

const WIDTH_MS = 1_000;
const TIMES = 2;
const ABOVE_MS = 10;

export function alertP99({ clients, run }: Observed): Detection[] {
  const series = emptySeries(run, WIDTH_MS);
  const answers: number[][] = Array.from(series.values, () => []);
  for (const [i, done] of clients.doneMs.entries()) {
    answers[windowOf(series, done)]?.push(done - (clients.intendedMs[i] as number));
  }
  for (const [w, latencies] of answers.entries()) {
    latencies.sort((a, b) => a - b);
    series.values[w] = latencies[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN;
  }
  const flags = outliers(
    series,
    (p99, { median }) => p99 > TIMES * median && p99 > median + ABOVE_MS,
  );
  return merged(series, flags).map(({ startMs, endMs, firstEndMs }) => ({
    ...{ startMs, endMs, knownMs: firstEndMs, class: "fault", suspects: [], explained: null },
  }));
}
