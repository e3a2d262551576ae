/**
 * The producer's side: `send` and `sendBatch`, of producers and of their transactions, get copies of their
 * messages with stamps on them. Stamped at the call: from then on the caller's objects are not looked at.
 *
 * The messages of a transaction that was aborted count as failed, though consumers that ask for it
 * (`readUncommitted`) may have seen them. A transaction that was neither committed nor aborted says
 * nothing: the broker ends it some day.
 */
import type { ClusterDoor } from "./kafkajs-broker.ts";
import { Outgoing, type SentMessage, unstamped } from "./kafkajs-outgoing.ts";
import {
  type AnyFunction,
  copyWith,
  hasMethods,
  isObject,
  type Producer,
  type Sender,
  type Transaction,
} from "./kafkajs-shapes.ts";
import type { KafkaSide } from "./kafkajs-side.ts";

/** Sends of one transaction that an abort calls failed; of more, the first so many. */
export const MAX_TRANSACTION_SENDS = 10_000;

/** Wraps what `kafka.producer()` gave. @throws whatever: it is no producer as kafkajs makes them */
export function wrapProducer(producer: unknown, side: KafkaSide): void {
  if (!hasMethods(producer, ["send", "sendBatch", "transaction"])) {
    throw new TypeError("this producer has no send, sendBatch and transaction");
  }
  const known = producer as Producer;
  const door = side.doorOf(known);
  wrapSender(known, side, door, () => undefined);

  const { transaction } = known;
  known.transaction = function (this: unknown, ...args) {
    const began = transaction.apply(this, args);
    if (!side.guard.isOn || !isThenable(began)) return began;
    return began.then((made: unknown) => {
      side.guarded(() => wrapTransaction(made, side, door));
      return made;
    });
  };
}

function wrapTransaction(made: unknown, side: KafkaSide, door: ClusterDoor): void {
  if (!hasMethods(made, ["send", "sendBatch", "abort", "commit"])) {
    throw new TypeError("this transaction has no send, sendBatch, abort and commit");
  }
  const transaction = made as Transaction;
  const sent: SentMessage[] = [];
  wrapSender(transaction, side, door, (outgoing) => {
    for (const message of outgoing.sent) {
      if (sent.length < MAX_TRANSACTION_SENDS) sent.push(message);
    }
  });
  afterwards(transaction, "abort", () => {
    side.guarded(() => {
      for (const message of sent.splice(0)) message.fail();
    });
  });
  afterwards(transaction, "commit", () => {
    sent.length = 0;
  });
}

/** Calls `then` when a call of the method was fulfilled, before its caller hears of it. */
function afterwards(target: Transaction, name: "abort" | "commit", then: () => void): void {
  const method = target[name];
  target[name] = function (this: unknown, ...args) {
    const result = method.apply(this, args);
    if (!isThenable(result)) return result;
    return result.then((value: unknown) => {
      then();
      return value;
    });
  };
}

function wrapSender(
  sender: Sender,
  side: KafkaSide,
  door: ClusterDoor,
  onStamped: (outgoing: Outgoing) => void,
): void {
  sender.send = wrapSend(sender.send, side, onStamped, (record, outgoing) =>
    withStamps(record, side, door, outgoing),
  );
  sender.sendBatch = wrapSend(sender.sendBatch, side, onStamped, (batch, outgoing) => {
    const { topicMessages } = batch;
    if (!Array.isArray(topicMessages)) return batch;
    return copyWith(batch, {
      topicMessages: topicMessages.map((record: unknown) =>
        isObject(record) ? withStamps(record, side, door, outgoing) : record,
      ),
    });
  });
}

function wrapSend(
  send: AnyFunction,
  side: KafkaSide,
  onStamped: (outgoing: Outgoing) => void,
  copyOf: (argument: Record<string, unknown>, outgoing: Outgoing) => unknown,
): AnyFunction {
  return function (this: unknown, ...args) {
    const [argument, ...more] = args;
    if (!side.guard.isOn || !isObject(argument)) return send.apply(this, args);
    const outgoing = new Outgoing(side.context.recorder, side.context.spent);
    let copy: unknown;
    try {
      copy = copyOf(argument, outgoing);
      onStamped(outgoing);
    } catch (error) {
      // What was stamped so far does not leave: the caller's own messages do.
      side.guard.caught(error);
      side.guarded(() => outgoing.rejected(error));
      return send.apply(this, args);
    }
    outgoing.isBeingCalled = true;
    try {
      const result = send.apply(this, [copy, ...more]);
      if (!isThenable(result)) return result;
      return result.then(undefined, (error: unknown) => {
        side.guarded(() => outgoing.rejected(error));
        throw error;
      });
    } catch (error) {
      side.guarded(() => outgoing.rejected(error));
      throw error;
    } finally {
      outgoing.isBeingCalled = false;
    }
  };
}

/** A copy of `{ topic, messages }` as it shall leave; what kafkajs would refuse stays as it is. */
function withStamps(
  record: Record<string, unknown>,
  side: KafkaSide,
  door: ClusterDoor,
  outgoing: Outgoing,
): unknown {
  const { topic, messages } = record;
  if (typeof topic !== "string" || !Array.isArray(messages)) return record;
  const peer = side.peerOf(topic);
  if (door.isTrusted === true)
    return copyWith(record, { messages: outgoing.stamped(messages, peer) });
  if (door.isTrusted === undefined) return record; // not connected: kafkajs refuses it
  return copyWith(record, { messages: unstamped(messages, side.context.recorder, peer) });
}

function isThenable(value: unknown): value is Promise<unknown> {
  return isObject(value) && typeof value["then"] === "function";
}
