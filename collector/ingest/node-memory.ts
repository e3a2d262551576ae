/**
 * What this process holds, and may hold: one of the adapter files that may ask.
 *
 * The store's file is mapped into memory, and its pages count as resident: with much history RSS says
 * gigabytes that cost nobody anything. On Linux the kernel says what is ours (`RssAnon`); elsewhere it
 * is reckoned from what V8 knows of.
 */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { MemoryGauge } from "./memory-gate.ts";

/** Of the container's or machine's memory, if no ceiling is given: the kernel needs some for files. */
const DEFAULT_CEILING_SHARE = 0.8;
const STATUS_FILE = "/proc/self/status";

/** @param maxMemoryBytes what the process may hold; default: a share of what there is */
export function nodeMemory(maxMemoryBytes?: number): MemoryGauge {
  const ceilingBytes = maxMemoryBytes ?? DEFAULT_CEILING_SHARE * memoryThereIs();
  const { heap_size_limit: heapLimitBytes } = getHeapStatistics();
  let collect: (() => void) | undefined;
  return {
    read() {
      const { heapTotal, heapUsed, external } = process.memoryUsage();
      const ownBytes = anonymousBytes() ?? heapTotal + external;
      return { heapBytes: heapUsed, heapLimitBytes, ownBytes, ceilingBytes };
    },
    collect() {
      collect ??= collector();
      collect();
    },
  };
}

function memoryThereIs(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function anonymousBytes(): number | undefined {
  try {
    const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(STATUS_FILE, "latin1"));
    return match === null ? undefined : Number(match[1]) * 1_024;
  } catch {
    return undefined;
  }
}

/** V8 shows its collector only to new contexts, and only if asked before. */
function collector(): () => void {
  try {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as () => void;
  } catch {
    return () => {};
  }
}
