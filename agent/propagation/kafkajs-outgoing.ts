/**
 * Messages on their way out through kafkajs: copies that carry stamps, and what becomes of them.
 *
 * When a send is rejected, kafkajs does not say what arrived: it may have tried several times, with the
 * reply of an earlier attempt lost, and of a batch other partitions may have been written. So a message
 * is watched instead: its copy knows how often kafkajs read the headers to encode it.
 *
 *     never encoded                                  it never left: failed
 *     encoded once, alone, and refused by Kafka      written nowhere: failed
 *     anything else                                  it may have arrived: nothing is said
 *
 * A message called failed must not leave with its stamp after all (a request to another broker may still
 * wait when kafkajs gives up); if it does leave, it goes as the caller made it.
 */
import { carriersIn, removeCarrier, writeCarrier } from "./kafkajs-headers.ts";
import { isObject, type Message } from "./kafkajs-shapes.ts";
import type { MessageRecorder } from "./recorder.ts";
import type { SpentStamps } from "./spent-stamps.ts";
import { type StampedMessage, stampMessage } from "./stamping.ts";

export const KAFKA_CHANNEL = "kafka";

/** Kafka's words (as kafkajs spells them) for: this was not written, and will not be. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "CORRUPT_MESSAGE",
  "INVALID_TIMESTAMP",
  "INVALID_REQUIRED_ACKS",
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_VERSION",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
]);

/** The messages of one call of `send` or `sendBatch`. */
export class Outgoing {
  readonly #recorder: MessageRecorder;
  readonly #spent: SpentStamps;
  readonly #sent: SentMessage[] = [];
  #messageCount = 0;
  /** kafkajs is checking its arguments, and encodes nothing yet. */
  isBeingCalled = false;

  constructor(recorder: MessageRecorder, spent: SpentStamps) {
    this.#recorder = recorder;
    this.#spent = spent;
  }

  get sent(): readonly SentMessage[] {
    return this.#sent;
  }

  /** `messages` with stamps, as copies; what cannot be stamped stays what it is. */
  stamped(messages: readonly unknown[], peer: string): unknown[] {
    this.#messageCount += messages.length;
    return messages.map((message) => this.#stamped(message, peer));
  }

  /** The promise of the call was rejected. */
  rejected(error: unknown): void {
    const isRefused = this.#messageCount === 1 && isRefusal(error);
    for (const message of this.#sent) {
      if (message.encodedCount === 0 || (isRefused && message.encodedCount === 1)) message.fail();
    }
  }

  #stamped(message: unknown, peer: string): unknown {
    const headers = headersOf(message);
    if (headers === undefined) {
      this.#recorder.unstamped(peer, "out");
      return message;
    }
    const stamped = this.#stamp(peer, headers);
    if (stamped === null) return message;
    writeCarrier(headers, stamped.text);
    const sent = new SentMessage(this, this.#recorder, stamped, headers);
    this.#sent.push(sent);
    return copyOf(message as Message, sent);
  }

  #stamp(peer: string, headers: Record<string, unknown>): StampedMessage | null {
    const values = carriersIn(headers);
    const present = typeof values === "string" ? values : values?.[0];
    return stampMessage(this.#recorder, KAFKA_CHANNEL, peer, false, present, this.#spent);
  }
}

/** One message that left, or will, with a stamp. */
export class SentMessage {
  readonly #outgoing: Outgoing;
  readonly #recorder: MessageRecorder;
  readonly #message: StampedMessage;
  readonly #headers: Record<string, unknown>;
  encodedCount = 0;

  constructor(
    outgoing: Outgoing,
    recorder: MessageRecorder,
    message: StampedMessage,
    headers: Record<string, unknown>,
  ) {
    this.#outgoing = outgoing;
    this.#recorder = recorder;
    this.#message = message;
    this.#headers = headers;
  }

  /** What kafkajs gets to see, each time it looks. */
  headers(): unknown {
    if (this.#outgoing.isBeingCalled) return this.#headers;
    this.encodedCount += 1;
    if (!this.#message.settled) return this.#headers;
    this.#recorder.unstamped(this.#message.peer ?? KAFKA_CHANNEL, "out");
    const without = { ...this.#headers };
    removeCarrier(without);
    return without;
  }

  /** It is known that no message with this stamp arrived, or will. Once. */
  fail(): void {
    if (this.#message.settled) return;
    this.#message.settled = true;
    this.#recorder.sendFailed(this.#message.stamp, KAFKA_CHANNEL, this.#message.peer);
  }
}

/** `messages` without our header, for a cluster that must not see it; those that have none as they are. */
export function unstamped(
  messages: readonly unknown[],
  recorder: MessageRecorder,
  peer: string,
): unknown[] {
  return messages.map((message) => {
    recorder.unstamped(peer, "out");
    const headers = headersOf(message);
    if (headers === undefined || carriersIn(headers) === undefined) return message;
    removeCarrier(headers);
    return Object.assign(emptyLike(message as object), message, { headers });
  });
}

/**
 * A shallow copy of a message's headers, empty if it has none; `undefined` if kafkajs could not read
 * them. The caller's objects may be anything, down to getters that throw.
 */
function headersOf(message: unknown): Record<string, unknown> | undefined {
  if (!isObject(message)) return undefined;
  try {
    const { headers } = message;
    if (headers === undefined) return {};
    return isObject(headers) ? { ...headers } : undefined;
  } catch {
    return undefined;
  }
}

/** kafkajs encodes what a spread of the message gives; partitioners see the rest of it too. */
function copyOf(message: Message, sent: SentMessage): object {
  if (Object.getPrototypeOf(message) === Object.prototype) {
    return {
      ...message,
      get headers() {
        return sent.headers();
      },
      set headers(_) {},
    };
  }
  const copy = emptyLike(message);
  for (const [name, value] of Object.entries(message)) if (name !== "headers") copy[name] = value;
  return Object.defineProperty(copy, "headers", {
    get: () => sent.headers(),
    set: () => undefined,
    enumerable: true,
    configurable: true,
  });
}

function emptyLike(message: object): Record<string, unknown> {
  return Object.create(Object.getPrototypeOf(message) as object | null) as Record<string, unknown>;
}

function isRefusal(error: unknown): boolean {
  return isObject(error) && REFUSALS.has(error["type"]);
}
