/**
 * A collector behind a bad network, as a transport: seeded, on virtual time. What it stored is what a
 * real one could know; batches it stored and did not acknowledge come again.
 */
import {
  type AgentCommand,
  type Batch,
  type BatchAck,
  decodeBatch,
  formatHlc,
  type Hlc,
} from "../../agent/kernel/index.ts";
import type { SendOptions, Transport, TransportReply } from "../../agent/shipping/transport.ts";
import { EpochReplay } from "./replay.ts";
import type { VirtualScheduler } from "./virtual-scheduler.ts";

/** What may happen to one request. */
export type Fate =
  | "ok"
  | "lost"
  | "reply lost"
  | "429"
  | "failed"
  | "refused"
  | "too large"
  | "unauthorized"
  | "acks none"
  | "never answers";

export class HostileCollector implements Transport {
  readonly target = "hostile";
  readonly epochs = new Map<string, EpochReplay>();
  /** Bytes by identity: whatever comes twice must come byte for byte. */
  readonly bytesOf = new Map<string, string>();
  readonly sentAtMs: number[] = [];
  readonly holds: number[] = [];
  readonly commands: AgentCommand[] = [];
  changedBytesCount = 0;
  outstanding = 0;
  maxOutstanding = 0;
  isClosed = false;
  /** The fate of the next request. */
  fate: () => Fate = () => "ok";
  /** Larger ones are 413. */
  maxBytes: number = Number.POSITIVE_INFINITY;
  known: { readonly epoch: number; readonly t: Hlc } | undefined;
  readonly #scheduler: VirtualScheduler;

  constructor(scheduler: VirtualScheduler) {
    this.#scheduler = scheduler;
  }

  epoch(node: string, epoch: number): EpochReplay {
    const name = `${node}/${epoch}`;
    let replay = this.epochs.get(name);
    if (replay === undefined) {
      replay = new EpochReplay();
      this.epochs.set(name, replay);
    }
    return replay;
  }

  send(batches: readonly Uint8Array[], options: SendOptions): Promise<TransportReply> {
    this.sentAtMs.push(this.#scheduler.nowMs());
    this.holds.push(options.holdMs);
    const isHeartbeat = options.holdMs > 0;
    if (!isHeartbeat) this.outstanding += 1;
    this.maxOutstanding = Math.max(this.maxOutstanding, this.outstanding);
    const reply = this.#replyTo(batches);
    const delayMs = this.#scheduler.random() * 40 + (isHeartbeat ? options.holdMs : 0);
    return new Promise((resolve) => {
      const answer = (value: TransportReply, ms: number): void => {
        this.#scheduler.after(ms, () => {
          if (!isHeartbeat) this.outstanding -= 1;
          resolve(value);
        });
      };
      if (reply === "silence") answer(failed("timed out"), options.timeoutMs);
      else if (reply === "never") {
        if (!isHeartbeat)
          this.#scheduler.after(options.timeoutMs + options.holdMs, () => (this.outstanding -= 1));
      } else answer(reply, delayMs);
    });
  }

  close(): void {
    this.isClosed = true;
  }

  #replyTo(batches: readonly Uint8Array[]): TransportReply | "silence" | "never" {
    const fate = this.fate();
    switch (fate) {
      case "lost":
        return "silence";
      case "429":
        return { kind: "failed", retryAfterMs: 500, message: "429" };
      case "failed":
        return failed("connection reset");
      case "refused":
        return { kind: "refused", status: 400, message: "bad" };
      case "too large":
        return { kind: "too-large" };
      case "unauthorized":
        return { kind: "unauthorized", status: 401 };
      case "never answers":
        return "never";
      default:
    }
    if (batches.some((bytes) => bytes.length > this.maxBytes)) return { kind: "too-large" };
    const acks = batches.map((bytes) => this.#store(bytes));
    if (fate === "reply lost") return "silence";
    if (fate === "acks none") return { kind: "acked", reply: { acks: [], commands: [] } };
    return { kind: "acked", reply: { acks, commands: this.commands.splice(0) } };
  }

  #store(bytes: Uint8Array): BatchAck {
    const batch: Batch = decodeBatch(bytes);
    const { node, epoch, firstSeq, lastSeq } = batch.header;
    if (lastSeq >= firstSeq) {
      const identity = `${node}/${epoch}/${firstSeq}-${lastSeq}`;
      const text = Buffer.from(bytes).toString("base64");
      const before = this.bytesOf.get(identity);
      if (before !== undefined && before !== text) this.changedBytesCount += 1;
      this.bytesOf.set(identity, text);
    }
    this.epoch(node, epoch).take(batch);
    const ack = { node, epoch, firstSeq, lastSeq, storedCount: lastSeq - firstSeq + 1 };
    if (firstSeq !== 1 || this.known === undefined) return ack;
    return { ...ack, known: { epoch: this.known.epoch, t: formatHlc(this.known.t) } };
  }
}

function failed(message: string): TransportReply {
  return { kind: "failed", retryAfterMs: null, message };
}
