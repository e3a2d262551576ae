/**
 * What becomes of batches when their request is answered.
 *
 *     acked         those named are done; the others are sent again, three times at most
 *     in conflict   another process has that epoch: refused, and the epoch with it (outbox.disown)
 *     refused       given up; of several, each is sent alone to find the one that was meant
 *     too large     parted in two and sent again; given up if it cannot be parted
 *     failed        they stay, and are sent again byte for byte when reach.ts allows
 */
import { type BatchAck, type Hlc, type IngestReply, parseHlc } from "../kernel/index.ts";
import { isAckOf, type QueuedBatch } from "./batch-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { Reach } from "./reach.ts";
import type { TransportReply } from "./transport.ts";

/** Answers without an ack after which a batch counts as refused. */
const MAX_UNACKNOWLEDGED = 3;
/** Acks looked at in one answer: a request has fewer batches. */
const MAX_ACKS = 256;

/** What a collector knows of this node from before. */
export interface Known {
  readonly epoch: number;
  readonly t: Hlc | null;
}

export class Answers {
  readonly #outbox: Outbox;
  readonly #reach: Reach;
  /** Batches up to this one are sent one by one, to find the one that was refused. */
  #singleUpTo = 0;
  readonly #unacknowledged = new Map<number, number>();

  constructor(outbox: Outbox, reach: Reach) {
    this.#outbox = outbox;
    this.#reach = reach;
  }

  /** Batches that wait in the queue although an answer came that left them out. */
  get leftOutCount(): number {
    return this.#unacknowledged.size;
  }

  /** Whether this batch goes alone. */
  isSingle(batch: QueuedBatch): boolean {
    return batch.ordinal <= this.#singleUpTo;
  }

  /** Deals with the answer; the collector's words where it took at least one batch. */
  take(batches: readonly QueuedBatch[], reply: TransportReply): IngestReply | undefined {
    switch (reply.kind) {
      case "acked":
        return this.#acked(batches, reply.reply) ? reply.reply : undefined;
      case "refused":
        this.#reach.refusedBatch(reply.status, reply.message);
        this.#onlyOrSingle(batches, (batch) => this.#outbox.drop(batch, "refused"));
        return undefined;
      case "too-large":
        this.#onlyOrSingle(batches, (batch) => {
          if (!this.#outbox.split(batch)) this.#outbox.drop(batch, "refused");
        });
        return undefined;
      default:
        this.#reach.failed(reply);
        return undefined;
    }
  }

  /** Deals with the one batch that was refused; of several, each is sent alone to find it. */
  #onlyOrSingle(batches: readonly QueuedBatch[], deal: (batch: QueuedBatch) => void): void {
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) deal(only);
    else this.#singleUpTo = batches.at(-1)?.ordinal ?? 0;
  }

  #acked(batches: readonly QueuedBatch[], reply: IngestReply): boolean {
    const acks = acksOf(reply);
    const missing = batches.filter((batch) => !acks.some((ack) => isAckOf(ack, batch)));
    for (const batch of batches) {
      if (isInConflict(batch, reply)) this.#outbox.disown(batch);
    }
    for (const batch of batches) {
      if (missing.includes(batch)) continue;
      this.#unacknowledged.delete(batch.ordinal);
      if (!isInConflict(batch, reply)) this.#outbox.acknowledged(batch, isHeard(batch, reply));
    }
    const isTaken = missing.length < batches.length;
    if (isTaken) this.#reach.succeeded();
    else {
      this.#reach.failed({
        kind: "failed",
        retryAfterMs: null,
        message: "no batch was acknowledged",
      });
    }
    for (const batch of missing) this.#countUnacknowledged(batch);
    this.#forgetGone();
    return isTaken;
  }

  #countUnacknowledged(batch: QueuedBatch): void {
    const count = (this.#unacknowledged.get(batch.ordinal) ?? 0) + 1;
    if (count < MAX_UNACKNOWLEDGED) this.#unacknowledged.set(batch.ordinal, count);
    else this.#outbox.drop(batch, "refused");
  }

  /** What was given up, here or for want of room, is counted no longer: a collector may answer so for months. */
  #forgetGone(): void {
    const oldest = this.#outbox.queue.oldest?.ordinal ?? Number.POSITIVE_INFINITY;
    for (const ordinal of this.#unacknowledged.keys()) {
      if (ordinal < oldest) this.#unacknowledged.delete(ordinal);
    }
  }
}

/** The first of `ours` whose ack names something known that is not below it. */
export function knownAbove(ours: readonly QueuedBatch[], reply: IngestReply): Known | undefined {
  for (const batch of ours) {
    const known = acksOf(reply).find((ack) => isAckOf(ack, batch))?.known;
    if (known === undefined || !Number.isSafeInteger(known.epoch)) continue;
    const t = parseHlc(String(known.t)) ?? null;
    if (known.epoch >= batch.epoch || (t !== null && t >= batch.firstT)) {
      return { epoch: known.epoch, t };
    }
  }
  return undefined;
}

/**
 * Whether what the batch said of its agent was heard with it. Where the epoch is another's, or unknown to
 * the collector, or to be left for another reason, it may have been left aside.
 */
export function isHeard(batch: QueuedBatch, reply: IngestReply): boolean {
  if (isInConflict(batch, reply)) return false;
  const commands: unknown = reply.commands;
  if (!Array.isArray(commands)) return true;
  return !commands.some(
    (one) =>
      (one?.command === "rejoin" || one?.command === "node-in-use") && one.node === batch.node,
  );
}

/** Whether the collector says that another process has the batch's epoch. */
function isInConflict(batch: QueuedBatch, reply: IngestReply): boolean {
  return acksOf(reply).some((ack) => isAckOf(ack, batch) && ack.conflict === true);
}

/** The acks of a reply that came over the network: whatever is none is left out. */
function acksOf(reply: IngestReply | null): readonly BatchAck[] {
  const acks: unknown = reply?.acks;
  if (!Array.isArray(acks)) return [];
  return acks.slice(0, MAX_ACKS).filter((ack) => typeof ack === "object" && ack !== null);
}
