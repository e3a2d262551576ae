/**
 * kafkajs as far as the hook touches it: shapes of 2.2, all unproven until looked at. The package's own
 * types are for those who call it rightly; a hook meets every caller.
 */

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** `Kafka.prototype`, or an instance. */
export interface KafkaClient {
  producer: AnyFunction;
  consumer: AnyFunction;
}

/** What tells which broker a client speaks to: `on(events.REQUEST, ...)`. */
export interface Observable {
  readonly events?: Readonly<Record<string, unknown>>;
  readonly on?: AnyFunction;
}

/** A producer, or the object of one transaction. */
export interface Sender {
  send: AnyFunction;
  sendBatch: AnyFunction;
}

export interface Producer extends Sender, Observable {
  transaction: AnyFunction;
}

export interface Transaction extends Sender {
  abort: AnyFunction;
  commit: AnyFunction;
}

export interface Consumer extends Observable {
  run: AnyFunction;
}

/** One message, going out or coming in; `headers` may be anything there. */
export interface Message {
  readonly headers?: unknown;
  readonly offset?: unknown;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Whether all of `names` are methods of `value`. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof value[name] === "function");
}

/**
 * A copy of what a caller gave, with `changes`. kafkajs takes arguments apart by name, so what a class says by
 * getters counts too: the copy has their values of now.
 *
 * @throws whatever a getter throws
 */
export function copyWith(
  given: Record<string, unknown>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const inherited: Record<string, unknown> = {};
  let prototype: unknown = Object.getPrototypeOf(given);
  while (isObject(prototype) && prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== "constructor") inherited[name] = given[name];
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return { ...inherited, ...given, ...changes };
}
