/**
 * Joins what records requests: their timing, the load and latencies beside it, the heartbeat with its sampler, and
 * the shipper that takes all of it along. A composition root, beside runtime.ts.
 *
 *     http, fetch, waits -> tracing/request-timing -> request events
 *                                    |
 *                           tracing/load-recorder -> side blocks -> shipping
 *                                    |                   |
 *                     shared memory <-> sampler thread --+
 *
 * Nothing of this touches the path of state changes. Without a collector there is nobody to tell of load, and only
 * the requests themselves are recorded.
 */
import { type Hlc, machineTime, TICK_ZERO_UNIX_MS, TICKS_PER_MS } from "./kernel/index.ts";
import type { Scheduler } from "./shipping/scheduler.ts";
import { takeName } from "./state/texts.ts";
import { observeGc } from "./tracing/gc-observer.ts";
import { Heartbeat } from "./tracing/heartbeat.ts";
import { loadHistograms } from "./tracing/latency-histograms.ts";
import { LoadRecorder } from "./tracing/load-recorder.ts";
import type { WaitOptions } from "./tracing/pool-waits.ts";
import { RawTime } from "./tracing/raw-time.ts";
import type { RequestBody, StampReading } from "./tracing/request-timer.ts";
import { RequestTiming } from "./tracing/request-timing.ts";
import { Sampler } from "./tracing/sampler.ts";
import type { SideOutbox } from "./tracing/side-outbox.ts";
import type { SpanRequests } from "./tracing/span-requests.ts";

/** Side blocks are made once a second, this long after its end. */
const FLUSH_MS = 1_000;
const AFTER_SECOND_MS = 20;
/** After something was up: so often, for so long. */
const DENSE_FLUSH_MS = 100;
const DENSE_MS = 2_000;
/** Names of pools and locks told apart; all others are `other`. */
const MAX_WAIT_NAMES = 256;
const OTHER = "other";
/** Memory of a request event without its calls, and of a call or a wait with all its fields. */
const REQUEST_BYTES = 224;
const CALL_BYTES = 120;

/** What a message that left is known by. */
export interface SentStamp {
  readonly epoch: number;
  readonly seq: number;
  readonly t: Hlc;
}

export interface RequestRecordingOptions {
  readonly source: "http" | "spans";
  /** Takes a request that has ended, and how many bytes of memory it holds. */
  readonly record: (request: RequestBody, bytes: number) => void;
  /** Issues a stamp for an arrival. */
  readonly stamp: () => Hlc;
  /** The raw physical clock. */
  readonly physicalNow: () => Hlc;
  /** What was stamped on an outgoing request, if it was, and under the current epoch. */
  readonly sentStampOf: (request: object) => SentStamp | undefined;
  readonly treatText: (text: string) => string;
  readonly scheduler: Scheduler;
  /** Whether the scheduler is the machine's: else no thread is started, which would go by another time. */
  readonly isRealTime: boolean;
  /** Whether anything is shipped: else nobody would take side blocks. */
  readonly isShipped: boolean;
  /** Takes what is to be shipped beside events. */
  readonly sideBlocks: SideOutbox;
  /** Ships what waits, at once. */
  readonly hurry: () => void;
  readonly say: (kind: string, message: string) => void;
  readonly onError: (error: unknown) => void;
}

export class RequestRecording {
  readonly #options: RequestRecordingOptions;
  readonly #time: RawTime;
  readonly #timing: RequestTiming;
  readonly #waitNames = new Map<string, string>();
  #load: LoadRecorder | undefined;
  #ends: (() => void)[] = [];
  #cancelFlush: () => void = () => undefined;
  #denseUntilMs = 0;
  #isOpen = true;

  constructor(options: RequestRecordingOptions) {
    this.#options = options;
    const { scheduler, isRealTime, onError } = options;
    const nowUs = isRealTime
      ? () => machineTime.monotonicMs() * 1_000
      : () => scheduler.nowMs() * 1_000;
    const time = new RawTime({ nowUs, physicalUs: () => unixUs(options.physicalNow()) });
    this.#time = time;
    this.#timing = new RequestTiming({
      source: options.source,
      record: (request) => options.record(request, bytesOf(request)),
      nowUs,
      onError,
      treatName: options.treatText,
      stamp: () => this.#reading(options.stamp()),
      sendOf: (request) => {
        const sent = options.sentStampOf(request);
        return sent && { sendSeq: sent.seq, leadUs: this.#reading(sent.t).leadUs };
      },
      ...(options.isShipped ? { follower: (operationOf) => this.#follow(time, operationOf) } : {}),
    });
    if (this.#load !== undefined) this.#watchProcess(time, this.#load);
  }

  /** To be told of spans, where requests are made of them. */
  get spans(): SpanRequests | undefined {
    return this.#timing.spans;
  }

  /** See `Agent.wait`. */
  wait<T>(name: string, work: () => T, options: WaitOptions = {}): T {
    const named = options.downstream === undefined ? options : this.#treated(options);
    return this.#timing.wait(this.#waitName(name), work, named);
  }

  /** See `Agent.watchPool`. */
  watchPool(name: string, pool: unknown, options: WaitOptions = {}): boolean {
    return this.#timing.watchPool(this.#waitName(name), pool, this.#treated(options));
  }

  /** Says the last of what was seen, for a goodbye, and ends all. May be called twice. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#timing.close();
    this.#cancelFlush();
    this.#guarded(() => this.#load?.flush(true));
    for (const end of this.#ends.splice(0)) this.#guarded(end);
    this.#load?.close();
  }

  #follow(
    time: RawTime,
    operationOf: ConstructorParameters<typeof LoadRecorder>[0]["operationOf"],
  ): LoadRecorder {
    const treatName = (name: string): string => takeName(this.#options.treatText(name));
    const load = new LoadRecorder({
      time,
      operationOf,
      treatName,
      outbox: this.#options.sideBlocks,
    });
    this.#load = load;
    return load;
  }

  #watchProcess(time: RawTime, load: LoadRecorder): void {
    const { scheduler, isRealTime, say, onError } = this.#options;
    loadHistograms().then(
      (maker) => load.histograms.ready(maker),
      (error) => say("histograms", `no latency histograms: ${String(error)}`),
    );
    const heartbeat = new Heartbeat({
      time,
      timers: scheduler,
      table: load.open.table,
      onGap: (dueUs, lateUs) => load.gap(dueUs, lateUs),
      onUrgent: () => this.#hurry(),
      onError,
    });
    this.#ends.push(() => heartbeat.close());
    this.#flushIn(this.#untilSecond());
    if (!isRealTime) return;
    const zeroUs = (machineTime.monotonicMs() - performance.now()) * 1_000;
    this.#ends.push(observeGc(zeroUs, (pause) => load.gc(pause), onError));
    const sampler = new Sampler({
      ...{ buffer: load.open.buffer, table: load.open.table },
      onBlock: (second, bytes) =>
        this.#guarded(() => this.#options.sideBlocks.add("resource", second, bytes)),
      onGone: (reason) => say("sampler", `no resource samples: ${reason}`),
    });
    this.#ends.push(() => sampler.close());
  }

  #flushIn(delayMs: number): void {
    this.#cancelFlush();
    this.#cancelFlush = this.#options.scheduler.after(delayMs, () => {
      if (!this.#isOpen) return;
      const isDense = this.#options.scheduler.nowMs() < this.#denseUntilMs;
      this.#guarded(() => this.#load?.flush(isDense));
      if (isDense) this.#options.hurry();
      this.#flushIn(isDense ? DENSE_FLUSH_MS : this.#untilSecond());
    });
  }

  /** Something is up: what is known is told now, and for a while soon after it is. */
  #hurry(): void {
    this.#denseUntilMs = this.#options.scheduler.nowMs() + DENSE_MS;
    this.#load?.flush(true);
    this.#options.hurry();
    this.#flushIn(DENSE_FLUSH_MS);
  }

  /** To a little after the second's end, or after the last one's, if that is so near that its timer came early. */
  #untilSecond(): number {
    const nowUs = this.#time.nowUs();
    const intoMs = ((nowUs + this.#time.offsetUs(nowUs)) / 1_000) % FLUSH_MS;
    return AFTER_SECOND_MS - intoMs + (intoMs < AFTER_SECOND_MS ? 0 : FLUSH_MS);
  }

  /** How far a stamp is ahead of the raw physical clock as it is now. */
  #reading(t: Hlc): StampReading {
    const leadTicks = t - this.#options.physicalNow();
    return { t, leadUs: Math.round((leadTicks * 1_000) / TICKS_PER_MS) };
  }

  #treated(options: WaitOptions): WaitOptions {
    const { downstream } = options;
    return downstream === undefined
      ? options
      : { ...options, downstream: this.#waitName(downstream) };
  }

  #waitName(given: unknown): string {
    const known = typeof given === "string" ? this.#waitNames.get(given) : undefined;
    if (known !== undefined) return known;
    try {
      const name = takeName(this.#options.treatText(takeName(given)));
      if (this.#waitNames.size >= MAX_WAIT_NAMES) return OTHER;
      if (typeof given === "string") this.#waitNames.set(given, name);
      return name;
    } catch (error) {
      this.#options.onError(error);
      return OTHER;
    }
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function bytesOf({ calls, waits }: RequestBody): number {
  return REQUEST_BYTES + CALL_BYTES * (calls.length + waits.length);
}

function unixUs(t: Hlc): number {
  return (t / TICKS_PER_MS + TICK_ZERO_UNIX_MS) * 1_000;
}
