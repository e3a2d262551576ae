/**
 * The collector as a process that dies and comes again: the real ingest and the real history over a store
 * that keeps what was flushed. Requests come as bytes and are answered as the HTTP door would answer.
 */
import { type Hlc, type RetroCode, RetroError, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import type { TransportReply } from "../../agent/shipping/transport.ts";
import { createHistory, type LiveHistory } from "../../collector/cut/create-history.ts";
import { Captures } from "../../collector/ingest/captures.ts";
import { Ingest } from "../../collector/ingest/ingest.ts";
import { createKeeping, type Keeping } from "../../collector/retention/keeping.ts";
import { Chance } from "./chance.ts";
import type { Counts } from "./counts.ts";
import { START_UNIX_MS } from "./node-clock.ts";
import type { Scenario } from "./scenario.ts";
import { SimDisk, SimStore } from "./sim-store.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** As collector/ingest/http-ingest.ts has them; what is missing is a 500. */
const FINAL: readonly RetroCode[] = [
  "bad-batch",
  "bad-parameter",
  "unsupported-version",
  "too-far-ahead",
  "too-old",
];
const LATER: readonly RetroCode[] = ["overloaded", "disk-full", "data-unusable", "closed"];

/** After so long a slice of work ends; in virtual time work takes none, so looking at the clock does. */
const SLICE_MS = 10;
/** What others do between two slices takes so long, where work pauses. */
const SLOW_TURN_MS = 15;

/** A clock that is a slice further after so many looks, and then back. */
function slowly(wallMs: () => number, steps: number): () => number {
  if (steps === 0) return wallMs;
  let looks = 0;
  return () => {
    looks = (looks + 1) % (steps + 1);
    return wallMs() + Math.ceil((looks * SLICE_MS) / steps);
  };
}

interface Running {
  isUp: boolean;
  readonly store: SimStore;
  readonly ingest: Ingest;
  readonly captures: Captures;
  readonly keeping: Keeping;
  readonly history: LiveHistory;
  readonly gone: Promise<undefined>;
  readonly end: () => void;
}

export class SimCollector {
  readonly disk: SimDisk;
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #chance: Chance;
  readonly #counts: Counts;
  readonly #skewMs: number;
  readonly #tokens: Chance;
  #running: Running | undefined;
  #stopping: Promise<void> = Promise.resolve();
  /** From the next start on; what was removed stays so. */
  isRetaining = true;

  constructor(time: VirtualTime, scenario: Scenario, chance: Chance, counts: Counts) {
    this.#time = time;
    this.#scenario = scenario;
    this.#chance = chance;
    this.#counts = counts;
    this.#tokens = new Chance(scenario.seed);
    this.#skewMs = chance.between(-2_000, 2_000);
    this.disk = new SimDisk(time, chance.fork(), scenario.disk, counts);
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  /** The questions; undefined while it is down. */
  get history(): LiveHistory | undefined {
    return this.#running?.history;
  }

  get keeping(): Keeping | undefined {
    return this.#running?.keeping;
  }

  get captures(): Captures | undefined {
    return this.#running?.captures;
  }

  wallMs(): number {
    return START_UNIX_MS + this.#skewMs + Math.floor(this.#time.nowMs);
  }

  /** By its own clock, in ticks. */
  now(): Hlc {
    return ticksFromUnixMs(START_UNIX_MS + this.#skewMs + this.#time.nowMs);
  }

  get ingest(): Ingest | undefined {
    return this.#running?.ingest;
  }

  start(): void {
    if (this.#running !== undefined) return;
    const { expireAfterMs, messageTimeoutMs, roundChanges, segmentEvents, stepsPerTurn } =
      this.#scenario;
    let end = (): void => {};
    const gone = new Promise<undefined>((resolve) => {
      end = () => resolve(undefined);
    });
    const alive = { isUp: true };
    const after = (ms: number, wake: () => void): (() => void) =>
      this.#time.after(ms, () => {
        if (alive.isUp) wake();
      });
    const wallMs = (): number => this.wallMs();
    const timers = {
      wallMs,
      nowMs: wallMs,
      monotonicMs: () => this.#time.nowMs,
      now: () => this.now(),
      after,
      turn: () => new Promise<void>((resolve) => after(0, resolve)),
    };
    const store = new SimStore(this.disk);
    const limits = { messageTimeoutMs, roundChanges, segmentEvents, sliceMs: SLICE_MS };
    const turnMs = stepsPerTurn === 0 ? 0 : SLOW_TURN_MS;
    const cutTimers = {
      ...timers,
      nowMs: slowly(wallMs, stepsPerTurn),
      turn: () => new Promise<void>((resolve) => after(turnMs, resolve)),
    };
    const history = createHistory({ store, timers: cutTimers, limits });
    const ingest = new Ingest({ store, timers, expireAfterMs, messageTimeoutMs });
    ingest.onStored((epochIds) => history.notifyStored(epochIds));
    const captures = new Captures({
      store,
      commands: ingest.commands,
      timers,
      newToken: () => this.#tokens.below(2 ** 32).toString(16),
      onFailure: (error) => this.#behindFailed("capture", error),
    });
    const keeping = createKeeping({
      store,
      history,
      timers,
      between: (task) => ingest.between(task),
      retentionMs: this.isRetaining ? this.#scenario.retentionMs : undefined,
      onFailure: (error) => this.#behindFailed("retention", error),
    });
    ingest.onStatus((record, status) => captures.heard(record, status));
    ingest.onStored((epochIds) => captures.stored(epochIds));
    this.#running = Object.assign(alive, { store, ingest, captures, history, keeping, gone, end });
    captures.start();
    keeping.retention.start();
    history.notifyStored();
  }

  /** As SIGKILL. */
  crash(): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.isUp = false;
    running.store.crash();
    running.end();
    this.#counts.add("collector: crashed");
  }

  /** As SIGTERM: what was received is finished. */
  stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return Promise.resolve();
    const stopped = this.#stop(running);
    // Of one that is killed meanwhile nothing more is heard.
    this.#stopping = Promise.race([stopped, running.gone]).then(() => {});
    return stopped;
  }

  /** Resolves once no stop is under way: one that is takes the timers of its questions with it. */
  stopped(): Promise<void> {
    return this.#stopping;
  }

  async #stop(running: Running): Promise<void> {
    this.#counts.add("collector: stopped");
    await running.captures.close();
    await running.keeping.close();
    await running.ingest.close();
    await running.history.close();
    await running.store.close();
    running.isUp = false;
    running.end();
    if (this.#running === running) this.#running = undefined;
  }

  /** A disk may fail; nothing else may. */
  #behindFailed(what: string, error: unknown): void {
    if (error instanceof RetroError && LATER.includes(error.code)) {
      this.#counts.add(`collector: ${what} failed, ${error.code}`);
    } else throw error;
  }

  /** One request. undefined: it died before it could answer. */
  receive(body: Uint8Array, holdMs: number): Promise<TransportReply | undefined> {
    const running = this.#running;
    if (running === undefined) return Promise.resolve(undefined);
    return Promise.race([this.#answer(running, body, holdMs), running.gone]);
  }

  async #answer(running: Running, body: Uint8Array, holdMs: number): Promise<TransportReply> {
    const { ingest } = running;
    try {
      let reply = await ingest.submit(body, { mustBeEmpty: holdMs > 0 });
      if (holdMs > 0 && reply.commands.length === 0) {
        const nodes = reply.acks.map((ack) => ack.node);
        await ingest.commands.hold(nodes, holdMs, new AbortController().signal);
        reply = { acks: reply.acks, commands: ingest.commands.take(nodes) };
      }
      return { kind: "acked", reply: JSON.parse(JSON.stringify(reply)) };
    } catch (error) {
      return this.#refusal(error);
    }
  }

  #refusal(error: unknown): TransportReply {
    if (!(error instanceof RetroError)) throw error;
    const { code, message } = error;
    this.#counts.add(`collector: answered ${code}`);
    if (code === "too-large") return { kind: "too-large" };
    if (FINAL.includes(code)) return { kind: "refused", status: 400, message };
    if (!LATER.includes(code)) throw error;
    const retryAfterMs = 1_000 * this.#chance.between(0, 1);
    return { kind: "failed", retryAfterMs, message };
  }
}
