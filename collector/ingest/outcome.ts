/** What a request comes to: acknowledgements, commands for its nodes, and counts. */
import { type AgentCommand, type BatchAck, formatHlc } from "../../agent/kernel/index.ts";
import type { PreparedBatch } from "./prepare.ts";
import type { Standing } from "./standing.ts";

/** What a request is answered, once its group is durable. */
export interface Outcome {
  readonly acks: readonly BatchAck[];
  readonly commands: readonly AgentCommand[];
  readonly storedCount: number;
  /** Events that came again. */
  readonly repeatedCount: number;
  /** Batches that say other things about stored events: the first stored won. */
  readonly conflictCount: number;
  /** Batches that came again and were not compared with what is stored: see repeats.ts. */
  readonly uncomparedCount: number;
}

/** The same while the request is taken in. */
export class OutcomeDraft implements Outcome {
  readonly acks: BatchAck[] = [];
  readonly commands: AgentCommand[] = [];
  storedCount = 0;
  repeatedCount = 0;
  conflictCount = 0;
  uncomparedCount = 0;

  readonly #foreign = new Set<string>();

  /** Whether an earlier batch of this request was of another process's epoch, which this one is in too. */
  isForeign({ node, epoch }: PreparedBatch["header"]): boolean {
    return this.#foreign.has(`${epoch} ${node}`);
  }

  /** Acknowledges that nothing of the batch is stored: its epoch belongs to another process. */
  conflict({ node, epoch, firstSeq, lastSeq }: PreparedBatch["header"]): void {
    this.#foreign.add(`${epoch} ${node}`);
    this.conflictCount += 1;
    this.acks.push({ node, epoch, firstSeq, lastSeq, storedCount: 0, conflict: true });
    if (this.commands.every((one) => one.command !== "node-in-use" || one.node !== node)) {
      this.commands.push({ command: "node-in-use", node });
    }
  }

  ack(header: PreparedBatch["header"], storedCount: number, known?: Standing): void {
    const { node, epoch, firstSeq, lastSeq } = header;
    const ack = { node, epoch, firstSeq, lastSeq, storedCount };
    this.acks.push(
      known === undefined ? ack : { ...ack, known: { epoch: known.epoch, t: formatHlc(known.t) } },
    );
  }
}
