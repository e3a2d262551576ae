/**
 * The agent as a service holds it. Each call goes to the part that does it (runtime.ts joins them).
 *
 * After start-up nothing throws into the host or makes it wait (but `snapshot`, `diff`, `events` and
 * `rolling`, which throw where they have no exact answer). Errors of our own are counted; after five the agent is off.
 */
import type { Config } from "./config.ts";
import type { Hlc } from "./kernel/index.ts";
import { type HeadersLike, mergeHeaders, stampHeaders } from "./manual-stamps.ts";
import { type AgentPorts, Runtime } from "./runtime.ts";
import { STATE_LIMITS } from "./state/limits.ts";
import type {
  DiffOptions,
  EventSlice,
  EventsOptions,
  Snapshot,
  SnapshotOptions,
  StateDiff,
  TimeInput,
} from "./state/questions.ts";
import type { RollingView } from "./state/rolling-view.ts";
import type { StateLog } from "./state/state-log.ts";
import { ownText, takeName, utf8Bytes } from "./state/texts.ts";
import type { Variable } from "./state/variable.ts";
import type { WaitOptions } from "./tracing/pool-waits.ts";
import type { SpanRequests } from "./tracing/span-requests.ts";
import type { AgentStats, Health } from "./vitals.ts";

/** How long `close` and an exiting process wait for the collector: the process is to be gone within 500 ms. */
export const CLOSE_BUDGET_MS = 450;
/** How long `flush` waits unless told. */
export const FLUSH_TIMEOUT_MS = 5_000;
/** Node's timers take no more. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Memory of a mark beside its text. */
const MARK_BYTES = 56;
/** Hooks of packages, which can be instrumented by hand. */
const BY_HAND: readonly string[] = ["kafkajs", "grpc", "ws"];
/** Of the reason of a trigger, in UTF-8. */
const MAX_REASON_BYTES = 200;

/** A running agent. One per process: `startAgent` makes it, `getAgent` finds it. */
export class Agent {
  readonly #runtime: Runtime;
  #closing: Promise<void> | undefined;

  /** For `startAgent`; use that. */
  constructor(config: Config, ports: AgentPorts, isInert: boolean = false) {
    this.#runtime = new Runtime(config, ports, isInert);
  }

  /** This node's id. It changes only if another live process has it. */
  get node(): string {
    return this.#runtime.feed.node;
  }

  /** This run's number: rises with each start. */
  get epoch(): number {
    return this.#runtime.feed.epoch;
  }

  /** Whether it records: not before `startAgent`, after `close`, or once it turned itself off. */
  get isOn(): boolean {
    return !this.#runtime.guard.isOff;
  }

  /** The name shared by processes that do the same job. */
  get service(): string {
    return this.#runtime.config.service;
  }

  /** Whether all is well. `healthReason` says why not. */
  get health(): Health {
    return this.#runtime.vitals.health;
  }

  /** Why `health` is not "ok"; undefined: it is. */
  get healthReason(): string | undefined {
    return this.#runtime.vitals.healthReason;
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
    return this.#runtime.logs.log(name);
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
    return this.#runtime.logs.map(name) as Map<K, V>;
  }

  /**
   * A Set whose changes are recorded, as the members of the variable `key` in the log `name`; the same for each
   * call. Up to 65,536 members are recorded. RQL reads it as a set: `"n1" IN members`.
   *
   * @example
   * const ring = agent.set<string>("ring");
   * ring.add("n1"); // the variable `members` of the log `ring`
   */
  set<T>(name: string, key: string = "members"): Set<T> {
    return this.#runtime.logs.set(name, key) as Set<T>;
  }

  /**
   * An object whose changes are recorded: each property is a variable of the log `name`, and a change anywhere
   * below records its property again. For small states: a change costs a copy of the property (8 KiB at most),
   * 1,000 properties are recorded. The same for each call; the first one's `initial` counts, and is from then
   * on to be used through what is returned.
   *
   * Plain objects and arrays are followed; instances of classes, Map, Set and Date inside are recorded when
   * they are assigned. It is a Proxy: `structuredClone` refuses it, as any.
   *
   * @example
   * const cart = agent.object("cart", { items: [] as string[], paid: false });
   * cart.items.push("pear"); // one change of `items`
   */
  object<T extends object = Record<string, unknown>>(name: string, initial: T = {} as T): T {
    return this.#runtime.logs.object(name, initial) as T;
  }

  /** A handle of one variable, for those that change often. */
  variable(log: string, key: string): Variable {
    return this.#runtime.logs.variable(log, key);
  }

  /** Notes that something happened: shown beside the events. */
  mark(text: string): Hlc {
    return this.#runtime.recordBody(() => this.#markOf(text, STATE_LIMITS.markBytes));
  }

  /**
   * Asks for a capture around now: all nodes in on-demand mode ship what their windows hold around this
   * moment, whatever the mode of this one. Records a mark with the reason, and returns its timestamp.
   * Returns at once; the collector is told within a flush interval. At most once a second, and 16 at a
   * time: what is more is only marked, and counted in `stats().refusedTriggers`. Without a collector it
   * is a mark. Never throws.
   *
   * @param reason shown beside the capture; cut at 200 bytes
   *
   * @example
   * if (tookMs > 500) agent.trigger(`slow checkout: ${tookMs} ms`);
   */
  trigger(reason: string): Hlc {
    return this.#runtime.edge("trigger", () => {
      const [mark, bytes] = this.#markOf(reason, MAX_REASON_BYTES);
      const t = this.#runtime.recordBody(() => [mark, bytes]);
      this.#runtime.shipper?.trigger(t, mark.text);
      return t;
    });
  }

  #markOf(given: string, maxBytes: number): [{ kind: "mark"; text: string }, number] {
    const { redaction } = this.#runtime.recording;
    // Looked at before it is cut: the first half of a card's number is no card's number to any rule.
    const whole = typeof given === "string" ? given : takeName(given, STATE_LIMITS.markBytes);
    const text = ownText(takeName(redaction.text(whole), maxBytes));
    return [{ kind: "mark", text }, MARK_BYTES + utf8Bytes(text)];
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
    return this.#runtime.edge("stamp", () => stampHeaders(this.#runtime.manual, headers));
  }

  /** The other side of `stamp`: what is recorded after it is later than all the sender did before. */
  merge(headers: HeadersLike): Hlc {
    return this.#runtime.edge("merge", () => mergeHeaders(this.#runtime.manual, headers));
  }

  /**
   * A timestamp of this moment that belongs to no event: later than all that was recorded, earlier than
   * what comes. For what is to be found again in a cut: log lines, rows, spans. About 40 ns.
   *
   * @example
   * logger.info({ hlc: formatHlc(agent.now()) }, "sold out");
   */
  now(): Hlc {
    return this.#runtime.edge("a reading of the clock", () => this.#runtime.recording.clock.now());
  }

  /**
   * Runs `work` and times it as a wait of the request on whose behalf it runs: for a connection of a pool, for a
   * lock. Returns, throws and rejects as `work` does. Where requests are not timed (`requests: true`) it is a call
   * and nothing else; else some 300 ns.
   * @param name of the pool or lock: few
   * @param options.downstream the service that the pool leads to: then the wait is no time of this service's own
   * @param options.kind `pool` or `lock`; default: `pool` if it leads downstream
   *
   * @example
   * const connection = await agent.wait("db-pool", () => pool.connect(), { downstream: "db" });
   */
  wait<T>(name: string, work: () => T, options: WaitOptions = {}): T {
    return this.#runtime.wait(name, work, options);
  }

  /**
   * Times what requests wait for a pool's connections, from now until `close`, without a change where it is used.
   * Known by their shape: generic-pool and tarn (`acquire`), pg (`connect`), mysql and mysql2 (`getConnection`).
   * undici's pools, and `fetch`, are timed without it. Never throws.
   * @returns whether it is watched: false where requests are not timed, or the pool has no way in that is known
   *
   * @example
   * agent.watchPool("db-pool", pool, { downstream: "db" }); // const pool = new pg.Pool()
   */
  watchPool(name: string, pool: unknown, options: WaitOptions = {}): boolean {
    return this.#runtime.watchPool(name, pool, options);
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
    if (!BY_HAND.includes(hook)) {
      const name = takeName(hook, MAX_REASON_BYTES);
      this.notice("instrument", `there is no hook "${name}" for packages: ${BY_HAND.join(", ")}`);
      return false;
    }
    return this.#runtime.hooks?.instrument(hook, exports) ?? false;
  }

  /**
   * The state of this node, now or at a past time inside the window: exact, from memory. Costs the size of the
   * state and the events since.
   * @param options.at ISO 8601, a timestamp, `-5s`, ...; default: now
   * @param options.log @param options.key only these; a name or a list of names
   * @throws RetroError `outside-window`, which names the earliest time; `bad-time`; `closed`
   *
   * @example
   * agent.snapshot({ at: "-5s", log: "stock" }).logs["stock"]?.["apples"];
   */
  snapshot(options?: SnapshotOptions): Snapshot {
    return this.#runtime.snapshots.take(options?.at, options ?? {});
  }

  /**
   * What became different between two cuts, net: the changes in (from, to]. With an earlier snapshot as `from` it
   * is an incremental snapshot. Costs the events between, not the state.
   * @throws as `snapshot`; `bad-time` if `to` is before `from`
   *
   * @example
   * const before = agent.snapshot();
   * agent.log("stock").set("apples", 11);
   * agent.diff(before).changes; // [{ log: "stock", key: "apples", before: 12, after: 11 }]
   */
  diff(from: TimeInput | Snapshot, options?: DiffOptions): StateDiff {
    return this.#runtime.snapshots.diff(from, options ?? {});
  }

  /**
   * The events in (from, to] as the window holds them, oldest first: changes with old and new value, messages,
   * marks. Filters: `log`, `key`, `kind`. At most `limit` (1,000; up to 10,000), then `next` says where to go on.
   * @throws as `diff`; `bad-parameter` for an unknown kind or a bad limit
   *
   * @example
   * for (const { t, key, before, value } of agent.events({ from: "-1s", log: "stock" }).events) {
   *   console.log(formatHlc(t), key, before, value);
   * }
   */
  events(options?: EventsOptions): EventSlice {
    return this.#runtime.snapshots.events(options ?? {});
  }

  /**
   * A snapshot that is moved back and forward in place, and tells what each move changed. Where it stands it
   * stays exact, however far the window moves on.
   * @throws as `snapshot`
   */
  rolling(at: TimeInput): RollingView {
    return this.#runtime.snapshots.rolling(at);
  }

  /** Counters since the start; a copy. Costs some microseconds. */
  stats(): AgentStats {
    return this.#runtime.vitals.stats();
  }

  /**
   * Ships what was recorded so far and waits for the collector's word, the process with it. Never rejects.
   * @param options.timeoutMs 5,000 if left out or no number; at most 2^31 - 1
   * @returns whether all of it was acknowledged (or given up as dropped) within the time
   */
  async flush(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const timeoutMs = waitMs(() => options?.timeoutMs, FLUSH_TIMEOUT_MS);
    return this.#runtime.shipper?.flush(timeoutMs, true) ?? true;
  }

  /**
   * Says goodbye, flushes for at most 500 ms, counts what is left as dropped, and ends. May be called
   * twice. Never rejects.
   */
  close(options: { readonly budgetMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#runtime.close(waitMs(() => options?.budgetMs, CLOSE_BUDGET_MS));
    return this.#closing;
  }

  /**
   * For exit.ts, when the process seems to be at its end: says goodbye and flushes for at most 500 ms,
   * without an end. Whoever records after it opens a further epoch. Never rejects.
   */
  async sayGoodbye(): Promise<void> {
    await this.#runtime.sayGoodbye(CLOSE_BUDGET_MS);
  }

  /** Why shipping does not go well, after `close` too; undefined: it does, or nothing is shipped. */
  get shippingProblem(): string | undefined {
    return this.#runtime.shipper?.problem;
  }

  /** For `RetroscopeSpanProcessor`: to be told of spans, with `requests: "spans"`. */
  get spanRequests(): SpanRequests | undefined {
    return this.#runtime.spanRequests;
  }

  /** The line that tells a person what runs. */
  get startLine(): string {
    return this.#runtime.vitals.startLine(this, this.#runtime.target, this.#runtime.config.stream);
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Calls `run` when `close` is called, before anything is taken out; it must not throw. */
  onClosing(run: () => void): void {
    this.#runtime.onClosing(run);
  }

  /** Calls `run` when the agent has been closed or turned itself off. */
  onClosed(run: () => void): void {
    this.#runtime.onClosed(run);
  }

  /** Says something on standard error, once a minute per kind, unless quiet. */
  notice(kind: string, message: string): void {
    this.#runtime.notices.say(kind, message);
  }
}

/** What a caller asked for, as far as it is a time to wait. Its object may be anything. Never throws. */
function waitMs(ask: () => unknown, otherwise: number): number {
  let asked: unknown;
  try {
    asked = ask();
  } catch {
    return otherwise;
  }
  if (typeof asked !== "number" || Number.isNaN(asked)) return otherwise;
  return Math.min(LONGEST_WAIT_MS, Math.max(0, asked));
}
