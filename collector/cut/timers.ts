/** Time as the cut engine needs it: a port, so that tests move it by hand. */
export interface CutTimers {
  /** Wall clock in Unix milliseconds, the one that ingest stamps arrivals with. */
  nowMs(): number;
  /** Calls `wake` once after `ms`; the result cancels it. */
  after(ms: number, wake: () => void): () => void;
  /** Resolves in a later turn of the event loop, after waiting I/O was served. */
  turn(): Promise<void>;
}
