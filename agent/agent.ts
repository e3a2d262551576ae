/**
 * The agent: joins clock, window, hooks and shipping into what a service holds. The composition root:
 * adapters are named here alone.
 *
 *     log, map, variable  -> state/recording  -> window <- snapshot, rolling
 *     http hooks, stamp   -> message-recorder -> window
 *                                                window -> state/event-feed -> shipping/shipper -> transport
 *
 * After start-up nothing throws into the host or makes it wait (but `snapshot` and `rolling`, which
 * throw where they have no exact answer). Errors of our own are counted; after five the agent is off.
 */
import type { Config } from "./config.ts";
import { Epochs } from "./epochs.ts";
import { sourceOf } from "./feed-source.ts";
import {
  AnchoredClock,
  type Hlc,
  HlcClock,
  type HookState,
  type Json,
  type PhysicalClock,
  TICKS_PER_MS,
} from "./kernel/index.ts";
import { Logs } from "./logs.ts";
import { type HeadersLike, mergeHeaders, stampHeaders } from "./manual-stamps.ts";
import { AgentMessages } from "./message-recorder.ts";
import { Notices } from "./notices.ts";
import type { HookName } from "./propagation/hook-guard.ts";
import { type InstalledHooks, installHooks } from "./propagation/install.ts";
import type { ReopenRequest } from "./shipping/event-source.ts";
import { HttpTransport } from "./shipping/http-transport.ts";
import { realScheduler } from "./shipping/real-scheduler.ts";
import type { Scheduler } from "./shipping/scheduler.ts";
import { Shipper } from "./shipping/shipper.ts";
import type { Transport } from "./shipping/transport.ts";
import { EventFeed } from "./state/event-feed.ts";
import { EventWindow } from "./state/event-window.ts";
import { Guard } from "./state/guard.ts";
import { takeName } from "./state/intake.ts";
import { STATE_LIMITS } from "./state/limits.ts";
import { Recording } from "./state/recording.ts";
import { type RollingView, type Snapshot, Snapshots, type TimeInput } from "./state/snapshot.ts";
import type { StateLog, Variable } from "./state/state-log.ts";
import { VariableTable } from "./state/variable-table.ts";
import { type AgentStats, type Health, Vitals } from "./vitals.ts";

/** How long `close` and an exiting process wait for the collector. */
export const CLOSE_BUDGET_MS = 500;
/** How long `flush` waits unless told. */
export const FLUSH_TIMEOUT_MS = 5_000;
/** Node's timers take no more. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
/** How often the window is tidied where nothing is shipped. */
const TIDY_INTERVAL_MS = 1_000;

/** The outside world as an agent needs it; what is left out is the real one. */
export interface AgentPorts {
  readonly clock?: PhysicalClock | undefined;
  readonly transport?: Transport | undefined;
  readonly scheduler?: Scheduler | undefined;
}

/** A running agent. One per process: `startAgent` makes it, `getAgent` finds it. */
export class Agent {
  readonly #config: Config;
  readonly #scheduler: Scheduler;
  readonly #notices: Notices;
  readonly #guard: Guard;
  readonly #recording: Recording;
  readonly #feed: EventFeed;
  readonly #snapshots: Snapshots;
  readonly #messages: AgentMessages;
  readonly #shipper: Shipper | undefined;
  readonly #hooks: InstalledHooks | undefined;
  readonly #epochs: Epochs;
  readonly #logs: Logs;
  readonly #vitals: Vitals;
  readonly #target: string | undefined;
  readonly #isInert: boolean;
  readonly #closedListeners: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #cancelCeiling: () => void = () => undefined;
  #cancelTidy: () => void = () => undefined;

  /** For `startAgent`; use that. */
  constructor(config: Config, ports: AgentPorts, isInert: boolean = false) {
    this.#config = config;
    this.#isInert = isInert;
    this.#scheduler = ports.scheduler ?? realScheduler;
    this.#notices = new Notices(config.quiet || isInert, () => this.#scheduler.nowMs());
    this.#guard = new Guard((reason) => this.#turnedOff(reason));

    this.#epochs = new Epochs(config, this.#notices, isInert);
    const { ceiling } = this.#epochs;
    const clock = new HlcClock(ports.clock ?? new AnchoredClock(), {
      maxDriftMs: config.maxDriftMs,
      ...(ceiling === undefined ? {} : { above: ceiling }),
    });
    const window = new EventWindow(
      { maxBytes: config.windowBytes, maxAgeTicks: config.windowMs * TICKS_PER_MS },
      clock.now(),
    );
    this.#recording = new Recording(clock, window, new VariableTable(), this.#guard);
    this.#logs = new Logs(this.#recording);
    this.#feed = new EventFeed(this.#recording, this.#epochs.first(clock));
    this.#snapshots = new Snapshots(this.#recording, () => this.#feed.node);
    this.#messages = new AgentMessages(this.#recording, this.#feed);
    this.#vitals = new Vitals({
      recording: this.#recording,
      messages: this.#messages,
      shipper: () => this.#shipper,
      hookStates: () => this.#hookStates(),
      maxDriftMs: config.maxDriftMs,
    });

    const transport = ports.transport ?? this.#httpTransport(isInert);
    this.#target = transport?.target;
    this.#shipper = transport === undefined ? undefined : this.#openShipper(transport);
    this.#hooks = isInert ? undefined : this.#openHooks();
    if (isInert) this.#guard.turnOff("no agent was started");
    else {
      this.#cancelCeiling = this.#epochs.keepCeiling(() => this.epoch, clock, this.#scheduler);
      if (this.#shipper === undefined) this.#keepTidy();
    }
    this.#shipper?.start();
  }

  /** This node's id. It changes only if another live process has it. */
  get node(): string {
    return this.#feed.node;
  }

  /** This run's number: rises with each start. */
  get epoch(): number {
    return this.#feed.epoch;
  }

  get service(): string {
    return this.#config.service;
  }

  /** Whether all is well. `healthReason` says why not. */
  get health(): Health {
    return this.#vitals.health;
  }

  /** Why `health` is not "ok"; undefined: it is. */
  get healthReason(): string | undefined {
    return this.#vitals.healthReason;
  }

  /**
   * The log of that name, the same for each call.
   *
   * @example
   * const stock = agent.log("stock");
   * stock.set("apples", 12);
   * stock.add("owners", "n1");
   */
  log(name: string): StateLog {
    return this.#logs.log(name);
  }

  /**
   * A Map whose changes are recorded in the log of that name; the same for each call. Keys that are no
   * text are recorded as `String(key)`.
   *
   * @example
   * const carts = agent.map<string, { total: number }>("carts");
   * carts.set("alice", { total: 12 });
   */
  map<K, V>(name: string): Map<K, V> {
    return this.#logs.map(name) as Map<K, V>;
  }

  /** A handle of one variable, for those that change often. */
  variable(log: string, key: string): Variable {
    return this.#logs.variable(log, key);
  }

  /** Notes that something happened: shown beside the events. */
  mark(text: string): Hlc {
    return this.#recordBody(() => {
      const cut = takeName(text, STATE_LIMITS.markBytes);
      return [{ kind: "mark", text: cut }, cut.length];
    });
  }

  /**
   * For transports without a hook: records a send and puts its stamp on `headers` (a plain object, a
   * `Headers` or a `Map`). Call it at the last moment at which the message can still change.
   *
   * @example
   * agent.stamp(message.headers); // the sender
   * agent.merge(message.headers); // the receiver, before it handles the message
   */
  stamp(headers: HeadersLike): Hlc {
    return this.#edge("stamp", () => stampHeaders(this.#messages, headers));
  }

  /** The other side of `stamp`: what is recorded after it is later than all the sender did before. */
  merge(headers: HeadersLike): Hlc {
    return this.#edge("merge", () => mergeHeaders(this.#messages, headers));
  }

  /**
   * Instruments a package by hand, where the hook cannot see it: bundled into the service, or linked from
   * outside `node_modules`. Once, before it is used. Never throws.
   * @param exports what `import * as` or `require` of the package gives
   * @returns whether its messages carry the clock now
   *
   * @example
   * agent.instrument("ws", ws); // import * as ws from "ws"
   */
  instrument(hook: "kafkajs" | "grpc" | "ws", exports: unknown): boolean {
    return this.#hooks?.instrument(hook, exports) ?? false;
  }

  /**
   * The state of this node, now or at a past time inside the window: exact, from memory.
   * @param options.at ISO 8601, a timestamp, `-5s`, ...
   * @throws RetroError `outside-window`, which names the earliest time; `bad-time`; `closed`
   *
   * @example
   * agent.snapshot({ at: "-5s" }).logs["stock"]?.["apples"];
   */
  snapshot(options?: { readonly at?: TimeInput }): Snapshot {
    if (this.#isInert) return { at: this.#recording.clock.last, node: this.node, logs: {} };
    return this.#snapshots.take(options?.at);
  }

  /**
   * A snapshot that is moved back and forward in place, and tells what each move changed.
   * @throws as `snapshot`
   */
  rolling(at: TimeInput): RollingView {
    return this.#snapshots.rolling(at);
  }

  stats(): AgentStats {
    return this.#vitals.stats();
  }

  /**
   * Ships what was recorded so far and waits for the collector's word, the process with it. Never rejects.
   * @param options.timeoutMs 5,000 if left out or no number; at most 2^31 - 1
   * @returns whether all of it was acknowledged (or given up as dropped) within the time
   */
  async flush(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    return this.#shipper?.flush(waitMs(options?.timeoutMs, FLUSH_TIMEOUT_MS), true) ?? true;
  }

  /**
   * Says goodbye, flushes for at most 500 ms, counts what is left as dropped, and ends. May be called
   * twice. Never rejects.
   */
  close(options: { readonly budgetMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(waitMs(options?.budgetMs, CLOSE_BUDGET_MS));
    return this.#closing;
  }

  /**
   * For exit.ts, when the process seems to be at its end: says goodbye and flushes for at most 500 ms,
   * without an end. Whoever records after it opens a further epoch. Never rejects.
   */
  async sayGoodbye(): Promise<void> {
    const shipper = this.#shipper;
    if (shipper === undefined || this.#guard.isAsleep || this.#guard.isOff) return;
    this.#recordBody(() => [{ kind: "leave" }, 0]);
    if (this.#guard.isOff) return; // recording it was one error too many
    this.#guard.sleep(() => this.#wake(shipper));
    await shipper.leave(CLOSE_BUDGET_MS);
  }

  #wake(shipper: Shipper): void {
    try {
      this.#guard.goOn();
      shipper.resume();
    } catch (error) {
      this.#guard.caught(error, "going on after a goodbye");
    }
  }

  /** The line that tells a person what runs. */
  get startLine(): string {
    return this.#vitals.startLine(this, this.#target);
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Calls `run` when the agent has been closed or turned itself off. */
  onClosed(run: () => void): void {
    this.#closedListeners.push(run);
  }

  /** Says something on standard error, once a minute per kind, unless quiet. */
  notice(kind: string, message: string): void {
    this.#notices.say(kind, message);
  }

  async #close(budgetMs: number): Promise<void> {
    const hasLeft = this.#guard.isAsleep;
    const wasOn = !hasLeft && !this.#guard.isOff;
    if (wasOn) this.#recordBody(() => [{ kind: "leave" }, 0]);
    this.#guard.stopRecording();
    this.#hooks?.close();
    this.#cancelCeiling();
    this.#cancelTidy();
    try {
      await this.#shipper?.close(budgetMs);
      if (wasOn) await this.#epochs.write(this.epoch, this.#recording.clock.last);
    } catch (error) {
      this.#guard.caught(error, "closing");
    }
    this.#guard.turnOff("closed");
  }

  /** The guard gave up: hooks out, nothing is shipped any more. */
  #turnedOff(reason: string): void {
    if (reason !== "closed") this.#notices.say("off", `the agent is off: ${reason}`);
    this.#cancelCeiling();
    this.#cancelTidy();
    this.#hooks?.close();
    this.#shipper?.end();
    for (const run of this.#closedListeners) run();
  }

  #recordBody(make: () => readonly [Parameters<Recording["body"]>[1], number]): Hlc {
    return this.#edge("recording", () => {
      const [body, bytes] = make();
      const t = this.#recording.clock.now();
      this.#recording.body(t, body, bytes, false);
      return t;
    });
  }

  /** The edge: nothing passes it but the answer. */
  #edge(where: string, run: () => Hlc | null): Hlc {
    const { clock } = this.#recording;
    if (this.#guard.isOff) return clock.last;
    try {
      return run() ?? clock.last;
    } catch (error) {
      this.#guard.caught(error, where);
      return clock.last;
    }
  }

  /** Where a shipper runs, its flush tick does this. */
  #keepTidy(): void {
    this.#cancelTidy = this.#scheduler.after(TIDY_INTERVAL_MS, () => {
      if (this.#guard.isOff) return;
      this.#edge("tidying", () => {
        this.#feed.tidy();
        return null;
      });
      this.#keepTidy();
    });
  }

  #httpTransport(isInert: boolean): Transport | undefined {
    const { collector, token } = this.#config;
    if (collector === undefined || isInert) return undefined;
    return new HttpTransport({ collector, token, scheduler: this.#scheduler });
  }

  #openShipper(transport: Transport): Shipper {
    this.#recording.window.holdFrom = 0;
    return new Shipper({
      source: sourceOf(this.#feed, (request) => this.#reopen(request)),
      transport,
      scheduler: this.#scheduler,
      status: () => this.#vitals.status() as unknown as Json,
      onError: (error) => this.#guard.caught(error, "shipping"),
      say: (kind, message) => this.#notices.say(kind, message),
      flushIntervalMs: this.#config.flushIntervalMs,
      queueBytes: this.#config.queueBytes,
    });
  }

  #openHooks(): InstalledHooks | undefined {
    const { hooks, propagateTo, acceptFrom } = this.#config;
    if (hooks !== undefined && hooks.length === 0) return undefined;
    return installHooks({
      recorder: this.#messages,
      propagateTo,
      acceptFrom,
      ...(hooks === undefined ? {} : { hooks: hooks as readonly HookName[] }),
      onReport: (hook, state, reason) =>
        this.#notices.say(`hook-${hook}`, `hook ${hook} is ${state}: ${reason}`),
    });
  }

  #reopen(request: ReopenRequest): void {
    const { clock } = this.#recording;
    this.#feed.openEpoch(this.#epochs.further(this.#feed.identity, clock, request));
    void this.#epochs.write(this.epoch, clock.last);
  }

  #hookStates(): Readonly<Record<string, HookState>> {
    return this.#hooks?.states() ?? {};
  }
}

/** What a caller asked for, as far as it is a time to wait. */
function waitMs(asked: unknown, otherwise: number): number {
  if (typeof asked !== "number" || Number.isNaN(asked)) return otherwise;
  return Math.min(LONGEST_WAIT_MS, Math.max(0, asked));
}
