/**
 * The consumer's side: `run` gets handlers that merge before the user's run. Of a batch all headers are
 * merged before its handler sees the first message, each as a receive of its own.
 *
 * A message comes again after a rebalance or when a handler threw, a whole batch at once: what this
 * consumer has recorded is remembered by the header's text, which names its send for good, in a slot
 * per offset. The memory is bounded; what it forgot is recorded again, and the collector takes the
 * first. Each consumer has its own: every consumer group receives a message for itself.
 */

import type { ClusterDoor } from "./kafkajs-broker.ts";
import { carriersIn } from "./kafkajs-headers.ts";
import { KAFKA_CHANNEL } from "./kafkajs-outgoing.ts";
import {
  type AnyFunction,
  type Consumer,
  copyWith,
  hasMethods,
  isObject,
  type Message,
} from "./kafkajs-shapes.ts";
import type { KafkaSide } from "./kafkajs-side.ts";
import { receiveMessage } from "./stamping.ts";

/** Messages remembered per consumer: a power of two, of some 60 characters each. */
const MAX_REMEMBERED = 8_192;
/** Spreads partitions over the slots. */
const PARTITION_STRIDE = 1_021;

/**
 * Wraps what `kafka.consumer()` gave.
 * @param group the consumer group, for the events
 * @throws whatever: it is no consumer as kafkajs makes them
 */
export function wrapConsumer(consumer: unknown, group: unknown, side: KafkaSide): void {
  if (!hasMethods(consumer, ["run"])) throw new TypeError("this consumer has no run");
  const known = consumer as Consumer;
  const inbox = new Inbox(side, side.doorOf(known), typeof group === "string" ? group : undefined);
  const { run } = known;
  known.run = function (this: unknown, ...args) {
    const [config, ...more] = args;
    if (!side.guard.isOn || !isObject(config)) return run.apply(this, args);
    let copy: unknown = config;
    side.guarded(() => {
      copy = withHandlers(config, inbox);
    });
    return run.apply(this, [copy, ...more]);
  };
}

/** A copy of what `run` was given, with our handlers around its own. */
function withHandlers(config: Record<string, unknown>, inbox: Inbox): Record<string, unknown> {
  const { eachMessage, eachBatch } = config;
  const copy = copyWith(config, {});
  if (typeof eachMessage === "function") {
    copy["eachMessage"] = before(eachMessage as AnyFunction, (one) => inbox.message(one));
  }
  if (typeof eachBatch === "function") {
    copy["eachBatch"] = before(eachBatch as AnyFunction, (one) => inbox.batch(one));
  }
  return copy;
}

function before(
  handler: AnyFunction,
  first: (payload: Record<string, unknown>) => void,
): AnyFunction {
  return function (this: unknown, ...args) {
    if (isObject(args[0])) first(args[0]);
    return handler.apply(this, args);
  };
}

class Inbox {
  readonly #side: KafkaSide;
  readonly #door: ClusterDoor;
  readonly #group: string | undefined;
  /** The last topic heard of, and its texts. */
  #topic: string | undefined;
  #peer = "";
  #countedAs = "";
  #recorded: (string | undefined)[] | undefined;

  constructor(side: KafkaSide, door: ClusterDoor, group: string | undefined) {
    this.#side = side;
    this.#door = door;
    this.#group = group;
  }

  /** Merges what `eachMessage` is about to see. Never throws. */
  message({ topic, partition, message }: Record<string, unknown>): void {
    if (!this.#side.guard.isOn) return;
    this.#side.guarded(() => this.#take(topic, partition, message));
  }

  /** Merges what `eachBatch` is about to see. Never throws. */
  batch({ batch }: Record<string, unknown>): void {
    if (!this.#side.guard.isOn || !isObject(batch)) return;
    this.#side.guarded(() => {
      const { topic, partition, messages } = batch;
      if (!Array.isArray(messages)) return;
      for (const message of messages) this.#take(topic, partition, message);
    });
  }

  #take(topic: unknown, partition: unknown, message: unknown): void {
    if (!isObject(message)) return;
    if (topic !== this.#topic) this.#enter(String(topic));
    const { recorder, refused } = this.#side.context;
    const values = carriersIn(message["headers"]);
    if (this.#door.isTrusted !== true) {
      // Strangers without a header are the outside world; one with a header is not believed.
      if (values === undefined) return;
      recorder.unstamped(this.#countedAs, "in");
      refused.add(values);
      return;
    }
    if (typeof values === "string" && this.#isRepeated(partition, message, values)) return;
    receiveMessage(
      this.#side.context,
      KAFKA_CHANNEL,
      values,
      this.#peer,
      this.#countedAs,
      this.#group,
    );
  }

  #enter(topic: string): void {
    this.#topic = topic;
    this.#countedAs = this.#side.peerOf(topic);
    this.#peer = this.#group === undefined ? this.#countedAs : `${this.#countedAs}@${this.#group}`;
  }

  #isRepeated(partition: unknown, message: Message, text: string): boolean {
    this.#recorded ??= new Array<string | undefined>(MAX_REMEMBERED);
    const place = Number(message.offset) + Number(partition) * PARTITION_STRIDE;
    const slot = place % MAX_REMEMBERED;
    if (!(slot >= 0)) return false; // no numbers
    if (this.#recorded[slot] === text) return true;
    this.#recorded[slot] = text;
    return false;
  }
}
