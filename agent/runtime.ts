/**
 * What runs behind an agent: makes the parts, joins them, and ends them. The composition root: adapters
 * are named here alone.
 *
 *     log, map, variable  -> state/recording  -> window <- snapshot, rolling
 *     hooks, stamp        -> message-recorder -> window
 *                                                window -> state/event-feed -> shipping/shipper -> transport
 */
import type { Config } from "./config.ts";
import { Epochs } from "./epochs.ts";
import { sourceOf } from "./feed-source.ts";
import { guardedScheduler } from "./guarded-scheduler.ts";
import {
  type AgentStatus,
  AnchoredClock,
  type Hlc,
  HlcClock,
  type HookState,
  type Json,
  type PhysicalClock,
  RetroError,
  TICKS_PER_MS,
} from "./kernel/index.ts";
import { keyedHash } from "./keyed-hash.ts";
import { Logs } from "./logs.ts";
import type { ManualContext } from "./manual-stamps.ts";
import { AgentMessages } from "./message-recorder.ts";
import { Notices } from "./notices.ts";
import type { HookName } from "./propagation/hook-guard.ts";
import { type InstalledHooks, installHooks } from "./propagation/install.ts";
import { SpentStamps } from "./propagation/spent-stamps.ts";
import { RequestRecording } from "./request-recording.ts";
import type { ReopenRequest } from "./shipping/event-source.ts";
import { HttpTransport } from "./shipping/http-transport.ts";
import { realScheduler } from "./shipping/real-scheduler.ts";
import type { Scheduler } from "./shipping/scheduler.ts";
import { Shipper } from "./shipping/shipper.ts";
import type { Transport } from "./shipping/transport.ts";
import { EventFeed } from "./state/event-feed.ts";
import { EventWindow } from "./state/event-window.ts";
import { Guard } from "./state/guard.ts";
import { KeyframeMarks } from "./state/keyframe-marks.ts";
import { OnDemandFeed } from "./state/on-demand-feed.ts";
import { Recording } from "./state/recording.ts";
import { Redaction } from "./state/redaction.ts";
import { Snapshots } from "./state/snapshot.ts";
import { VariableTable } from "./state/variable-table.ts";
import { keepTickShape } from "./tick-shape.ts";
import type { WaitOptions } from "./tracing/pool-waits.ts";
import { SideOutbox } from "./tracing/side-outbox.ts";
import type { SpanRequests } from "./tracing/span-requests.ts";
import { Vitals } from "./vitals.ts";

/** How often the window is tidied where nothing is shipped. */
const TIDY_INTERVAL_MS = 1_000;

/** At the end, beyond the budget of the flush, for the last word in the data directory: a disk may hang. */
const LAST_WRITE_MS = 50;

/** The outside world as an agent needs it; what is left out is the real one. */
export interface AgentPorts {
  readonly clock?: PhysicalClock | undefined;
  readonly transport?: Transport | undefined;
  readonly scheduler?: Scheduler | undefined;
}

export class Runtime {
  readonly config: Config;
  readonly notices: Notices;
  readonly guard: Guard;
  readonly recording: Recording;
  readonly feed: EventFeed;
  readonly logs: Logs;
  readonly snapshots: Snapshots;
  readonly messages: AgentMessages;
  /** For stamps by hand. */
  readonly manual: ManualContext;
  readonly vitals: Vitals;
  readonly shipper: Shipper | undefined;
  readonly hooks: InstalledHooks | undefined;
  /** The collector's address, for people; undefined: nothing is shipped. */
  readonly target: string | undefined;
  readonly #epochs: Epochs;
  readonly #onDemandFeed: OnDemandFeed | undefined;
  readonly #scheduler: Scheduler;
  readonly #requests: RequestRecording | undefined;
  readonly #sideBlocks = new SideOutbox();
  readonly #closingListeners: (() => void)[] = [];
  readonly #closedListeners: (() => void)[] = [];
  #cancelCeiling: () => void = () => undefined;
  #cancelTidy: () => void = () => undefined;
  /** Told with the goodbye: how all was before it was taken out. */
  #lastStatus: AgentStatus | undefined;

  /** The wall clock, where nobody gave another. */
  readonly #machineClock = new AnchoredClock(undefined, (byMs) => this.#stepped(byMs));

  /** @param isInert records nothing, ships nothing, hooks nothing, reads no file */
  constructor(config: Config, ports: AgentPorts, isInert: boolean) {
    const redaction = new Redaction(
      config.redact,
      keyedHash(config.redact.hashKey),
      keyedHash(undefined),
    );
    this.config = { ...config, tags: redaction.texts(config.tags) };
    const { scheduler } = ports;
    this.#scheduler =
      scheduler === undefined
        ? realScheduler
        : guardedScheduler(scheduler, (error) => this.guard.caught(error, "timers"));
    this.notices = new Notices(config.quiet || isInert, () => this.#scheduler.nowMs());
    this.guard = new Guard(
      (reason) => this.#turnedOff(reason),
      (text) => redaction.text(text),
    );

    this.#epochs = new Epochs(this.config, this.notices, isInert);
    const { ceiling } = this.#epochs;
    const clock = new HlcClock(ports.clock ?? this.#machineClock, {
      maxDriftMs: config.maxDriftMs,
      ...(ceiling === undefined ? {} : { above: ceiling }),
    });
    const maxAgeTicks = config.windowMs * TICKS_PER_MS;
    const window = new EventWindow({ maxBytes: config.windowBytes, maxAgeTicks }, clock.now());
    this.recording = new Recording(clock, window, new VariableTable(), this.guard, redaction);
    this.logs = new Logs(this.recording, (kind, message) => this.notices.say(kind, message));
    // A keyframe passes through the window and the queue, each of which it shares with events.
    const keyframeBytes = Math.min(config.windowBytes, config.queueBytes) / 2;
    const marks =
      config.stream === "all" ? undefined : new KeyframeMarks(this.recording, maxAgeTicks);
    const framing = marks === undefined ? { keyframeBytes } : { marks };
    this.feed = new EventFeed(this.recording, this.#epochs.first(clock), framing);
    this.#onDemandFeed =
      marks && new OnDemandFeed(this.recording, this.feed, marks, config.queueBytes / 2);
    this.snapshots = new Snapshots(
      this.recording,
      () => this.feed.node,
      (index) => this.feed.placeOf(index),
      isInert,
    );
    this.messages = new AgentMessages(this.recording, this.feed, (kind, message) =>
      this.notices.say(kind, message),
    );
    this.manual = { recorder: this.messages, spent: new SpentStamps() };
    this.vitals = new Vitals({
      recording: this.recording,
      messages: this.messages,
      shipper: () => this.shipper,
      hookStates: () => this.hookStates(),
      hookReasons: () => this.hooks?.reasons() ?? {},
      clockSteps: () => this.#machineClock.stepCount,
      sideBlocks: () => ({
        waiting: this.#sideBlocks.count,
        dropped: this.#sideBlocks.droppedCount,
      }),
      maxDriftMs: config.maxDriftMs,
    });

    const transport = isInert ? undefined : (ports.transport ?? this.#httpTransport());
    this.target = transport?.target;
    this.shipper = transport === undefined ? undefined : this.#openShipper(transport);
    this.hooks = isInert ? undefined : this.#openHooks();
    // After the hooks: a request that came with a stamp arrived later than it was sent.
    this.#requests =
      isInert || !config.requests
        ? undefined
        : this.#recordRequests(
            config.requests === "spans" ? "spans" : "http",
            scheduler === undefined,
            transport !== undefined,
          );
    if (isInert) this.guard.turnOff("no agent was started");
    else {
      keepTickShape();
      this.#cancelCeiling = this.#epochs.keepCeiling(() => this.feed.epoch, clock, this.#scheduler);
      if (this.shipper === undefined) this.#keepTidy();
    }
    this.shipper?.start();
  }

  /**
   * The edge between host and agent: nothing passes it but the answer.
   * @returns what `run` gives; the clock's last stamp where that is null, where it threw, or when off
   */
  edge(where: string, run: () => Hlc | null): Hlc {
    const { clock } = this.recording;
    if (this.guard.isOff) return clock.last;
    try {
      return run() ?? clock.last;
    } catch (error) {
      this.guard.caught(error, where);
      return clock.last;
    }
  }

  /**
   * Records an event that changes no state: `make` gives its body, and its size in bytes of UTF-8.
   * @param shapes whether what is sent after it may have been shaped by it
   */
  recordBody(make: () => readonly [Parameters<Recording["body"]>[1], number], shapes = false): Hlc {
    return this.edge("recording", () => {
      const [body, bytes] = make();
      const t = this.recording.clock.now();
      this.recording.body(t, body, bytes, shapes);
      return t;
    });
  }

  hookStates(): Readonly<Record<string, HookState>> {
    return this.hooks?.states() ?? {};
  }

  /** Calls `run` at a `close`, while all is as it was; it must not throw. */
  onClosing(run: () => void): void {
    this.#closingListeners.push(run);
  }

  /** Calls `run` when all has ended. */
  onClosed(run: () => void): void {
    this.#closedListeners.push(run);
  }

  /** Says goodbye and flushes, without an end: recording goes on under a further epoch. Never rejects. */
  async sayGoodbye(budgetMs: number): Promise<void> {
    const { shipper, guard } = this;
    if (shipper === undefined || guard.isAsleep || guard.isOff) return;
    this.recordBody(() => [{ kind: "leave" }, 0]);
    if (guard.isOff) return; // recording it was one error too many
    guard.sleep(() => this.#wake(shipper));
    await shipper.leave(budgetMs);
  }

  /** Says goodbye, flushes within the budget, and ends. Never rejects. */
  async close(budgetMs: number): Promise<void> {
    const { guard } = this;
    const endMs = this.#scheduler.nowMs() + budgetMs + LAST_WRITE_MS;
    for (const run of this.#closingListeners) run();
    const wasOn = !guard.isAsleep && !guard.isOff;
    if (wasOn) this.recordBody(() => [{ kind: "leave" }, 0]);
    if (wasOn) this.#lastStatus = this.vitals.status();
    guard.stopRecording();
    this.#endParts();
    try {
      await this.shipper?.close(budgetMs);
      if (wasOn) {
        const written = this.#epochs.writeLast(this.feed.epoch, this.recording.clock.last);
        await this.#atMost(endMs - this.#scheduler.nowMs(), written);
      }
    } catch (error) {
      guard.caught(error, "closing");
    }
    guard.turnOff("closed");
  }

  /** Waits for what never rejects, but no longer than so. */
  #atMost(waitMs: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#scheduler.after(Math.max(0, waitMs), resolve, true);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #wake(shipper: Shipper): void {
    try {
      this.guard.goOn();
      shipper.resume();
    } catch (error) {
      this.guard.caught(error, "going on after a goodbye");
    }
  }

  /** Told inside a reading of the clock: a person hears of it a little later. */
  #stepped(byMs: number): void {
    const told = `the wall clock was set ${byMs < 0 ? "back" : "forward"} by ${Math.abs(Math.round(byMs))} ms`;
    queueMicrotask(() => this.notices.say("clock-step", told));
  }

  /** The guard gave up: hooks out, nothing is shipped any more. */
  #turnedOff(reason: string): void {
    if (reason !== "closed") this.notices.say("off", `the agent is off: ${reason}`);
    this.#endParts();
    this.shipper?.end();
    for (const run of this.#closedListeners) run();
  }

  #endParts(): void {
    this.hooks?.close();
    this.#requests?.close();
    this.#cancelCeiling();
    this.#cancelTidy();
  }

  /** Where a shipper runs, its flush tick does this. */
  #keepTidy(): void {
    this.#cancelTidy = this.#scheduler.after(TIDY_INTERVAL_MS, () => {
      if (this.guard.isOff) return;
      this.edge("tidying", () => {
        this.feed.tidy();
        return null;
      });
      this.#keepTidy();
    });
  }

  #httpTransport(): Transport | undefined {
    const { collector, token } = this.config;
    if (collector === undefined) return undefined;
    return new HttpTransport({ collector, token, scheduler: this.#scheduler });
  }

  #openShipper(transport: Transport): Shipper {
    const { window, clock } = this.recording;
    const onDemand = this.#onDemandFeed;
    // On demand nothing waits to be shipped, and nothing is held for it.
    if (onDemand === undefined) window.holdFrom = 0;
    return new Shipper({
      source: sourceOf(this.feed, clock, (request) => this.#reopen(request), onDemand),
      transport,
      scheduler: this.#scheduler,
      status: () =>
        (this.#lastStatus ?? this.vitals.status()) as unknown as Readonly<Record<string, Json>>,
      onError: (error) => this.guard.caught(error, "shipping"),
      side: this.#sideBlocks,
      say: (kind, message) => this.notices.say(kind, message),
      flushIntervalMs: this.config.flushIntervalMs,
      queueBytes: this.config.queueBytes,
    });
  }

  #openHooks(): InstalledHooks | undefined {
    const { hooks, propagateTo, acceptFrom } = this.config;
    if (hooks !== undefined && hooks.length === 0) return undefined;
    try {
      return installHooks({
        ...this.manual,
        propagateTo,
        acceptFrom,
        ...(hooks === undefined ? {} : { hooks: hooks as readonly HookName[] }),
        onReport: (hook, state, reason) =>
          this.notices.say(`hook-${hook}`, `hook ${hook} is ${state}: ${reason}`),
      });
    } catch (error) {
      if (error instanceof RetroError) throw error; // a bad setting
      this.guard.caught(error, "installing the hooks"); // a process that is not as we know them
      return undefined;
    }
  }

  #recordRequests(
    source: "http" | "spans",
    isRealTime: boolean,
    isShipped: boolean,
  ): RequestRecording {
    const { clock, redaction } = this.recording;
    return new RequestRecording({
      source,
      record: (request, bytes) => {
        this.recordBody(() => [request, bytes], true);
      },
      stamp: () => (this.guard.isOff ? clock.last : clock.now()),
      physicalNow: () => clock.physicalNow(),
      sentStampOf: (request) => {
        const stamp = this.hooks?.stampOf(request);
        return stamp?.epoch === this.feed.epoch ? stamp : undefined;
      },
      // A route that was made of what it serves may hold anything.
      treatText: (text) => redaction.text(text),
      ...{ scheduler: this.#scheduler, isRealTime, isShipped, sideBlocks: this.#sideBlocks },
      hurry: () => this.shipper?.hurry(),
      say: (kind, message) => this.notices.say(kind, message),
      onError: (error) => this.guard.caught(error, "timing requests"),
    });
  }

  /** To be told of spans, where requests are made of them. */
  get spanRequests(): SpanRequests | undefined {
    return this.#requests?.spans;
  }

  /** Runs `work`; while requests are timed, how long it took is one's wait. */
  wait<T>(name: string, work: () => T, options: WaitOptions): T {
    return this.#requests === undefined ? work() : this.#requests.wait(name, work, options);
  }

  /** Whether the pool is watched from now on. */
  watchPool(name: string, pool: unknown, options: WaitOptions): boolean {
    return this.#requests?.watchPool(name, pool, options) ?? false;
  }

  #reopen(request: ReopenRequest): void {
    const { clock } = this.recording;
    this.feed.openEpoch(this.#epochs.further(this.feed.identity, clock, request));
    void this.#epochs.write(this.feed.epoch, clock);
  }
}
