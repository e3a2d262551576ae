/** A history told batch by batch through ingest, for tests that write down what happened. */
import { encodeBatch, type Hlc, type RetroEvent } from "../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../collector/cut/create-history.ts";
import type { CutLimits } from "../../collector/cut/limits.ts";
import type { HistoryStore } from "../../collector/store/history-store.ts";
import { MemoryStore } from "../../collector/store/memory-store.ts";
import { anIngest, atTick } from "../collector/ingest/support.ts";
import { aBatch, type BatchFields, type Row } from "./batches.ts";
import { ManualTimers } from "./manual-timers.ts";

export interface ToldHistory {
  readonly history: LiveHistory;
  readonly timers: ManualTimers;
  readonly store: HistoryStore;
  /** Stores a batch of these rows; `closed` is the last t unless given. */
  /** Lets the collector's time pass, and who was silent for 60 s expire. */
  pass(ms: number): Promise<void>;
  /** The collector starts anew on the same store. */
  restart(): Promise<void>;
  tell(node: string, firstSeq: number, rows: readonly Row[], fields?: BatchFields): Promise<void>;
}

export function tellHistory(
  options: { readonly limits?: Partial<CutLimits>; readonly store?: HistoryStore } = {},
): ToldHistory {
  const store = options.store ?? new MemoryStore();
  const messageTimeoutMs = options.limits?.messageTimeoutMs;
  const ingestOptions = messageTimeoutMs === undefined ? {} : { messageTimeoutMs };
  let { ingest, timers: ingestTimers } = anIngest({ store, ...ingestOptions });
  const timers = new ManualTimers(0);
  const history = createHistory({ store, timers, limits: options.limits ?? {} });
  ingest.onStored((epochIds) => history.notifyStored(epochIds));
  return {
    history,
    timers,
    store,
    async pass(ms) {
      ingestTimers.advance(ms);
      await ingest.sweep();
    },
    async restart() {
      await ingest.close();
      ({ ingest, timers: ingestTimers } = anIngest({
        store,
        ...ingestOptions,
        timers: ingestTimers,
      }));
      ingest.onStored((epochIds) => history.notifyStored(epochIds));
    },
    async tell(node, firstSeq, rows, fields = {}) {
      await ingest.submit(encodeBatch(aBatch(rows, { node, firstSeq, service: "kv", ...fields })));
    },
  };
}

/** `ms` after the start of these histories. */
export function atMs(ms: number): Hlc {
  return atTick(ms * 4096);
}

export function join(t: Hlc): Row {
  return { t, kind: "join", service: "kv", tags: {}, instance: `i${t}` };
}

export function set(t: Hlc, log: string, key: string, value: number): Row {
  return { t, kind: "set", log, key, value };
}

export function send(t: Hlc, to: string | null = null, rest: Partial<SendRow> = {}): Row {
  const body = { channel: "http", peer: null, id: null, replaces: null, failed: false };
  return { t, kind: "send", to, ...body, streamed: false, ...rest };
}

export function receive(t: Hlc, node: string, epoch: number, seq: number, sentT: Hlc): Row {
  const rest = { channel: "http", peer: null, id: null, unverified: false, relayed: false };
  return { t, kind: "receive", from: { node, epoch, seq }, sentT, ...rest };
}

type SendRow = Omit<Extract<RetroEvent, { kind: "send" }>, "seq" | "t" | "kind">;
