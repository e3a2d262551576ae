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
import { randomBytes } from "node:crypto";
import type { Config } from "./config.ts";
import { CEILING_INTERVAL_MS, EpochFile } from "./epoch-file.ts";
import {
  type AgentStatus,
  AnchoredClock,
  EVENT_KINDS,
  type Hlc,
  HlcClock,
  type HookState,
  type Json,
  KindCode,
  type PhysicalClock,
  TICKS_PER_MS,
  type UnstampedChannel,
} from "./kernel/index.ts";
import { type HeadersLike, mergeHeaders, stampHeaders } from "./manual-stamps.ts";
import { AgentMessages } from "./message-recorder.ts";
import { Notices } from "./notices.ts";
import type { HookName } from "./propagation/hook-guard.ts";
import { type InstalledHooks, installHooks } from "./propagation/install.ts";
import type { EventSource, ReopenRequest } from "./shipping/event-source.ts";
import { HttpTransport } from "./shipping/http-transport.ts";
import { realScheduler } from "./shipping/real-scheduler.ts";
import type { Scheduler } from "./shipping/scheduler.ts";
import { Shipper } from "./shipping/shipper.ts";
import type { Transport } from "./shipping/transport.ts";
import { type EpochIdentity, EventFeed } from "./state/event-feed.ts";
import { EventWindow } from "./state/event-window.ts";
import { Guard } from "./state/guard.ts";
import { takeName } from "./state/intake.ts";
import { STATE_LIMITS } from "./state/limits.ts";
import { Recording } from "./state/recording.ts";
import { type RollingView, type Snapshot, Snapshots, type TimeInput } from "./state/snapshot.ts";
import { StateLog, Variable } from "./state/state-log.ts";
import { TrackedMap } from "./state/tracked-map.ts";
import { VariableTable } from "./state/variable-table.ts";
import { AGENT_VERSION } from "./version.ts";

/** How long `close` and an exiting process wait for the collector. */
export const CLOSE_BUDGET_MS = 500;
/** How long `flush` waits unless told. */
export const FLUSH_TIMEOUT_MS = 5_000;
/** Of `maxDriftMs`: a lead beyond it is reported. */
const LEAD_WARNING = 0.8;
const MAX_NODE_LENGTH = 80;
/** How often the window is tidied where nothing is shipped. */
const TIDY_INTERVAL_MS = 1_000;

/** The outside world as an agent needs it; what is left out is the real one. */
export interface AgentPorts {
  readonly clock?: PhysicalClock | undefined;
  readonly transport?: Transport | undefined;
  readonly scheduler?: Scheduler | undefined;
}

export type Health = "ok" | "degraded" | "off";

/** Counters since the start. created = acknowledged + dropped + queued, where a collector is named. */
export interface AgentStats {
  /** Events recorded: also the sum of `counts`. */
  readonly recorded: number;
  /** Events recorded, by kind; kinds that never occurred are left out. */
  readonly counts: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly queued: number;
  readonly dropped: number;
  /** Events dropped, by reason: overflow, refused, shed, shutdown. */
  readonly drops: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly failures: number;
  readonly heartbeats: number;
  readonly unsupportedCommands: number;
  readonly windowEvents: number;
  readonly windowBytes: number;
  readonly queueBytes: number;
  /** How far the clock is ahead of physical time. */
  readonly leadMs: number;
  readonly hooks: Readonly<Record<string, HookState>>;
  /** Channels whose messages carry no stamp of ours; bounded, most used first. */
  readonly unstamped: readonly UnstampedChannel[];
  /** Remote stamps beyond the gate, by peer; bounded. */
  readonly refused: Readonly<Record<string, number>>;
  /** Headers that could not be read, by peer; bounded. */
  readonly malformed: Readonly<Record<string, number>>;
  /** Errors of the agent's own; five turn it off. */
  readonly ownErrors: number;
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
  readonly #epochFile: EpochFile | undefined;
  readonly #logs = new Map<string, StateLog>();
  readonly #maps = new Map<string, TrackedMap<unknown, unknown>>();
  readonly #instance = randomBytes(8).toString("hex");
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

    const physical = ports.clock ?? new AnchoredClock();
    this.#epochFile = isInert ? undefined : this.#openEpochFile();
    const persisted = this.#epochFile?.read();
    const clock = new HlcClock(physical, {
      maxDriftMs: config.maxDriftMs,
      ...(persisted?.ceiling === undefined ? {} : { above: persisted.ceiling }),
    });
    const window = new EventWindow(
      { maxBytes: config.windowBytes, maxAgeTicks: config.windowMs * TICKS_PER_MS },
      clock.now(),
    );
    this.#recording = new Recording(clock, window, new VariableTable(), this.#guard);
    const epoch = Math.max((persisted?.epoch ?? 0) + 1, msSince2020(clock.physicalNow()));
    this.#epochFile?.writeNow(epoch, clock.last);
    this.#feed = new EventFeed(this.#recording, this.#identity(config.node, epoch));
    this.#snapshots = new Snapshots(this.#recording, () => this.#feed.node);
    this.#messages = new AgentMessages(this.#recording, this.#feed);

    const transport = ports.transport ?? this.#httpTransport(isInert);
    this.#target = transport?.target;
    this.#shipper = transport === undefined ? undefined : this.#openShipper(transport);
    this.#hooks = isInert ? undefined : this.#openHooks();
    if (isInert) this.#guard.turnOff("no agent was started");
    else {
      this.#keepCeiling();
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
    if (this.#guard.isOff) return "off";
    return this.healthReason === undefined ? "ok" : "degraded";
  }

  /** Why `health` is not "ok"; undefined: it is. */
  get healthReason(): string | undefined {
    if (this.#guard.isOff) return this.#guard.offReason;
    if (this.#guard.errorCount > 0) return `own error in ${this.#guard.lastError}`;
    if (this.#shipper?.problem !== undefined) return this.#shipper.problem;
    const ill = Object.entries(this.#hookStates()).find(
      ([, state]) => state !== "active" && state !== "off",
    );
    if (ill !== undefined) return `hook ${ill[0]} is ${ill[1]}`;
    const leadMs = this.#leadMs();
    if (leadMs <= LEAD_WARNING * this.#config.maxDriftMs) return undefined;
    return `the clock is ${Math.round(leadMs)} ms ahead of physical time`;
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
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = new StateLog(this.#recording, this.#recording.table.log(takeName(name)));
      this.#logs.set(name, log);
    }
    return log;
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
    let map = this.#maps.get(name);
    if (map === undefined) {
      const log = this.#recording.table.log(takeName(name));
      map = new TrackedMap(this.log(name), this.#recording, log);
      this.#maps.set(name, map);
    }
    return map as Map<K, V>;
  }

  /** A handle of one variable, for those that change often. */
  variable(log: string, key: string): Variable {
    const { table } = this.#recording;
    const record = table.log(takeName(log));
    return new Variable(this.#recording, record, table.pinnedIdOf(record, takeName(key)));
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
   * The state of this node, now or at a past time inside the window: exact, from memory.
   * @param options.at ISO 8601, a timestamp, `-5s`, ...
   * @throws RetroError `outside-window`, which names the earliest time; `bad-time`; `closed`
   *
   * @example
   * agent.snapshot({ at: "-5s" }).logs["stock"]?.["apples"];
   */
  snapshot(options: { readonly at?: TimeInput } = {}): Snapshot {
    if (this.#isInert) return { at: this.#recording.clock.last, node: this.node, logs: {} };
    return this.#snapshots.take(options.at);
  }

  /**
   * A snapshot that is moved back and forward in place, and tells what each move changed.
   * @throws as `snapshot`
   */
  rolling(at: TimeInput): RollingView {
    return this.#snapshots.rolling(at);
  }

  stats(): AgentStats {
    const { window } = this.#recording;
    const shipping = this.#shipper?.stats;
    return {
      recorded: this.#feed.recordedCount,
      counts: this.#counts(),
      acknowledged: shipping?.acknowledged ?? 0,
      queued: shipping?.queued ?? 0,
      dropped: shipping?.dropped ?? 0,
      drops: shipping?.drops ?? {},
      requests: shipping?.requests ?? 0,
      failures: shipping?.failures ?? 0,
      heartbeats: shipping?.heartbeats ?? 0,
      unsupportedCommands: shipping?.unsupportedCommands ?? 0,
      windowEvents: window.nextIndex - window.firstIndex,
      windowBytes: window.bytes,
      queueBytes: shipping?.queueBytes ?? 0,
      leadMs: this.#leadMs(),
      hooks: this.#hookStates(),
      unstamped: this.#messages.unstampedChannels,
      refused: this.#messages.refusedCounts,
      malformed: this.#messages.malformedCounts,
      ownErrors: this.#guard.errorCount,
    };
  }

  /**
   * Ships what was recorded so far and waits for the collector's word. Never rejects.
   * @returns whether all of it was acknowledged (or given up as dropped) within the time
   */
  async flush(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    return this.#shipper?.flush(options.timeoutMs ?? FLUSH_TIMEOUT_MS) ?? true;
  }

  /**
   * Says goodbye, flushes for at most 500 ms, counts what is left as dropped, and ends. May be called
   * twice. Never rejects.
   */
  close(options: { readonly budgetMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.budgetMs ?? CLOSE_BUDGET_MS);
    return this.#closing;
  }

  /** The line that tells a person what runs. */
  get startLine(): string {
    const hooks = Object.entries(this.#hookStates()).map(([name, state]) => `${name} ${state}`);
    const parts = [
      `node ${this.node}`,
      `service ${this.service}`,
      `epoch ${this.epoch}`,
      this.#target === undefined ? "no collector, nothing is shipped" : `collector ${this.#target}`,
      "stream all",
      `hooks: ${hooks.length === 0 ? "none" : hooks.join(", ")}`,
    ];
    return parts.join(" · ");
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
    const wasOn = !this.#guard.isOff;
    this.#recordBody(() => [{ kind: "leave" }, 0]);
    this.#guard.stopRecording();
    this.#hooks?.close();
    this.#cancelCeiling();
    this.#cancelTidy();
    try {
      await this.#shipper?.close(budgetMs);
      if (wasOn) await this.#epochFile?.write(this.epoch, this.#recording.clock.last);
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

  #openEpochFile(): EpochFile | undefined {
    const { dataDir, node } = this.#config;
    if (dataDir === undefined) return undefined;
    return new EpochFile(dataDir, node, (message) => this.#notices.say("epoch-file", message));
  }

  /** Renews the ceiling each second. */
  #keepCeiling(): void {
    const file = this.#epochFile;
    if (file === undefined) return;
    this.#cancelCeiling = this.#scheduler.after(CEILING_INTERVAL_MS, () => {
      void file.write(this.epoch, this.#recording.clock.last);
      if (!this.#guard.isOff) this.#keepCeiling();
    });
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
    const feed = this.#feed;
    this.#recording.window.holdFrom = 0;
    const source: EventSource = {
      get node() {
        return feed.node;
      },
      get epoch() {
        return feed.epoch;
      },
      get pendingCount() {
        return feed.pendingCount;
      },
      cut: () => feed.cut(),
      heartbeat: () => feed.heartbeat(),
      askKeyframes: (logs) => feed.askKeyframes(logs),
      addKeyframes: () => feed.addKeyframes(),
      tidy: () => feed.tidy(),
      reopen: (request) => this.#reopen(request),
    };
    return new Shipper({
      source,
      transport,
      scheduler: this.#scheduler,
      status: () => this.#status() as unknown as Json,
      onError: (error) => this.#guard.caught(error, "shipping"),
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

  /** Opens a further epoch above what the collector knows, under another id if ours is taken. */
  #reopen({ aboveEpoch, aboveT, nodeInUse }: ReopenRequest): void {
    const { clock } = this.#recording;
    const physical = clock.physicalNow();
    const maxDriftTicks = this.#config.maxDriftMs * TICKS_PER_MS;
    if (aboveT !== null && aboveT - physical <= maxDriftTicks) clock.raiseTo(aboveT);
    else if (aboveT !== null) {
      this.#notices.say(
        "ahead",
        "the collector knows this node at a time far ahead; check the clocks",
      );
    }
    const node = nodeInUse ? withSuffix(this.node, `.${process.pid}`) : this.node;
    if (nodeInUse) {
      this.#notices.say(
        "node-in-use",
        `another process is ${this.node}; this one is ${node} from now on`,
      );
    }
    const epoch = Math.max(this.epoch + 1, aboveEpoch + 1, msSince2020(physical));
    this.#feed.openEpoch(this.#identity(node, epoch));
    this.#epochFile?.writeNow(epoch, clock.last);
  }

  #identity(node: string, epoch: number): EpochIdentity {
    const { service, tags } = this.#config;
    return { node, epoch, service, tags, instance: this.#instance };
  }

  #status(): AgentStatus {
    const stats = this.stats();
    return {
      pid: process.pid,
      version: AGENT_VERSION,
      health: this.health,
      hooks: stats.hooks,
      counts: stats.counts,
      drops: stats.drops,
      leadMs: stats.leadMs,
      unstamped: stats.unstamped,
      refused: stats.refused,
    };
  }

  #counts(): Record<string, number> {
    const { kindCounts } = this.#recording.window;
    const counts: Record<string, number> = {};
    for (const kind of EVENT_KINDS) {
      const count = kindCounts[KindCode[kind]] as number;
      if (count > 0) counts[kind] = count;
    }
    const { shedCount } = this.#recording;
    return shedCount === 0 ? counts : { ...counts, shed: shedCount };
  }

  #leadMs(): number {
    try {
      return this.#recording.clock.leadTicks() / TICKS_PER_MS;
    } catch {
      return 0; // a clock that throws is counted where it is read for a stamp
    }
  }

  #hookStates(): Readonly<Record<string, HookState>> {
    return this.#hooks?.states() ?? {};
  }
}

function msSince2020(t: Hlc): number {
  return Math.max(0, Math.floor(t / TICKS_PER_MS));
}

function withSuffix(node: string, suffix: string): string {
  return node.slice(0, MAX_NODE_LENGTH - suffix.length) + suffix;
}
