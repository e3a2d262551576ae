/**
 * Which detection is about which injection.
 *
 * The rule: it overlaps the truth, and its onset is off by at most max(20 ms, half of the duration). One
 * detection counts for one part of one injection, and the nearest onset goes first. `overlap` asks for the
 * overlap alone: rivals that look at whole seconds would else never be right.
 */
import type { Detection, Injection, Span, TruthPart } from "../recording.ts";

export type Rule = "onset" | "overlap";

/** Least tolerance of an onset. */
const LEAST_TOLERANCE_MS = 20;

export interface Match {
  readonly injection: Injection;
  readonly part: TruthPart;
  readonly detection: Detection;
  /** How late the onset is said to be; negative: early. */
  readonly onsetErrorMs: number;
}

export function matchesOf(
  injections: readonly Injection[],
  detections: readonly Detection[],
  rule: Rule,
): Match[] {
  const pairs = injections.flatMap((injection) => {
    const tolerance = Math.max(LEAST_TOLERANCE_MS, injection.nominalMs / 2);
    return injection.parts.flatMap((part) =>
      detections.flatMap((detection): Match[] => {
        const onsetErrorMs = bestError(detection, part);
        if (onsetErrorMs === undefined) return [];
        const isNear = rule === "overlap" || Math.abs(onsetErrorMs) <= tolerance;
        return isNear ? [{ injection, part, detection, onsetErrorMs }] : [];
      }),
    );
  });
  pairs.sort((a, b) => Math.abs(a.onsetErrorMs) - Math.abs(b.onsetErrorMs));
  const parts = new Set<TruthPart>();
  const taken = new Set<Detection>();
  return pairs.filter(({ part, detection }) => {
    if (parts.has(part) || taken.has(detection)) return false;
    parts.add(part);
    taken.add(detection);
    return true;
  });
}

/** Of the clocks that its times may be of, the one that fits best; undefined: it overlaps with none. */
function bestError(detection: Detection, part: Span): number | undefined {
  let best: number | undefined;
  for (const ahead of detection.aheadMs ?? [0]) {
    const startMs = detection.startMs - ahead;
    const endMs = detection.endMs - ahead;
    if (!overlap({ startMs, endMs }, part)) continue;
    const error = startMs - part.startMs;
    if (best === undefined || Math.abs(error) < Math.abs(best)) best = error;
  }
  return best;
}

export function overlap(a: Span, b: Span): boolean {
  return a.startMs <= b.endMs && b.startMs <= a.endMs;
}
