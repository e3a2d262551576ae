/**
 * Reads what V8 prints with --trace-gc:
 *
 *     [1234:0x5581c0]      123 ms: Mark-Compact (reduce) 2.3 (4.0) -> 2.2 (4.0) MB, 1.15 / 0.00 ms  (average ...
 *      process:isolate     at its end                                               how long
 *
 * The main thread's isolate is the one that prints first; an agent's worker prints too, with another address.
 */
import type { Tier } from "./faults.ts";
import type { Collection } from "./recording.ts";

const LINE = /^\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: ([A-Za-z-]+).*? MB, ([\d.]+) \/ [\d.]+ ms/;

/** @param startMs Unix ms at which V8 began to count */
export function collectionsIn(output: string, tier: Tier, startMs: number): Collection[] {
  const found: Collection[] = [];
  let main: string | undefined;
  for (const line of output.split("\n")) {
    const [, isolate, at, kind = "", ms] = LINE.exec(line) ?? [];
    if (isolate === undefined) continue;
    main ??= isolate;
    if (isolate === main) {
      found.push({ tier, atMs: startMs + Number(at), ms: Number(ms), kind: kind.toLowerCase() });
    }
  }
  return found;
}
