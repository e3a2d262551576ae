/**
 * Times in event lines, and the order among them.
 *
 * A file may say times more finely than a tick (the low 4 bits of a foreign HLC, nanoseconds) or more
 * coarsely (whole milliseconds of a wall clock). Either way lines that the file orders, or leaves
 * unordered, can fall on one tick. `orderStamps` then bumps the later one: after it, within a node
 * what was later is later, and a receive is later than its send. Two things are never bumped apart:
 * lines of a node with equal t (one commit), and stamps that are exact HLCs. A receive that the file
 * itself puts before its send stays there: that is a violation, and must show.
 */
import { type Hlc, isHlc, parseHlc, TICKS_PER_MS, ticksFromUnixMs } from "./hlc.ts";
import { parseTime } from "./time-text.ts";
import type { Json } from "./value.ts";

/** A time as the file says it. */
export interface FileStamp {
  /** Our stamp for it: a hex form is rounded up to the tick, other forms down. */
  readonly t: Hlc;
  /** What it says exactly: `floor` + `part` ticks, 0 <= part < 1. */
  readonly floor: number;
  readonly part: number;
  /** A stamp of an HLC that fits our ticks: no room for a bump of ours. */
  readonly isExact: boolean;
}

const HEX = /^[0-9a-f]{16}$/i;
const DISPLAY = /\.\d{3}Z[+ ][0-9a-f]{3}$/i;
const SUB_MS = /[.,]\d{3}(\d{4,9})/;

/** Reads the hex, display or ISO form, Unix milliseconds as text or number, or H of the API. */
export function readStamp(value: Json | undefined): FileStamp | undefined {
  if (typeof value === "number") return fromTicks(ticksFromUnixMs(value));
  if (value !== null && typeof value === "object" && "hlc" in value) {
    return typeof value["hlc"] === "string" ? readStamp(value["hlc"]) : undefined;
  }
  if (typeof value !== "string") return undefined;
  if (HEX.test(value)) {
    const t = parseHlc(value);
    if (t === undefined) return undefined;
    const part = Number.parseInt(value.slice(-1), 16) / 16;
    return part === 0
      ? { t, floor: t, part, isExact: true }
      : { t, floor: t - 1, part, isExact: false };
  }
  try {
    // Relative times and "now" mean nothing in a file: no number makes them a stamp.
    const t = parseTime(value, Number.NaN as Hlc);
    const fine = SUB_MS.exec(value);
    const ticks = fine ? Number(`0.000${fine[1]}`) * 1_000 * TICKS_PER_MS : 0;
    const part = fine ? ticks - Math.floor(ticks) : 0;
    return { t, floor: t, part, isExact: DISPLAY.test(value) };
  } catch {
    return undefined;
  }
}

function fromTicks(t: Hlc): FileStamp | undefined {
  return isHlc(t) ? { t, floor: t, part: 0, isExact: false } : undefined;
}

/** Below, at or above 0, as the file orders two times. */
export function compareStamps(a: FileStamp, b: FileStamp): number {
  return a.floor - b.floor || a.part - b.part;
}

/** One line that has a place in time. */
export interface Stamped {
  readonly stamp: FileStamp;
  /** Set by `orderStamps`. */
  t: Hlc;
  /** For a receive: its send, where that is in the file. */
  readonly send: Stamped | undefined;
}

/**
 * Gives every line its t, the lines of each run in order. Returns how many were bumped.
 * Runs wait for each other's sends; should they all wait (a file that contradicts itself), the
 * earliest goes on as if its send were not known.
 */
export function orderStamps(runs: readonly (readonly Stamped[])[]): number {
  const next = new Array<number>(runs.length).fill(0);
  const done = new Set<Stamped>();
  const waiting = new Map<Stamped, number[]>();
  const ready = runs.map((_, run) => run).reverse();
  let bumped = 0;
  for (;;) {
    const run = ready.pop() ?? freeOne(runs, next, waiting);
    if (run === undefined) return bumped;
    const lines = runs[run] as readonly Stamped[];
    let before = lines[(next[run] as number) - 1];
    for (let i = next[run] as number; i < lines.length; i += 1) {
      const line = lines[i] as Stamped;
      const send = sendToRespect(line);
      if (send !== undefined && !done.has(send) && !isFreed(waiting, send, run)) {
        waiting.set(send, [...(waiting.get(send) ?? []), run]);
        break;
      }
      bumped += stampLine(line, before, send !== undefined && done.has(send) ? send : undefined);
      done.add(line);
      before = line;
      next[run] = i + 1;
      for (const other of waiting.get(line) ?? []) if (other >= 0) ready.push(other);
      waiting.delete(line);
    }
  }
}

/** The send that must come before `line`: none if the file says that it came after. */
function sendToRespect({ stamp, send }: Stamped): Stamped | undefined {
  if (send === undefined) return undefined;
  const order = compareStamps(stamp, send.stamp);
  if (order < 0 || (order === 0 && stamp.isExact && send.stamp.isExact)) return undefined;
  return send;
}

function stampLine(line: Stamped, before: Stamped | undefined, send: Stamped | undefined): number {
  let t: number = line.stamp.t;
  if (before !== undefined) {
    const isSameTime = compareStamps(before.stamp, line.stamp) === 0;
    t = Math.max(t, isSameTime ? before.t : before.t + 1);
  }
  if (send !== undefined) t = Math.max(t, send.t + 1);
  line.t = t as Hlc;
  return t > line.stamp.t ? 1 : 0;
}

/** All wait: the run whose next line is earliest need wait no longer. Its number is negated in the list. */
function freeOne(
  runs: readonly (readonly Stamped[])[],
  next: readonly number[],
  waiting: Map<Stamped, number[]>,
): number | undefined {
  let earliest: { run: number; send: Stamped; line: Stamped } | undefined;
  for (const [send, list] of waiting) {
    for (const run of list) {
      const line = runs[run]?.[next[run] as number];
      if (run < 0 || line === undefined) continue;
      if (earliest === undefined || compareStamps(line.stamp, earliest.line.stamp) < 0) {
        earliest = { run, send, line };
      }
    }
  }
  if (earliest === undefined) return undefined;
  const { run, send } = earliest;
  waiting.set(send, [...(waiting.get(send) ?? []).filter((other) => other !== run), ~run]);
  return run;
}

function isFreed(waiting: ReadonlyMap<Stamped, number[]>, send: Stamped, run: number): boolean {
  return waiting.get(send)?.includes(~run) ?? false;
}
