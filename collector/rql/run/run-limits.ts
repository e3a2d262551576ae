/** Bounds on running queries, beside those on each (../limits.ts). */
export interface RunnerLimits {
  /** Texts that run at a time. */
  readonly running: number;
  /** Progress is told at most so often. */
  readonly progressMs: number;
  /** A line is sent at least so often, so that nobody takes the connection for dead. */
  readonly aliveMs: number;
  /** Events of the first slice that the engine takes; later ones have more. */
  readonly sliceEvents: number;
  /** LAST looks at the last so many events first, about; then at four times as many, .. */
  readonly lastEvents: number;
  /** A plain stretch with fewer events, about, is gone through by its states. */
  readonly plainEvents: number;
}

export const RUNNER_LIMITS: RunnerLimits = {
  running: 4,
  progressMs: 250,
  aliveMs: 10_000,
  sliceEvents: 16_384,
  lastEvents: 65_536,
  plainEvents: 512,
};
