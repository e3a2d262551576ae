/**
 * The scheduler port: time, timers and chance as shipping sees them. Adapter: real-scheduler.ts; tests
 * and the simulator drive one on virtual time.
 */
export interface Scheduler {
  /** Monotonic milliseconds, from any origin. */
  nowMs(): number;
  /**
   * Calls `run` once, after at least `delayMs`; 0: as soon as the host's own work is done.
   * @param keepAlive whether the process waits for it; only while it exits
   * @returns cancels it; may be called late or twice
   */
  after(delayMs: number, run: () => void, keepAlive?: boolean): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}
