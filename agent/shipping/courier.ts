/**
 * The courier: one request out, and exactly one answer to it, however the transport behaves. A transport
 * that throws, rejects, gives no reply, or never ends is a `failed` reply here.
 */
import type { QueuedBatch } from "./batch-queue.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SendOptions, Transport, TransportReply } from "./transport.ts";

/** A transport that keeps no deadline of its own is given up this much later. */
const TIMEOUT_GRACE_MS = 1_000;
const REPLY_KINDS: readonly unknown[] = ["acked", "refused", "too-large", "unauthorized", "failed"];

export class Courier {
  readonly #transport: Transport;
  readonly #scheduler: Scheduler;
  readonly #onError: (error: unknown) => void;
  readonly #deadlines = new Set<() => void>();
  #isClosed = false;

  constructor(transport: Transport, scheduler: Scheduler, onError: (error: unknown) => void) {
    this.#transport = transport;
    this.#scheduler = scheduler;
    this.#onError = onError;
  }

  /** Calls `then` once, unless closed before; what it throws goes to `onError`. */
  send(
    batches: readonly QueuedBatch[],
    options: SendOptions,
    then: (reply: TransportReply) => void,
  ): void {
    let isAnswered = false;
    const answer = (reply: TransportReply): void => {
      if (isAnswered) return;
      isAnswered = true;
      cancel();
      this.#deadlines.delete(cancel);
      if (this.#isClosed) return;
      try {
        then(reply);
      } catch (error) {
        this.#onError(error);
      }
    };
    const broke = (error: unknown): void => {
      if (isAnswered) return;
      this.#onError(error); // a transport never throws or rejects: that is a bug in it
      answer({ kind: "failed", retryAfterMs: null, message: "the transport threw" });
    };
    const limitMs = options.timeoutMs + options.holdMs + TIMEOUT_GRACE_MS;
    const cancel = this.#scheduler.after(limitMs, () =>
      answer({ kind: "failed", retryAfterMs: null, message: "the transport never answered" }),
    );
    this.#deadlines.add(cancel);
    try {
      const sent = this.#transport.send(
        batches.map(({ bytes }) => bytes),
        options,
      );
      sent.then((reply) => {
        try {
          if (isReply(reply)) answer(reply);
          else broke(new Error("the transport gave no reply"));
        } catch (error) {
          broke(error); // a reply that cannot even be read; thrown on, it would end the host
        }
      }, broke);
    } catch (error) {
      broke(error);
    }
  }

  /** Ends what is under way; its answer is a failure. */
  hangUp(): void {
    try {
      this.#transport.close();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Answers are no longer wanted. */
  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#deadlines) cancel();
    this.hangUp();
  }
}

function isReply(reply: unknown): reply is TransportReply {
  return REPLY_KINDS.includes((reply as { readonly kind?: unknown } | null)?.kind);
}
