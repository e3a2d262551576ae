/**
 * One node under load: sends batches over HTTP as an agent does, with repeats, overlaps and changed cuts,
 * and after each failure sends again whatever was not acknowledged. Keeps its book (book.mjs).
 */
import { Agent, request } from "node:http";
import { BATCH_MEDIA_TYPE, BatchBuilder, encodeBatch, KindCode } from "#dist/agent/kernel/index.js";
import { sleep } from "../agent/waiting.mjs";
import { EPOCH, LOG } from "./book.mjs";

const REQUEST_LIMIT_MS = 60_000;
const LONGEST_PAUSE_MS = 1_000;
const AFTER_FAILURE_MS = 25;

export const nowMs = () => performance.timeOrigin + performance.now();

export class Writer {
  book;
  /** Replies by status; 0: none came. */
  statuses = new Map();
  /** Milliseconds from request to acknowledgement. */
  latencies = [];
  /** Refusals that say neither when to come back nor a code. */
  unclear = [];
  #random;
  #options;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor({ book, random, ...options }) {
    this.book = book;
    this.#random = random;
    this.#options = {
      eventsPerBatch: 300,
      batchesPerBody: 3,
      pauseMs: 10,
      drops: true,
      ...options,
    };
  }

  /** Sends until told otherwise. `port()` is where the collector listens now. */
  async run(port, isOn) {
    while (isOn()) {
      const status = await this.sendOnce(port());
      if (status === 200) await sleep(this.#random() * 2 * this.#options.pauseMs);
      else if (status === 0) await sleep(AFTER_FAILURE_MS);
    }
  }

  /** Sends what is recorded and not acknowledged, and nothing new. */
  async drain(port, limitMs = 30_000) {
    const end = performance.now() + limitMs;
    while (this.book.acknowledged < this.book.recorded) {
      if (performance.now() > end) return false;
      const status = await this.sendOnce(port(), { onlyOld: true });
      if (status === 0) await sleep(AFTER_FAILURE_MS);
    }
    return true;
  }

  close() {
    this.#agent.destroy();
  }

  /** One request; resolves to its status, 0 if there was no reply. */
  async sendOnce(port, { onlyOld = false } = {}) {
    const body = this.#nextBody(onlyOld);
    const start = performance.now();
    const reply = await this.#post(port, body);
    this.statuses.set(reply.status, (this.statuses.get(reply.status) ?? 0) + 1);
    if (reply.status === 200) {
      this.latencies.push(performance.now() - start);
      this.#take(reply.body);
    } else if (reply.status !== 0) {
      const code = reply.body?.error?.code;
      const after = Number(reply.retryAfter);
      if (![429, 503].includes(reply.status) || code === undefined || !(after > 0))
        this.unclear.push(`${reply.status} ${code} retry-after ${reply.retryAfter}`);
      await sleep(Math.min(LONGEST_PAUSE_MS, (after || 1) * 1_000) * (0.5 + this.#random() / 2));
    }
    return reply.status;
  }

  #take({ acks }) {
    const { book } = this;
    const atMs = nowMs();
    for (const ack of acks) {
      if (ack.node !== book.node || ack.epoch !== EPOCH || ack.conflict === true) continue;
      // A batch after a hole may be acknowledged: what counts is how far all are.
      if (ack.firstSeq <= book.acknowledged + 1 && ack.lastSeq > book.acknowledged)
        book.acknowledged = ack.lastSeq;
      book.repeatedCount += ack.lastSeq - ack.firstSeq + 1 - ack.storedCount;
    }
    this.#passDrops();
    book.acks.push({ atMs, seq: book.acknowledged });
  }

  /** A drop is told with the batch behind it: what stands before that batch is acknowledged as well. */
  #passDrops() {
    const { book } = this;
    if (book.isDropped(book.acknowledged + 1))
      book.acknowledged = book.dropFrom(book.acknowledged + 1).last;
  }

  #nextBody(onlyOld) {
    const { book } = this;
    const random = this.#random;
    const { eventsPerBatch, batchesPerBody, drops } = this.#options;
    const frames = [];
    const count = 1 + Math.floor(random() * batchesPerBody);
    const back = random() < 0.3 ? Math.floor(random() * 40) : 0;
    let first = Math.max(1, book.acknowledged + 1 - back);
    for (let i = 0; i < count; i += 1) {
      first = this.#afterDrop(first);
      if (onlyOld && first > book.recorded) break;
      let last = first + Math.floor(random() * eventsPerBatch);
      if (onlyOld) last = Math.min(last, book.recorded);
      // A batch ends where a dropped range begins.
      const next = book.dropFrom(first);
      if (next !== undefined) last = Math.min(last, next.first - 1);
      frames.push(this.#batch(first, last));
      book.recorded = Math.max(book.recorded, last);
      const mayDrop = drops && !onlyOld && last === book.recorded && last > 100;
      if (mayDrop && random() < 0.05) book.drop(last + 1, last + 1 + Math.floor(random() * 30));
      first = random() < 0.1 && book.kindOf(last) === "set" ? Math.max(1, last - 20) : last + 1;
    }
    if (frames.length === 0) frames.push(this.#batch(1, 1));
    return Buffer.concat(frames);
  }

  /** The first seq at or after this one that was not dropped. */
  #afterDrop(seq) {
    return this.book.isDropped(seq) ? this.book.dropFrom(seq).last + 1 : seq;
  }

  #batch(first, last) {
    const { book } = this;
    const builder = new BatchBuilder();
    for (let seq = first; seq <= last; seq += 1) {
      const t = book.timeOf(seq);
      const kind = book.kindOf(seq);
      if (kind === "join")
        builder.body(t, { kind, service: "faults", tags: {}, instance: book.node });
      else if (kind === "mark") builder.body(t, { kind, text: book.markOf(seq) });
      else if (kind === "keyframe")
        builder.body(t, { kind, log: LOG, state: new Map(Object.entries(book.stateAt(seq))) });
      else builder.change(t, KindCode.set, LOG, book.keyOf(seq), book.valueOf(seq));
    }
    // With the keyframe behind it; no batch reaches over one.
    const told = book.kindOf(first) === "keyframe" ? [book.dropFrom(first - 1)] : [];
    const dropped = told.map((drop) => ({
      firstSeq: drop.first,
      lastSeq: drop.last,
      firstT: book.timeOf(drop.first),
      lastT: book.timeOf(drop.last),
      logs: null,
      messages: true,
      reason: "overflow",
    }));
    const closed = book.timeOf(last);
    const header = { node: book.node, service: "faults", epoch: EPOCH, firstSeq: first, closed };
    return encodeBatch(builder.build({ ...header, dropped }));
  }

  #post(port, body) {
    return new Promise((resolve) => {
      const lost = () => resolve({ status: 0 });
      const sent = request(
        {
          ...{ host: "127.0.0.1", port, method: "POST", path: "/v1/batches" },
          ...{ agent: this.#agent, timeout: REQUEST_LIMIT_MS },
          headers: { "content-type": BATCH_MEDIA_TYPE, "content-length": body.length },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (part) => {
            text += part;
          });
          response.on("error", lost);
          response.on("end", () => {
            if (!response.complete) return lost();
            try {
              const retryAfter = response.headers["retry-after"];
              resolve({ status: response.statusCode, body: JSON.parse(text), retryAfter });
            } catch {
              lost();
            }
          });
        },
      );
      sent.on("timeout", () => sent.destroy());
      sent.on("error", lost);
      sent.end(body);
    });
  }
}
