/**
 * A transport that keeps what it is sent, in this process: for tests of services, and of ours. It
 * decodes and acknowledges everything, like a collector that never fails, until it is told to.
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

/**
 * How it fails:
 * - `down`: nobody answers, nothing arrives;
 * - `silent`: nobody answers and nobody refuses, until `recover`, a `close`, or for good;
 * - `reply-lost`: the batch arrives, its acknowledgement does not;
 * - `busy`: 503, to be tried again after a second;
 * - `refused`: 400, never to be sent again;
 * - `too-large`: 413, to be split;
 * - `unauthorized`: 401.
 */
export type FailureMode =
  | "down"
  | "silent"
  | "reply-lost"
  | "busy"
  | "refused"
  | "too-large"
  | "unauthorized";

const BUSY_MS = 1_000;
const CHECKSUM_BYTES = 4;

/**
 * A collector in memory.
 *
 * @example
 * const transport = new MemoryTransport();
 * const agent = startAgent({ service: "cart", transport });
 * agent.log("stock").set("apples", 12);
 * await agent.flush();
 * transport.events.map((event) => event.kind); // ["join", "set"]
 */
export class MemoryTransport implements Transport {
  readonly target = "memory";
  readonly #encoded: Uint8Array[] = [];
  readonly #commands: AgentCommand[] = [];
  readonly #known = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #mode: FailureMode | undefined;
  #failuresLeft = 0;
  #requestCount = 0;

  /** Every batch that arrived, in order, each once however often it was sent; heartbeats included. */
  get batches(): readonly Batch[] {
    return this.#encoded.map((bytes) => decodeBatch(bytes));
  }

  /** Every event that arrived, in order. */
  get events(): readonly RetroEvent[] {
    return this.batches.flatMap((batch) => [...eventsOf(batch)]);
  }

  /** How often the agent tried. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** Gives the agent a command with the next reply. */
  command(command: AgentCommand): void {
    this.#commands.push(command);
  }

  /**
   * Fails from now on.
   * @param options.times so often, then it is well again; default: until `recover`
   *
   * @example
   * transport.fail("down");
   * transport.fail("reply-lost", { times: 1 });
   */
  fail(mode: FailureMode, options: { readonly times?: number } = {}): void {
    this.#mode = mode;
    this.#failuresLeft = options.times ?? Number.POSITIVE_INFINITY;
  }

  /** Is well from now on; what hangs in `silent` fails. */
  recover(): void {
    this.#mode = undefined;
    this.#letGo();
  }

  /** For the agent: takes the batches, or fails as it was told. */
  async send(batches: readonly Uint8Array[], _options: SendOptions): Promise<TransportReply> {
    this.#requestCount += 1;
    const mode = this.#failuresLeft > 0 ? this.#mode : undefined;
    if (mode === undefined) return this.#take(batches);
    this.#failuresLeft -= 1;
    switch (mode) {
      case "silent":
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
        return failed("no answer");
      case "reply-lost":
        this.#take(batches);
        return failed("the reply was lost");
      case "busy":
        return { kind: "failed", retryAfterMs: BUSY_MS, message: "503" };
      case "refused":
        return { kind: "refused", status: 400, message: "told to refuse" };
      case "too-large":
        return { kind: "too-large" };
      case "unauthorized":
        return { kind: "unauthorized", status: 401 };
      default:
        return failed("connection refused");
    }
  }

  /** For the agent: what hangs in `silent` fails. What arrived stays. */
  close(): void {
    this.#letGo();
  }

  #take(batches: readonly Uint8Array[]): TransportReply {
    const acks: BatchAck[] = batches.map((bytes) => {
      const { node, epoch, firstSeq, lastSeq } = decodeHeader(bytes);
      // What is sent again is the same to the byte; a batch ends with its checksum.
      const checksum = Buffer.from(bytes.subarray(-CHECKSUM_BYTES)).toString("hex");
      const name = `${node} ${epoch} ${firstSeq} ${lastSeq} ${checksum}`;
      const isNew = !this.#known.has(name);
      this.#known.add(name);
      if (isNew) this.#encoded.push(bytes);
      return { node, epoch, firstSeq, lastSeq, storedCount: isNew ? lastSeq - firstSeq + 1 : 0 };
    });
    return { kind: "acked", reply: { acks, commands: this.#commands.splice(0) } };
  }

  #letGo(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function failed(message: string): TransportReply {
  return { kind: "failed", retryAfterMs: null, message };
}
