/**
 * The collector's log of ingest: who joined, left, fell silent or was sent to another name, and what
 * was refused. Names and codes only, never a value. Bounded: whoever repeats himself (a node in a
 * crash loop, an agent that is refused every second) costs a few lines per period, then a count.
 */
import type { RetroError } from "../../agent/kernel/index.ts";
import type { IngestNotice } from "./notice.ts";

/** Lines of one kind per period. */
export const MAX_LINES_PER_PERIOD = 20;
export const PERIOD_MS = 60_000;

/** What is needed of a logger: pino has it. */
export interface LineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface Period {
  startMs: number;
  count: number;
}

const TEXT: { readonly [kind in IngestNotice["kind"]]: string } = {
  joined: "a node joined",
  left: "a node left",
  expired: "a node has been silent for too long and counts as gone",
  "node-in-use": "two processes ship under one node id: the younger is told to take another",
  rejoin:
    "a node is asked to begin a new epoch: this one is unknown here, or not above what is known",
};

export class IngestLog {
  readonly #log: LineLog;
  readonly #monotonicMs: () => number;
  readonly #periods = new Map<string, Period>();

  constructor(log: LineLog, monotonicMs: () => number) {
    this.#log = log;
    this.#monotonicMs = monotonicMs;
  }

  notice({ kind, ...names }: IngestNotice): void {
    const isImport = kind === "joined" && "imported" in names && names.imported;
    const text = isImport ? "a node was imported" : TEXT[kind];
    const isWarning = kind === "expired" || kind === "node-in-use" || kind === "rejoin";
    this.#write(isImport ? "imported" : kind, isWarning ? "warn" : "info", names, text);
  }

  refused({ code, message }: RetroError): void {
    this.#write(`refused ${code}`, "warn", { code, reason: message }, "a request was refused");
  }

  #write(kind: string, level: "info" | "warn", fields: object, message: string): void {
    const nowMs = this.#monotonicMs();
    const period = this.#periods.get(kind);
    if (period === undefined || nowMs - period.startMs >= PERIOD_MS) {
      const unsaid = Math.max(0, (period?.count ?? 0) - MAX_LINES_PER_PERIOD);
      this.#periods.set(kind, { startMs: nowMs, count: 1 });
      this.#log[level](unsaid === 0 ? fields : { ...fields, notLoggedBefore: unsaid }, message);
      return;
    }
    period.count += 1;
    if (period.count <= MAX_LINES_PER_PERIOD) this.#log[level](fields, message);
  }
}
