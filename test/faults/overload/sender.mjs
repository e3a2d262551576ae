/** What is sent far too fast, and who sends it. */
import { Agent } from "node:http";
import {
  BATCH_MEDIA_TYPE,
  BatchBuilder,
  encodeBatch,
  KindCode,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { ask } from "./ask.mjs";

const EPOCH = 217_000_000_000;
const EVENTS = 32_768;

/**
 * One connection, and a body made before the load: it sends it, hears what it is told, and sends it again
 * at once. All connections of a node send the same, as agents do that lost their acknowledgements.
 */
export class Sender {
  node;
  acknowledged = 0;
  tries = 0;
  refusals = 0;
  strange = new Map();
  #body;
  #connections = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(node, body) {
    this.node = node;
    this.#body = body;
  }

  /** One request; resolves to its status. */
  async one(port) {
    this.tries += 1;
    const { status, headers, text } = await ask(port, "/v1/batches", {
      method: "POST",
      body: this.#body,
      agent: this.#connections,
      headers: { "content-type": BATCH_MEDIA_TYPE },
    });
    if (status === 200) {
      for (const { lastSeq } of JSON.parse(text).acks) {
        this.acknowledged = Math.max(this.acknowledged, lastSeq);
      }
    } else if ((status === 429 || status === 503) && headers["retry-after"] !== undefined) {
      this.refusals += 1;
    } else this.strange.set(status, (this.strange.get(status) ?? 0) + 1);
    return status;
  }
}

/** Some 3 MiB: `batchCount` batches, one after the other. */
export function bodyOf(node, batchCount) {
  const startT = ticksFromUnixMs(Date.now()) - 60_000 * 4_096;
  const frames = Array.from({ length: batchCount }, (_, i) => {
    const builder = new BatchBuilder();
    const firstSeq = 1 + i * EVENTS;
    const last = firstSeq + EVENTS - 1;
    for (let seq = firstSeq; seq <= last; seq += 1) {
      const t = startT + seq;
      if (seq === 1) builder.body(t, { kind: "join", service: "load", tags: {}, instance: node });
      else builder.change(t, KindCode.set, `log${seq % 4}`, `k${seq % 500}`, seq * 1.5);
    }
    const closed = startT + last;
    return encodeBatch(builder.build({ node, service: "load", epoch: EPOCH, firstSeq, closed }));
  });
  return Buffer.concat(frames);
}
