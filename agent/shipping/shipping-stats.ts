/** The books of outbox and source, as one: recorded = acknowledged + dropped + queued + kept, at any time. */
import type { EventSource } from "./event-source.ts";
import type { Outbox } from "./outbox.ts";

/** Of the transport's answer and the books. */
export interface ShippingStats {
  readonly acknowledged: number;
  readonly queued: number;
  /** On demand: events in the window that nobody asked for. Else 0. */
  readonly kept: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly queueBytes: number;
  readonly requests: number;
  readonly failures: number;
  readonly heartbeats: number;
  readonly rejoins: number;
  readonly unsupportedCommands: number;
  /** Triggers that were one too many. */
  readonly refusedTriggers: number;
}

/** What became of the events. */
export function statsOf(
  { ledger, queue, queuedCount }: Outbox,
  { onDemand }: EventSource,
): Pick<ShippingStats, "acknowledged" | "queued" | "kept" | "dropped" | "drops" | "queueBytes"> {
  const agedOut = onDemand?.agedOutCount ?? 0;
  return {
    acknowledged: ledger.acknowledged,
    queued: queuedCount,
    kept: onDemand?.keptCount ?? 0,
    dropped: ledger.dropped + agedOut,
    drops: agedOut === 0 ? ledger.drops : { ...ledger.drops, "aged-out": agedOut },
    queueBytes: queue.bytes,
  };
}
