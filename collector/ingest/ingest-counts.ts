/** What ingest has done since it started, for metrics and logs. */
import { RetroError } from "../../agent/kernel/index.ts";
import type { Outcome } from "./outcome.ts";

export class IngestCounts {
  batchCount = 0;
  /** Events stored. */
  eventCount = 0;
  /** Events that came again. */
  repeatedCount = 0;
  /** Batches that contradicted what is stored: the first stored won. An alarm. */
  conflictCount = 0;
  /** Batches that came again and were too much to compare with what is stored. */
  uncomparedCount = 0;
  expiredCount = 0;
  /** Requests refused, by code. */
  readonly refusedCounts: Map<string, number> = new Map();
  /** Of those refused for a limit: which. See the table of limits in README.md. */
  readonly limitCounts: Map<string, number> = new Map();

  stored(batchCount: number, outcome: Outcome): void {
    this.batchCount += batchCount;
    this.eventCount += outcome.storedCount;
    this.repeatedCount += outcome.repeatedCount;
    this.conflictCount += outcome.conflictCount;
    this.uncomparedCount += outcome.uncomparedCount;
  }

  refused(error: unknown): void {
    const code = error instanceof RetroError ? error.code : "internal";
    this.refusedCounts.set(code, (this.refusedCounts.get(code) ?? 0) + 1);
    const reason = error instanceof RetroError ? error.details?.["reason"] : undefined;
    if (typeof reason !== "string") return;
    this.limitCounts.set(reason, (this.limitCounts.get(reason) ?? 0) + 1);
  }
}
