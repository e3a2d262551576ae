/**
 * A busy system for the bench `cut`: ten nodes with a thousand variables each, that also send each other
 * five hundred messages a second each, nearly all received a few milliseconds later.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addMs, BatchBuilder, encodeBatch, type Hlc, KindCode } from "#dist/agent/kernel/index.js";
import { createHistory, type LiveHistory } from "#dist/collector/cut/create-history.js";
import { nodeTimers } from "#dist/collector/cut/node-timers.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import { seededRandom } from "../support/seeded-random.ts";
import { KEYS, keyName, NODES, nodeName, recordOf, START } from "./cut-workload.ts";

export const MESSAGES_PER_SECOND = 500;
/** Changes go with messages one to one: an event in half a millisecond and node. */
export const SECONDS = 180;
/** What is younger is not joined yet: a stretch of 33 s is, once it and a time-out are over. */
export const YOUNG_SECONDS = 65;
const TICKS_PER_MESSAGE = 4_096_000 / MESSAGES_PER_SECOND;
/** What an agent ships at once: a fifth of a second. */
const MESSAGES_PER_BATCH = MESSAGES_PER_SECOND / 5;
const DELAY_TICKS = 3 * 4_096;

export interface BusyHistory {
  readonly history: LiveHistory;
  readonly first: Hlc;
  /** Up to here messages are joined. */
  readonly last: Hlc;
  /** Of all. */
  readonly end: Hlc;
  close(): Promise<void>;
}

export async function storeBusyHistory(): Promise<BusyHistory> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-bench-messages-"));
  const store = await LmdbStore.open({ directory });
  for (let node = 0; node < NODES; node += 1) await storeNode(store, node);
  const history = createHistory({ store, timers: nodeTimers });
  history.notifyStored();
  await history.idle();
  return {
    history,
    first: addMs(START, 31_000),
    last: addMs(START, (SECONDS - YOUNG_SECONDS) * 1_000),
    end: addMs(START, SECONDS * 1_000),
    async close() {
      await history.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Of each message: a change, the send, and the receive of the message from the node before. */
async function storeNode(store: LmdbStore, node: number): Promise<void> {
  const id = store.nextEpochId();
  const random = seededRandom(node);
  const builder = new BatchBuilder();
  const before = (node + NODES - 1) % NODES;
  const next = nodeName((node + 1) % NODES);
  const batches = [];
  const messageCount = MESSAGES_PER_SECOND * SECONDS;
  let lastT = START;
  for (let i = 0; i < messageCount; i += MESSAGES_PER_BATCH) {
    for (let message = i; message < i + MESSAGES_PER_BATCH; message += 1) {
      const t = START + message * TICKS_PER_MESSAGE;
      const sentT = (t + 10) as Hlc;
      const key = keyName(Math.floor(random() * KEYS));
      builder.change(t as Hlc, KindCode.set, "accounts", key, message);
      builder.body(sentT, { kind: "send", to: next, peer: null, id: null, ...SEND });
      lastT = (sentT + DELAY_TICKS - 8_192) as Hlc;
      // Received in time: the message that was sent before this one's turn.
      const earlier = message - 1;
      const arrived = (START + earlier * TICKS_PER_MESSAGE + 10) as Hlc;
      const from = { node: nodeName(before), epoch: 1, seq: earlier * 3 + 2 };
      if (earlier >= 0) builder.body(lastT, { kind: "receive", from, sentT: arrived, ...RECEIVE });
      else builder.body(lastT, { kind: "mark", text: "begin" });
    }
    const header = { node: nodeName(node), service: "store", epoch: 1, firstSeq: i * 3 + 1 };
    const batch = builder.build({ ...header, closed: lastT });
    builder.reset();
    const { firstSeq, lastSeq, firstT } = batch.header;
    const bytes = encodeBatch(batch);
    batches.push({ epochId: id, firstSeq, lastSeq, firstT, lastT, arrivalMs: 0, bytes });
  }
  await store.write({
    batches,
    epochs: [recordOf(id, node, START, lastT, messageCount * 3)],
    violations: [],
    slowMessages: [],
    staleCheckpoints: [],
  });
}

const SEND = { channel: "http", replaces: null, failed: false, streamed: false };
const RECEIVE = { channel: "http", peer: null, id: null, unverified: false, relayed: false };
