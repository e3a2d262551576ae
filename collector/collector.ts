/**
 * The composition root of the collector: the one place that names its adapters.
 *
 *     one node:http server, loopback only (127.0.0.1 and, where it is free, ::1)
 *       POST /v1/batches  ->  ingest  ->  store (LMDB)  --durable-->  ack
 *                                            |  notifyStored
 *                                            v
 *       everything else   ->  express  ->  history  (+ checkpointer behind ingest)
 *
 * Starting takes the data directory's lock first and listens last, so nobody is answered before there
 * is something to answer from. Closing goes the other way, and is bounded: who hangs on to a
 * connection is cut off after `DRAIN_MS`.
 *
 * An adapter: it owns the timer of that bound.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { AnchoredClock, type PhysicalClock, RetroError } from "../agent/kernel/index.ts";
import { createApp } from "./api/app.ts";
import { toldEpisode } from "./api/bottleneck-routes.ts";
import { episodePort } from "./api/episode-port.ts";
import { LiveHub } from "./api/live-hub.ts";
import { QueryGate } from "./api/query-gate.ts";
import { withoutErased } from "./api/saved-cut-erasing.ts";
import { checkOrigin } from "./api/security.ts";
import { EpisodeActions } from "./bottleneck/episode-actions.ts";
import { EpisodeWatch } from "./bottleneck/episode-watch.ts";
import { createBoundedServer } from "./bounded-server.ts";
import { checkHost, DEFAULT_HOST, DEFAULT_PORT } from "./config.ts";
import { createHistory } from "./cut/create-history.ts";
import type { History } from "./cut/history.ts";
import { DEFAULT_CUT_LIMITS } from "./cut/limits.ts";
import { nodeTimers } from "./cut/node-timers.ts";
import { Captures } from "./ingest/captures.ts";
import { createIngestHandler } from "./ingest/http-ingest.ts";
import { Ingest } from "./ingest/ingest.ts";
import type { IngestCounts } from "./ingest/ingest-counts.ts";
import { IngestLog } from "./ingest/ingest-log.ts";
import { MemoryGate } from "./ingest/memory-gate.ts";
import { nodeMemory } from "./ingest/node-memory.ts";
import { nodeIngestTimers } from "./ingest/node-timers.ts";
import { MONITOR_RUN_LIMITS } from "./monitor/limits.ts";
import { Monitors } from "./monitor/monitors.ts";
import { nodeWebhooks } from "./monitor/node-webhooks.ts";
import { createKeeping } from "./retention/keeping.ts";
import { WorkerSlices } from "./rql/engine/worker-slices.ts";
import { QueryRunner, type QueryRunnerOptions } from "./rql/run/query-runner.ts";
import { WorkerThreads } from "./rql/run/worker-threads.ts";
import type { HistoryStore } from "./store/history-store.ts";
import { LmdbStore } from "./store/lmdb-store.ts";

/** Threads that go through one query's slices, at most: ingest and other questions want some cores too. */
const MOST_SLICE_THREADS = 4;

/** How long open connections may go on after `close()`. */
export const DRAIN_MS = 2_000;

/** What `createCollector` takes; only `data` is needed. */
export interface CollectorOptions {
  /** Where history is kept: a directory on a local disk, made if it does not exist. */
  readonly data: string;
  /** Default 7700; 0 takes a free one. */
  readonly port?: number;
  /** A loopback address; default 127.0.0.1. */
  readonly host?: string;
  /** What came more than so many milliseconds ago is removed. Default: nothing is, for its age. */
  readonly retentionMs?: number | undefined;
  /** Above so many bytes of history the oldest is removed. Default: nothing is, for its size. */
  readonly maxBytes?: number | undefined;
  /** Hosts that webhooks of monitors may call (`alerts.example:8080`). Default: none. */
  readonly webhookHosts?: readonly string[];
  /** A node silent for so long has expired. Default 60,000. */
  readonly expireAfterMs?: number;
  /**
   * Bytes that the process may hold, without the pages of its files: ingest is refused from 75 % of them
   * on, questions from 95 %. Default: 80 % of what the container or machine has.
   */
  readonly maxMemoryBytes?: number;
  /** What `now` means. Default: the machine's clock. */
  readonly clock?: PhysicalClock;
  /** The folder of the built timeline. Default: that of this package. */
  readonly uiDirectory?: string;
  /** Who joins and leaves, what is refused and what goes wrong, as JSON lines. Default: standard error. */
  readonly log?: { write(line: string): void };
  /** Log only what goes wrong inside. */
  readonly quiet?: boolean;
}

/** A running collector. */
export interface Collector {
  /** Where it listens: `http://127.0.0.1:7700`. */
  readonly url: string;
  readonly port: number;
  /** The questions, without HTTP; and `history.walk`, a predicate of your own over every cut. */
  readonly history: History;
  /** What ingest has done since the start: events stored, conflicts, refusals by code. */
  readonly counts: IngestCounts;
  /**
   * Resolves if writing to the disk has failed for good: close this collector and start another, which
   * verifies what it opens. Until then questions are answered and batches refused.
   */
  readonly failed: Promise<RetroError>;
  /** Finishes what was received, then ends. Takes a few seconds at most. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts a collector; resolves once it listens.
 *
 * @throws RetroError `bad-config` (an address beyond loopback), `port-in-use`, `data-in-use` (another
 * collector has the directory), `data-unusable`, `data-damaged`
 *
 * @example
 * const collector = await createCollector({ data: "./history", port: 0 });
 * const answer = await fetch(`${collector.url}/api/cut?at=-5s`);
 * await collector.close();
 */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const host = options.host ?? DEFAULT_HOST;
  checkHost(host);
  const level = options.quiet === true ? "error" : "info";
  const log = pino(
    { name: "retroscope", level },
    options.log ?? pino.destination({ fd: 2, sync: true }),
  );
  let tellFailed: (failure: RetroError) => void = () => {};
  const failed = new Promise<RetroError>((resolve) => {
    tellFailed = resolve;
  });
  const store = await LmdbStore.open({
    directory: options.data,
    onDamage: (damage) => log.error({ damage }, "a stored record is damaged"),
    onFailure: (failure) => {
      log.fatal({ err: failure }, "writing has ended");
      tellFailed(failure);
    },
  });
  const clock = options.clock ?? new AnchoredClock();
  const timers = nodeIngestTimers(clock);
  const { messageTimeoutMs } = DEFAULT_CUT_LIMITS;
  const now = () => clock.now();
  const history = createHistory({ store, timers: nodeTimers, limits: { messageTimeoutMs }, now });
  const { expireAfterMs } = options;
  const ingestLog = new IngestLog(log, () => timers.monotonicMs());
  const ingest = new Ingest({
    store,
    timers,
    messageTimeoutMs,
    fullLogs: history.checkpointer.fullLogs,
    onNotice: (notice) => ingestLog.notice(notice),
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
  });
  ingest.onStored((epochIds) => history.notifyStored(epochIds));
  const captures = new Captures({
    store,
    commands: ingest.commands,
    timers,
    newToken: () => randomBytes(4).toString("hex"),
    onFailure: (error) => log.error({ err: error }, "a capture could not be kept"),
  });
  ingest.onStatus((record, status) => captures.heard(record, status));
  ingest.onStored((epochIds) => captures.stored(epochIds));
  const keeping = createKeeping({
    store,
    history,
    between: (task) => ingest.between(task),
    timers: { ...timers, turn: nodeTimers.turn },
    withoutErased,
    retentionMs: options.retentionMs,
    maxBytes: options.maxBytes,
    onEarliest: (earliest) => {
      if (earliest !== undefined) captures.forgetBefore(earliest);
    },
    onJump: ({ aheadMs, pausedMs }) =>
      log.error({ aheadMs, pausedMs }, "the clock jumped ahead: retention by age pauses"),
    onFailure: (error) => log.error({ err: error }, "a round of retention failed"),
  });
  const memory = new MemoryGate(nodeMemory(options.maxMemoryBytes), timers);
  const handleBatches = createIngestHandler({
    ingest,
    timers,
    memory,
    authorize: checkOrigin,
    onInternalError: (error) => log.error({ err: error }, "ingest failed"),
    onRefused: (refusal) => ingestLog.refused(refusal),
  });
  const isOutOfMemory = () => memory.isOutOfMemory;
  const gate = new QueryGate(nodeTimers, {}, isOutOfMemory);
  const threads = new WorkerThreads();
  const slices = new WorkerSlices(Math.min(MOST_SLICE_THREADS, availableParallelism()));
  const querying: QueryRunnerOptions = {
    history,
    threads,
    slices,
    timers: nodeTimers,
    now,
    report: (error) => {
      const id = randomUUID();
      log.error({ id, err: error }, "a query failed");
      return id;
    },
  };
  const queries = new QueryRunner(querying);
  const run = randomBytes(4).toString("hex");
  const live = new LiveHub({ history, now, timers: nodeTimers, run });
  const monitors = new Monitors({
    store,
    history,
    runner: new QueryRunner({ ...querying, limits: MONITOR_RUN_LIMITS }),
    timers: nodeTimers,
    newToken: () => randomBytes(4).toString("hex"),
    webhooks: nodeWebhooks,
    webhookHosts: options.webhookHosts ?? [],
    onAlert: (alert) => live.alert(alert),
    onFailure: (error) => log.error({ err: error }, "a round of a monitor failed"),
  });
  history.onAmended((ranges) => {
    live.amended(ranges);
    monitors.amended(ranges);
  });
  const episodes = episodePort({
    ...{ history, captures, saved: keeping.saved },
    wallMs: () => timers.wallMs(),
  });
  const actions = new EpisodeActions(episodes, () => timers.monotonicMs());
  const watch = new EpisodeWatch({
    ...{ history, now },
    nowMs: () => timers.monotonicMs(),
    after: (ms, wake) => timers.after(ms, wake),
    onEpisode: (episode) => {
      live.bottleneck(toldEpisode({ actions, captures }, episode));
      void actions.told(episode);
    },
    onFailure: (error) => log.error({ err: error }, "a look for bottlenecks failed"),
  });
  ingest.onStored(() => watch.notify());
  const app = createApp({
    history,
    watch,
    actions,
    captures,
    keeping,
    gate,
    queries,
    monitors,
    isOutOfMemory,
    live,
    now,
    after: nodeTimers.after,
    isReady: () => store.failure === undefined && isReadable(store),
    ingestCounts: ingest.counts,
    uiDirectory: options.uiDirectory ?? builtUi(),
    report: (id, error) => log.error({ id, err: error }, "an answer failed"),
  });
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (!handleBatches(request, response)) app(request, response);
  };
  const server = createBoundedServer(handle, timers.after);
  // The other loopback: whoever says `localhost` may mean ::1.
  const twin = createBoundedServer(handle, timers.after);

  const stop = async () => {
    watch.close();
    live.close();
    queries.close();
    await Promise.all([closeServer(server), closeServer(twin)]);
    await monitors.close();
    await threads.close();
    await slices.close();
    await captures.close();
    await keeping.close();
    await ingest.close();
    await history.close();
    await store.close();
  };
  try {
    await listen(server, options.port ?? DEFAULT_PORT, host);
  } catch (error) {
    await stop();
    throw error;
  }
  captures.start();
  keeping.retention.start();
  monitors.start();
  history.notifyStored(); // checkpoints that the run before did not come to
  const { port } = server.address() as AddressInfo;
  if (host === DEFAULT_HOST) {
    await listen(twin, port, "::1").catch((error: RetroError) =>
      log.info({ reason: error.message }, "not listening on [::1] as well"),
    );
  }
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    history,
    counts: ingest.counts,
    failed,
    close() {
      closed ??= stop();
      return closed;
    },
  };
}

/** Whether the store still gives answers: one small read. */
function isReadable(store: HistoryStore): boolean {
  try {
    store.batchWithSeq(0, 1);
    return true;
  } catch {
    return false;
  }
}

/** Beside the compiled collector; for sources, in dist as well. */
function builtUi(): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isSource ? "../dist/ui" : "../ui", import.meta.url));
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)));
    server.listen(port, host, () => resolve());
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): RetroError {
  if (error.code === "EADDRINUSE") {
    return new RetroError("port-in-use", `port ${port} of ${host} is in use`, {
      hint: "Is a collector running already? Stop it, or choose another port with --port.",
      cause: error,
    });
  }
  return new RetroError("bad-config", `cannot listen on ${host}:${port}: ${error.message}`, {
    hint: "Use 127.0.0.1 and a port above 1023.",
    cause: error,
  });
}

/** Lets running answers end, for `DRAIN_MS`; then cuts off. Does nothing to a server that never listened. */
function closeServer(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
