/** Bounds on running queries, beside those on each (../limits.ts). */
export interface RunnerLimits {
  /** Texts that run at a time. */
  readonly running: number;
  /** Progress is told at most so often. */
  readonly progressMs: number;
  /** A line is sent at least so often, so that nobody takes the connection for dead. */
  readonly aliveMs: number;
}

export const RUNNER_LIMITS: RunnerLimits = { running: 4, progressMs: 250, aliveMs: 10_000 };
