/** Time as ingest needs it: a port, so that tests move it by hand. Adapter: node-timers.ts. */
import type { Hlc } from "../../agent/kernel/index.ts";

export interface IngestTimers {
  /** Wall clock in Unix milliseconds: stamps arrivals. */
  wallMs(): number;
  /** Monotonic milliseconds from any origin: measures silence and deadlines. */
  monotonicMs(): number;
  /** The collector's physical time in ticks: the gate, and the t of an expiry. */
  now(): Hlc;
  /** Calls `wake` once after `ms`; the result cancels it. Keeps no process alive. */
  after(ms: number, wake: () => void): () => void;
  /** Resolves in a later turn of the event loop, after waiting I/O was served. */
  turn(): Promise<void>;
}
