/**
 * A transport that keeps what it is sent, in this process: for tests of services, and of ours. It
 * decodes and acknowledges everything, like a collector that never fails.
 */
import {
  type AgentCommand,
  type Batch,
  type BatchAck,
  decodeBatch,
  decodeHeader,
  eventsOf,
  type RetroEvent,
} from "../kernel/index.ts";
import type { SendOptions, Transport, TransportReply } from "./transport.ts";

export class MemoryTransport implements Transport {
  readonly target = "memory";
  readonly #encoded: Uint8Array[] = [];
  readonly #commands: AgentCommand[] = [];

  /** Every batch sent, in order, heartbeats included. */
  get batches(): readonly Batch[] {
    return this.#encoded.map((bytes) => decodeBatch(bytes));
  }

  /** Every event sent, in order. */
  get events(): readonly RetroEvent[] {
    return this.batches.flatMap((batch) => [...eventsOf(batch)]);
  }

  /** Gives the agent a command with the next reply. */
  command(command: AgentCommand): void {
    this.#commands.push(command);
  }

  send(batches: readonly Uint8Array[], _options: SendOptions): Promise<TransportReply> {
    const acks: BatchAck[] = batches.map((bytes) => {
      this.#encoded.push(bytes);
      const { node, epoch, firstSeq, lastSeq } = decodeHeader(bytes);
      return { node, epoch, firstSeq, lastSeq, storedCount: lastSeq - firstSeq + 1 };
    });
    const commands = this.#commands.splice(0);
    return Promise.resolve({ kind: "acked", reply: { acks, commands } });
  }

  close(): void {
    // Nothing is open.
  }
}
