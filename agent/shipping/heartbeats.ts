/**
 * Heartbeats: empty batches, each in a request of its own, so that no event waits behind one.
 *
 *     held      after a second of silence; the collector may keep it open for a second to answer with a
 *               command, so that one reaches an idle agent at once
 *     urgent    when there are tidings, or side blocks in a hurry: at once, whatever else is under way, a held one
 *               included
 *
 * Where events are shipped on demand, heartbeats are all that is sent, so one is always on its way: neither
 * batches of captures, which may go on for a minute, nor an answer with a command put the next one off.
 *
 * One that is lost keeps commands away, and what it declared, until it is given up. That is soon: a collector
 * gives a capture up 10 s after its end, and an empty batch needs no time to travel.
 */
import type { IngestReply } from "../kernel/index.ts";
import { isHeard } from "./answers.ts";
import type { Status } from "./batch-press.ts";
import type { QueuedBatch } from "./batch-queue.ts";
import type { Courier } from "./courier.ts";
import type { Outbox } from "./outbox.ts";
import type { Reach } from "./reach.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SideSource } from "./side-source.ts";
import type { Tidings } from "./tidings.ts";

export const HEARTBEAT_MS = 1_000;
const HOLD_MS = 1_000;
/** Beyond the time that it may be held open. */
const HEARTBEAT_TIMEOUT_MS = 3_000;
/** On demand, the least between an answer that came early and the next heartbeat. */
const MIN_BEAT_MS = 100;

export interface HeartbeatsOptions {
  readonly scheduler: Scheduler;
  readonly courier: Courier;
  readonly outbox: Outbox;
  readonly reach: Reach;
  readonly tidings: Tidings;
  readonly side: SideSource;
  readonly isOnDemand: boolean;
  readonly intervalMs: () => number;
  readonly status: () => Status;
  /** What the collector said in answer, if it did. */
  readonly onReply: (batch: QueuedBatch, reply: IngestReply | undefined) => void;
}

export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #heldIsOut = false;
  #urgentIsOut = false;
  #isHurried = false;
  #nextMs = 0;
  #count = 0;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Sent since the start. */
  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#nextMs = this.#options.scheduler.nowMs() + HEARTBEAT_MS;
  }

  /** Side blocks must not wait for the next second: at the next tick, unless a batch took them along. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** A batch was sent: that is a sign of life too. */
  putOff(): void {
    if (!this.#options.isOnDemand) this.start();
  }

  /** Sends one if it is time. Everything recorded has been cut or passed. `isBusy`: what waits must go first. */
  tick(isBusy: boolean): void {
    const { scheduler, reach, tidings, side } = this.#options;
    if (!reach.isFree) return;
    const now = scheduler.nowMs();
    const isHurried = this.#isHurried && side.count > 0;
    if ((tidings.hasNews || isHurried) && !this.#urgentIsOut) this.#sendUrgent();
    else if (!isBusy && !this.#heldIsOut && now >= this.#nextMs) this.#sendHeld(now);
  }

  #sendUrgent(): void {
    this.#isHurried = false;
    this.#urgentIsOut = true;
    this.#send(0, () => {
      this.#urgentIsOut = false;
    });
  }

  #sendHeld(now: number): void {
    const { scheduler, isOnDemand, intervalMs } = this.#options;
    this.#nextMs = now + intervalMs();
    this.#heldIsOut = true;
    this.#send(HOLD_MS, () => {
      this.#heldIsOut = false;
      if (isOnDemand) this.#nextMs = Math.min(this.#nextMs, scheduler.nowMs() + MIN_BEAT_MS);
    });
  }

  #send(holdMs: number, done: () => void): void {
    const { courier, outbox, reach, tidings, status, onReply } = this.#options;
    const batch = outbox.heartbeat(status());
    this.#count += 1;
    courier.send([batch], { timeoutMs: HEARTBEAT_TIMEOUT_MS, holdMs }, (reply) => {
      done();
      if (reply.kind === "acked") {
        reach.succeeded();
        if (isHeard(batch, reply.reply)) tidings.heard(batch.tidings);
        else tidings.disowned(batch.tidings);
      } else {
        reach.failed(reply);
        outbox.heartbeatFailed(batch);
        tidings.notHeard(batch.tidings);
      }
      onReply(batch, reply.kind === "acked" ? reply.reply : undefined);
    });
  }
}
