/** The p99 of residences over the last seconds, near enough to say what is unusually old. Costs an addition a value. */
import { latencyBucketUs } from "../kernel/index.ts";

const SPAN_US = 10_000_000;
/** With fewer values there is no p99. */
const MIN_COUNT = 100;
/** Eight buckets to a doubling, up to an hour: within 9 %. */
const PER_DOUBLING = 8;
const BUCKETS = 32 * PER_DOUBLING;

export class RollingP99 {
  /** The span that is over, and the one that runs. */
  #before = new Uint32Array(BUCKETS);
  #running = new Uint32Array(BUCKETS);
  #beganUs = Number.NaN;

  add(us: number): void {
    const bucket = Math.floor(Math.log2(latencyBucketUs(us)) * PER_DOUBLING);
    this.#running[bucket] = (this.#running[bucket] as number) + 1;
  }

  /** An upper bound of it; infinite: too few values to say. Goes on to `nowUs`. */
  valueUs(nowUs: number): number {
    if (!(nowUs - this.#beganUs < SPAN_US)) {
      [this.#before, this.#running] = [this.#running, this.#before];
      this.#running.fill(0);
      this.#beganUs = nowUs;
    }
    let count = 0;
    for (let i = 0; i < BUCKETS; i += 1) count += this.#countAt(i);
    if (count < MIN_COUNT) return Number.POSITIVE_INFINITY;
    let above = 0;
    for (let i = BUCKETS - 1; i >= 0; i -= 1) {
      above += this.#countAt(i);
      if (above * 100 > count) return 2 ** ((i + 1) / PER_DOUBLING);
    }
    return Number.POSITIVE_INFINITY;
  }

  #countAt(bucket: number): number {
    return (this.#before[bucket] as number) + (this.#running[bucket] as number);
  }
}
