/** What speaks for a cause, in words: what was measured on the charged node during the episode. */

import { firstAt } from "./detect-oldest.ts";
import type { Cause } from "./episode-shape.ts";
import { coveredOf, lengthOf, partsIn, unionOf } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval, Samples } from "./recording.ts";

export function evidenceOf(view: NodeView, episode: Interval, cause: Cause): string[] {
  const { recording, gaps } = view;
  const gapMs = ms(lengthOf(partsIn(episode, gaps)));
  const gap = gapMs > 0 ? [`heartbeat late for ${gapMs} ms`] : [];
  const counter = (name: string): string[] => {
    const grown = grownBy(recording.signals.get(name), episode);
    return grown === undefined ? [] : [`${name} grew by ${ms(grown)} ms`];
  };
  switch (cause) {
    case "gc":
      return [...gap, ...gcEvidence(view, episode)];
    case "run":
      return [...gap, ...counter("run")];
    case "run-queue":
      return [...gap, ...counter("run-queue")];
    case "throttled":
      return [...gap, ...counter("cgroup-throttled"), ...counter("run-queue")];
    case "sync-io":
      return [...gap, "main thread in state D", ...counter("psi-io")];
    case "freeze":
      return [...gap, "the sampler took no sample either", ...counter("run")];
    case "libuv-pool":
      return ["a trivial job on the thread pool waited 10 ms or more"];
    case "async-io":
      return counter("psi-io");
    case "pool":
    case "lock":
      return waitEvidence(view, episode, cause);
    default:
      return [];
  }
}

function gcEvidence({ recording }: NodeView, episode: Interval): string[] {
  const pauses = recording.gc.filter((pause) => coveredOf(episode, [pause]) > 0);
  const kinds = new Map<string, number>();
  for (const { kind } of pauses) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const heap = Math.max(0, ...pauses.map(({ heapBytes }) => heapBytes));
  const counts = [...kinds].sort().map(([kind, count]) => `${count} ${kind}`);
  const pausedMs = ms(lengthOf(partsIn(episode, unionOf(pauses))));
  return [
    `GC for ${pausedMs} ms: ${counts.join(", ")}`,
    ...(heap > 0 ? [`heap ${Math.round(heap / 1_048_576)} MiB`] : []),
  ];
}

function waitEvidence({ recording }: NodeView, episode: Interval, kind: "pool" | "lock"): string[] {
  const names = new Map<string, { count: number; longestUs: number }>();
  for (const wait of recording.waits) {
    if (wait.kind !== kind || coveredOf(episode, [wait]) === 0) continue;
    const known = names.get(wait.name) ?? { count: 0, longestUs: 0 };
    known.count += 1;
    known.longestUs = Math.max(known.longestUs, wait.endUs - wait.startUs);
    names.set(wait.name, known);
  }
  return [...names]
    .sort(([, a], [, b]) => b.longestUs - a.longestUs)
    .slice(0, 3)
    .map(
      ([name, { count, longestUs }]) => `${count} waited for ${name}, ${ms(longestUs)} ms at most`,
    );
}

/** How much a counter of microseconds grew around a stretch. */
function grownBy(samples: Samples | undefined, { startUs, endUs }: Interval): number | undefined {
  if (samples === undefined || samples.values.length === 0) return undefined;
  const before = samples.values[Math.max(0, firstAt(samples, startUs) - 1)] ?? 0;
  const after = samples.values[Math.min(samples.values.length - 1, firstAt(samples, endUs))] ?? 0;
  return Math.max(0, after - before);
}

function ms(us: number): number {
  return Math.round(us / 100) / 10;
}
