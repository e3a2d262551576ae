/**
 * What the machine did meanwhile, seen from a process that does nothing else: whether it stood still as a whole (a
 * timer of 10 ms that is late), and how long the example's processes were ready to run while no CPU was free
 * (`/proc/PID/schedstat`, on Linux). On a machine where stalls are usual one more cannot be told from the rest.
 */
import { readFileSync } from "node:fs";

const TICK_MS = 10;
/** Later than this is remembered. */
const NOTED_MS = 20;
const MAX_NOTED = 1_000;
/** How often waits are read, and how many readings are kept: a minute. */
const READ_EACH_MS = 250;
const MAX_READINGS = 240;

interface Reading {
  readonly atMs: number;
  /** By node: since it began. */
  readonly waitedMs: ReadonlyMap<string, number>;
}

export class HostWatch {
  readonly #pids: ReadonlyMap<string, number>;
  /** Wall time at which a late tick was noticed, and by how much. */
  #noted: { readonly atMs: number; readonly lateMs: number }[] = [];
  #readings: Reading[] = [];
  #lastMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  /** Watches until `close`; `pids` are the processes' ids by node. */
  constructor(pids: ReadonlyMap<string, number>) {
    this.#pids = pids;
    this.#read();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** For how long the machine stood still at worst in a stretch of wall time, ms; 0: not worth the name. */
  lateMs(fromMs: number, toMs: number): number {
    const inside = this.#noted.filter(
      ({ atMs, lateMs }) => atMs >= fromMs && atMs - lateMs <= toMs,
    );
    return Math.max(0, ...inside.map(({ lateMs }) => lateMs));
  }

  /** The share of [fromMs, toMs] for which the node that waited most had no CPU; null: nobody knows. */
  waitedShare(fromMs: number, toMs: number): number | null {
    const inside = this.#readings.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    const [first] = inside;
    const last = inside.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) return null;
    const shares = [...last.waitedMs].flatMap(([node, waitedMs]) => {
      const before = first.waitedMs.get(node);
      return before === undefined ? [] : [(waitedMs - before) / (last.atMs - first.atMs)];
    });
    return shares.length === 0 ? null : Math.max(...shares);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = performance.now();
    const lateMs = nowMs - this.#lastMs - TICK_MS;
    this.#lastMs = nowMs;
    if (lateMs >= NOTED_MS) {
      this.#noted = [...this.#noted, { atMs: Date.now(), lateMs }].slice(-MAX_NOTED);
    }
    if (Date.now() - (this.#readings.at(-1)?.atMs ?? 0) >= READ_EACH_MS) this.#read();
  }

  #read(): void {
    const waited = [...this.#pids].flatMap(([node, pid]) => {
      const ms = waitedMs(pid);
      return ms === null ? [] : [[node, ms] as const];
    });
    const reading = { atMs: Date.now(), waitedMs: new Map(waited) };
    this.#readings = [...this.#readings, reading].slice(-MAX_READINGS);
  }
}

/** For how long the main thread of a process has waited for a CPU since it began; null: the system does not say. */
export function waitedMs(pid: number | "self"): number | null {
  try {
    const ns = Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]);
    return Number.isNaN(ns) ? null : ns / 1e6;
  } catch {
    return null;
  }
}
