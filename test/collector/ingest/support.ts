/** Batches, time and a collector's core for the tests of ingest. */
import {
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  eventsOf,
  type Hlc,
  KindCode,
  type LostRange,
  MIN_HLC,
  ticksFromUnixMs,
} from "../../../agent/kernel/index.ts";
import { Ingest } from "../../../collector/ingest/ingest.ts";
import type { IngestOptions } from "../../../collector/ingest/ingest-options.ts";
import type { IngestTimers } from "../../../collector/ingest/timers.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";

export const START_MS: number = Date.UTC(2026, 10, 21, 16);
/** 2026-11-21T16:00:00Z. */
export const START: Hlc = ticksFromUnixMs(START_MS);

/** `START` plus so many ticks. */
export function atTick(ticks: number): Hlc {
  return (START + ticks) as Hlc;
}

/** A range of time with all of a test's history in it. */
export const EVERYTHING: { readonly from: Hlc; readonly to: Hlc } = {
  from: MIN_HLC,
  to: atTick(1e12),
};

/** All stored seqs of an epoch, as they lie in the batches. */
export function storedSeqs(store: HistoryStore, epochId = 1): number[] {
  return [...store.batches(epochId, EVERYTHING)].flatMap((batch) =>
    [...eventsOf(decodeBatch(batch.bytes))].map((event) => event.seq),
  );
}

/** Time that stands still until it is moved. */
export class ManualTimers implements IngestTimers {
  #elapsedMs = 0;
  #wakers: { atMs: number; wake: () => void }[] = [];

  wallMs(): number {
    return START_MS + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  now(): Hlc {
    return ticksFromUnixMs(this.wallMs());
  }

  after(ms: number, wake: () => void): () => void {
    const waker = { atMs: this.#elapsedMs + ms, wake };
    this.#wakers.push(waker);
    return () => {
      this.#wakers = this.#wakers.filter((one) => one !== waker);
    };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves time, waking who is due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (;;) {
      this.#wakers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#wakers[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#wakers.shift();
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      next.wake();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, endMs);
  }

  /** The process stands still: time goes on and nobody is woken until it runs again. */
  freeze(ms: number): void {
    this.#elapsedMs += ms;
  }
}

export interface BatchPlan {
  readonly node?: string;
  readonly epoch?: number;
  /** First and last seq. Equal events have equal content: event `seq` sets `v<seq % 3>` to `seq`. */
  readonly seqs: readonly [first: number, last: number];
  /** Ticks from START of event `seq`; default `seq * 10`. */
  /** The variable that an event sets; default: one of three. */
  readonly keyOf?: (seq: number) => string;
  readonly tOf?: (seq: number) => number;
  readonly closed?: number;
  readonly dropped?: readonly LostRange[];
  readonly imported?: boolean;
  /** The instance that joins with seq 1; null: seq 1 is a change like others. Default "i1". */
  readonly joins?: string | null;
  /** The last event is a leave. */
  readonly leaves?: boolean;
  readonly status?: { readonly pid: number } | null;
  /** Added to each value, for batches that lie. */
  readonly lie?: number;
}

/** An encoded batch. */
export function aBatch(plan: BatchPlan): Uint8Array {
  const [first, last] = plan.seqs;
  const tOf = plan.tOf ?? ((seq: number) => seq * 10);
  const keyOf = plan.keyOf ?? ((seq: number) => `v${seq % 3}`);
  const builder = new BatchBuilder();
  for (let seq = first; seq <= last; seq += 1) {
    const t = atTick(tOf(seq));
    if (seq === 1 && plan.joins !== null) {
      const instance = plan.joins ?? "i1";
      builder.body(t, { kind: "join", service: "kv", tags: { zone: "a" }, instance });
    } else if (seq === last && plan.leaves === true) {
      builder.body(t, { kind: "leave" });
    } else {
      builder.change(t, KindCode.set, "stock", keyOf(seq), seq + (plan.lie ?? 0));
    }
  }
  return encodeBatch(
    builder.build({
      node: plan.node ?? "n1",
      service: "kv",
      epoch: plan.epoch ?? 1_000,
      firstSeq: first,
      closed: atTick(plan.closed ?? (last >= first ? tOf(last) : tOf(last) + 5)),
      dropped: plan.dropped ?? [],
      imported: plan.imported ?? false,
      status: plan.status ?? null,
    }),
  );
}

export function aLostRange(
  [firstSeq, lastSeq]: readonly [number, number],
  overrides: Partial<LostRange> = {},
): LostRange {
  return {
    firstSeq,
    lastSeq,
    firstT: atTick(firstSeq * 10),
    lastT: atTick(lastSeq * 10),
    logs: null,
    messages: false,
    reason: "overflow",
    ...overrides,
  };
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/** An ingest on a store in memory, at a time moved by hand. */
export function anIngest(
  options: Partial<IngestOptions> & { readonly store?: HistoryStore } = {},
): {
  readonly ingest: Ingest;
  readonly store: HistoryStore;
  readonly timers: ManualTimers;
} {
  const store = options.store ?? new MemoryStore();
  const timers = (options.timers as ManualTimers | undefined) ?? new ManualTimers();
  return { ingest: new Ingest({ ...options, store, timers }), store, timers };
}
