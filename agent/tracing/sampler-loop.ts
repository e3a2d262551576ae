/**
 * The sampler: looks at the main thread from another, every 5 ms, also while that one is stuck.
 *
 *     each tick     heartbeat, open requests, the oldest of them        shared memory
 *                   each file that is due                               bytes, not yet parsed
 *     each second   all of it parsed and encoded, and handed on         `post`
 *     something up  urgent flag for the main thread; for 2 s all files at each tick, handed on every 100 ms
 *
 * Times are those at which a sample was really taken. A late tick is evidence of its own (the whole process, or the
 * machine, stood still), so nothing is filled in. No object is made in a calm tick.
 */
import { encodeResources, type ResourceSecond } from "../kernel/index.ts";
import { BEAT_MS, MIN_GAP_US } from "./heartbeat.ts";
import { LateLimit } from "./late-limit.ts";
import { Double, type SharedTable, Word } from "./open-requests.ts";
import { MAX_READ_BYTES, type OpenFile, type OpenFiles } from "./sampler-files.ts";

export const TICK_MS = 5;
/** After a trigger all is read at each tick for so long, and handed on so often. */
const DENSE_US = 2_000_000;
const DENSE_POST_US = 100_000;
/** Between two triggers: a storm must not become one of ours. */
const MIN_TRIGGER_US = 50_000;
/** Each wakes a thread of the pool, which costs far more than the job: 50 ms in calm, 20 while something is up. */
const PROBE_TICKS = 10;
const DENSE_PROBE_TICKS = 4;
/** Bytes read, and reads, that are kept until they are parsed. */
const STORE_BYTES = 1024 * 1024;
const MAX_READS = 4_096;
const MAX_TICKS = 1_024;
const MAX_PROBES = 512;
const SECOND_US = 1_000_000;
/** Signals of shared memory, and of the probe. */
const TICK_SIGNALS = ["heartbeat", "in-flight", "oldest-open"] as const;
const PROBE = "libuv-probe";

export interface SamplerLoopOptions {
  readonly table: SharedTable;
  readonly files: OpenFiles;
  /** Monotonic microseconds: the main thread's clock. */
  readonly nowUs: () => number;
  /** Puts a trivial job on the thread pool and calls back when it is done; undefined: there is no such pool. */
  readonly probe: ((done: () => void) => void) | undefined;
  /** Takes what was seen of a second, encoded. */
  readonly post: (second: number, bytes: Uint8Array) => void;
}

export class SamplerLoop {
  readonly #options: SamplerLoopOptions;
  readonly #late = new LateLimit();
  // What was seen since it was last handed on; of one second.
  #second = Number.NaN;
  #zeroUs = 0;
  readonly #tickAt = new Float64Array(MAX_TICKS);
  readonly #tickValues = TICK_SIGNALS.map(() => new Float64Array(MAX_TICKS));
  #ticks = 0;
  readonly #probeAt = new Float64Array(MAX_PROBES);
  readonly #probeUs = new Float64Array(MAX_PROBES);
  #probes = 0;
  readonly #store = Buffer.alloc(STORE_BYTES);
  #stored = 0;
  readonly #readFile = new Uint8Array(MAX_READS);
  readonly #readAt = new Float64Array(MAX_READS);
  readonly #readStart = new Uint32Array(MAX_READS);
  readonly #readLength = new Uint32Array(MAX_READS);
  #reads = 0;
  // What goes on.
  #tickCount = 0;
  #isProbing = false;
  #denseUntilUs = Number.NEGATIVE_INFINITY;
  #postedUs = 0;
  #triggeredUs = Number.NEGATIVE_INFINITY;
  #lateBeat = -1;
  #oldestUs = Number.NaN;
  #arrivals = 0;
  #beats = 0;

  constructor(options: SamplerLoopOptions) {
    this.#options = options;
  }

  /** One look. Never throws, unless a port does. */
  tick(): void {
    const { table, nowUs } = this.#options;
    const now = Math.floor(nowUs());
    const { words, doubles, arrivedUs } = table;
    this.#turnSecond(now, doubles[Double.offsetUs] as number);
    const beats = Atomics.load(words, Word.beats);
    const beatUs = doubles[Double.beatUs] as number;
    const ageUs = Math.max(0, now - beatUs);
    const inFlight = Atomics.load(words, Word.inFlight);
    const head = Atomics.load(words, Word.head);
    const headUs = head < 0 ? Number.NaN : (arrivedUs[head] as number);
    const oldestUs = head < 0 ? 0 : Math.max(0, now - headUs);

    const i = this.#ticks;
    this.#tickAt[i] = now;
    (this.#tickValues[0] as Float64Array)[i] = ageUs;
    (this.#tickValues[1] as Float64Array)[i] = inFlight;
    (this.#tickValues[2] as Float64Array)[i] = oldestUs;
    this.#ticks += 1;

    const isLate = ageUs > BEAT_MS * 1_000 + MIN_GAP_US;
    this.#readDue(nowUs, now < this.#denseUntilUs, isLate);
    const probeTicks = now < this.#denseUntilUs ? DENSE_PROBE_TICKS : PROBE_TICKS;
    if (this.#tickCount % probeTicks === 0) this.#startProbe(now);
    this.#tickCount += 1;

    if (beats !== this.#beats) {
      this.#late.beat(beatUs, beats);
      this.#arrivals = Atomics.load(words, Word.arrivals);
      this.#beats = beats;
    }
    this.#watch(now, ageUs - BEAT_MS * 1_000, inFlight, headUs, oldestUs);
    const isFull =
      this.#ticks === MAX_TICKS ||
      this.#reads + this.#options.files.files.length > MAX_READS ||
      this.#stored + MAX_READ_BYTES > STORE_BYTES;
    const isDue = now < this.#denseUntilUs && now - this.#postedUs >= DENSE_POST_US;
    if (isFull || isDue) this.#post(now);
  }

  /** Hands on what was seen so far. */
  flush(): void {
    this.#post(Math.floor(this.#options.nowUs()));
  }

  #turnSecond(now: number, offsetUs: number): void {
    const second = Math.floor((now + offsetUs) / SECOND_US);
    if (second === this.#second) return;
    if (!Number.isNaN(this.#second)) {
      this.#post(now);
      this.#options.table.doubles[Double.lateLimitUs] = this.#late.limitUs();
    }
    this.#second = second;
    this.#zeroUs = second * SECOND_US - offsetUs;
  }

  #readDue(nowUs: () => number, isDense: boolean, isLate: boolean): void {
    const { files } = this.#options.files;
    for (let f = 0; f < files.length; f += 1) {
      const file = files[f] as OpenFile;
      const isDue = (this.#tickCount * TICK_MS) % file.periodMs === 0;
      if (!isDue && !isDense && !(isLate && file.isOfStalls)) continue;
      if (this.#reads === MAX_READS || this.#stored + MAX_READ_BYTES > STORE_BYTES) return;
      const i = this.#reads;
      const length = file.read(this.#store, this.#stored);
      if (length === 0) continue;
      this.#readFile[i] = f;
      this.#readAt[i] = Math.floor(nowUs());
      this.#readStart[i] = this.#stored;
      this.#readLength[i] = length;
      this.#stored += length;
      this.#reads += 1;
    }
  }

  /** One at a time: a pool that is stuck gets no more of ours, and its probe is told when it comes back. */
  #startProbe(now: number): void {
    const { probe, nowUs } = this.#options;
    if (probe === undefined || this.#isProbing) return;
    this.#isProbing = true;
    probe(() => {
      this.#isProbing = false;
      if (this.#probes === MAX_PROBES) return;
      this.#probeAt[this.#probes] = now;
      this.#probeUs[this.#probes] = Math.max(0, Math.floor(nowUs()) - now);
      this.#probes += 1;
    });
  }

  /** Rules 4 and 5: what is worth a flush while the main thread may be stuck. Each stall, each request once. */
  #watch(now: number, lateUs: number, inFlight: number, headUs: number, oldestUs: number): void {
    const { words, doubles } = this.#options.table;
    const isBusy = inFlight > 0 || Atomics.load(words, Word.arrivals) !== this.#arrivals;
    const isLate =
      isBusy && this.#lateBeat !== this.#beats && lateUs > (doubles[Double.lateLimitUs] as number);
    const isOld = oldestUs > (doubles[Double.oldestLimitUs] as number) && headUs !== this.#oldestUs;
    if (isLate) this.#lateBeat = this.#beats;
    if (isOld) this.#oldestUs = headUs;
    if (!(isLate || isOld) || now - this.#triggeredUs < MIN_TRIGGER_US) return;
    this.#triggeredUs = now;
    this.#denseUntilUs = now + DENSE_US;
    this.#post(now);
    Atomics.store(words, Word.urgent, 1);
  }

  #post(now: number): void {
    this.#postedUs = now;
    const { files, unavailable } = this.#options.files;
    const at = (us: number): number => Math.round(us - this.#zeroUs);
    const signals: ResourceSecond["signals"][number][] = [];
    const tickTimes = Array.from(this.#tickAt.subarray(0, this.#ticks), at);
    TICK_SIGNALS.forEach((name, s) => {
      const values = Array.from((this.#tickValues[s] as Float64Array).subarray(0, this.#ticks));
      if (values.length > 0) signals.push({ name, atUs: tickTimes, values });
    });
    for (const [f, file] of files.entries()) signals.push(...this.#parsed(file, f, at));
    if (this.#probes > 0) {
      const atUs = Array.from(this.#probeAt.subarray(0, this.#probes), at);
      signals.push({
        name: PROBE,
        atUs,
        values: Array.from(this.#probeUs.subarray(0, this.#probes)),
      });
    }
    const missing = this.#options.probe === undefined ? [...unavailable, PROBE] : unavailable;
    this.#ticks = 0;
    this.#probes = 0;
    this.#reads = 0;
    this.#stored = 0;
    if (signals.length === 0) return;
    const second = { gaps: [], gc: [], waits: [], signals, unavailable: missing };
    this.#options.post(this.#second, encodeResources(second));
  }

  #parsed(
    file: OpenFile,
    f: number,
    at: (us: number) => number,
  ): ResourceSecond["signals"][number][] {
    const atUs: number[] = [];
    const columns = file.signals.map((): number[] => []);
    for (let i = 0; i < this.#reads; i += 1) {
      if (this.#readFile[i] !== f) continue;
      const start = this.#readStart[i] as number;
      const text = this.#store.toString("latin1", start, start + (this.#readLength[i] as number));
      const values = file.parse(text);
      if (values === undefined) continue;
      atUs.push(at(this.#readAt[i] as number));
      for (const [c, column] of columns.entries()) column.push(values[c] as number);
    }
    if (atUs.length === 0) return [];
    return file.signals.map((name, c) => ({ name, atUs, values: columns[c] as number[] }));
  }
}
