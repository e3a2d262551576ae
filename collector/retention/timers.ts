/** Time as retention needs it: a port, so that tests move it by hand. The ingest's adapter fits. */
export interface RetentionTimers {
  /** Wall clock in Unix milliseconds, which arrivals are stamped with. */
  wallMs(): number;
  /** Monotonic milliseconds from any origin: what the wall clock is held against. */
  monotonicMs(): number;
  /** Calls `wake` once after `ms`; the result cancels it. Keeps no process alive. */
  after(ms: number, wake: () => void): () => void;
  /** Resolves in a later turn of the event loop. */
  turn(): Promise<void>;
}
