/**
 * A collector that captures, as a transport on virtual time: it holds heartbeats open until it has a
 * command, keeps what it is sent for a replay, and notes what agents say about captures and triggers.
 */
import {
  type AgentCommand,
  type AgentStatus,
  type BatchAck,
  type CaptureReport,
  decodeBatch,
  formatHlc,
  type Hlc,
  type TriggerRequest,
} from "../../agent/kernel/index.ts";
import type { SendOptions, Transport, TransportReply } from "../../agent/shipping/transport.ts";
import { EpochReplay } from "./replay.ts";
import type { VirtualScheduler } from "./virtual-scheduler.ts";

export class CaptureCollector implements Transport {
  readonly target = "captures";
  readonly epochs = new Map<number, EpochReplay>();
  readonly reports = new Map<string, CaptureReport>();
  readonly triggers = new Map<string, TriggerRequest>();
  readonly requests: {
    readonly atMs: number;
    readonly holdMs: number;
    readonly eventCount: number;
  }[] = [];
  readonly streams = new Set<unknown>();
  /** By seq, what was promised of all events behind it: they are later. */
  readonly promises = new Map<number, readonly Hlc[]>();
  /** What happens to the next request: it arrives, and its answer too; it arrives; or neither. */
  fate: () => "ok" | "reply lost" | "lost" = () => "ok";
  latencyMs = 5;
  readonly #scheduler: VirtualScheduler;
  readonly #commands: AgentCommand[] = [];
  readonly #held = new Set<() => void>();

  constructor(scheduler: VirtualScheduler) {
    this.#scheduler = scheduler;
  }

  epoch(epoch: number): EpochReplay {
    const replay = this.epochs.get(epoch) ?? new EpochReplay();
    this.epochs.set(epoch, replay);
    return replay;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  capture(id: string, from: Hlc, to: Hlc): void {
    const [fromText, toText] = [formatHlc(from), formatHlc(to)];
    this.command({ command: "window", node: "n1", id, from: fromText, to: toText });
  }

  /** Gives a command: with the reply that is held open, or the next. */
  command(command: AgentCommand): void {
    this.#commands.push(command);
    for (const release of [...this.#held]) release();
  }

  send(
    batches: readonly Uint8Array[],
    { holdMs, timeoutMs }: SendOptions,
  ): Promise<TransportReply> {
    const fate = this.fate();
    const { latencyMs } = this;
    const scheduler = this.#scheduler;
    return new Promise((resolve) => {
      const answer = (reply: TransportReply): void => {
        scheduler.after(latencyMs, () => resolve(reply));
      };
      const fail = (): void => {
        const reply = { kind: "failed", retryAfterMs: null, message: "timed out" } as const;
        scheduler.after(timeoutMs + holdMs, () => resolve(reply));
      };
      if (fate === "lost") {
        fail();
        return;
      }
      scheduler.after(latencyMs, () => {
        const acks = batches.map((bytes) => this.#store(bytes, holdMs));
        const reply = (): void => {
          if (!this.#held.delete(reply)) return;
          if (fate === "reply lost") fail();
          else answer({ kind: "acked", reply: { acks, commands: this.#commands.splice(0) } });
        };
        this.#held.add(reply);
        if (holdMs === 0 || this.#commands.length > 0) reply();
        else scheduler.after(holdMs, reply);
      });
    });
  }

  close(): void {
    // Nothing is open.
  }

  #store(bytes: Uint8Array, holdMs: number): BatchAck {
    const batch = decodeBatch(bytes);
    const { node, epoch, firstSeq, lastSeq, status } = batch.header;
    const eventCount = lastSeq - firstSeq + 1;
    this.requests.push({ atMs: this.#scheduler.nowMs(), holdMs, eventCount });
    this.epoch(epoch).take(batch);
    this.promises.set(lastSeq, [...(this.promises.get(lastSeq) ?? []), batch.header.closed]);
    const told = status as unknown as AgentStatus | null;
    if (told !== null) this.streams.add(told.stream);
    for (const report of told?.captures ?? []) this.reports.set(report.id, report);
    for (const trigger of told?.triggers ?? []) this.triggers.set(trigger.id, trigger);
    return { node, epoch, firstSeq, lastSeq, storedCount: eventCount };
  }
}
