/** CLOCK_MONOTONIC in ms: on Linux one clock for all processes of a machine, which no step of the wall clock moves. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Unix time of a moment of `monotonicMs`, to within some us: each look says D - m <= offset < D + 1 - m,
 * and the greatest lower bound of many closes in on it.
 */
export function unixOffsetMs(looks = 20_000): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < looks; i += 1) offset = Math.max(offset, Date.now() - monotonicMs());
  return offset;
}
