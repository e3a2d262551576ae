/**
 * The hook on kafkajs: its clients' `producer` and `consumer` give wrapped ones. Entries of the package:
 * `Kafka.prototype`, which importers of both module systems share; by hand an instance, for bundles.
 *
 *     send, sendBatch, transaction   kafkajs-producer.ts
 *     eachMessage, eachBatch         kafkajs-consumer.ts
 *
 * What was made before the hook stood is left alone. A client with the property UNTRACED too.
 */
import type { HookGuard } from "./hook-guard.ts";
import { wrapConsumer } from "./kafkajs-consumer.ts";
import { wrapProducer } from "./kafkajs-producer.ts";
import { type AnyFunction, hasMethods, isObject, type KafkaClient } from "./kafkajs-shapes.ts";
import { KafkaSide } from "./kafkajs-side.ts";
import type { PackageHook } from "./package-hook.ts";
import { type HookContext, UNTRACED } from "./stamping.ts";

type Wrap = (made: unknown, options: Record<string, unknown>, side: KafkaSide) => void;

/** What was wrapped, and by which hook: a class and its instance may both be hooked, or one twice. */
const wrappedBy = new WeakMap<object, HookGuard>();

export const kafkajsHook: PackageHook = {
  name: "kafkajs",
  packageName: "kafkajs",
  entries: ["index.js"],

  /** @param exports the package's, or one client */
  install(exports: unknown, context: HookContext, guard: HookGuard): () => void {
    const client = clientOf(exports);
    const side = new KafkaSide(context, guard);
    const removals = [
      replace(client, "producer", side, (made, _options, to) => wrapProducer(made, to)),
      replace(client, "consumer", side, (made, options, to) =>
        wrapConsumer(made, options["groupId"], to),
      ),
    ];
    return () => {
      for (const remove of removals) remove();
    };
  },
};

function clientOf(exports: unknown): KafkaClient {
  const names = ["producer", "consumer"];
  if (hasMethods(exports, names)) return exports as KafkaClient;
  const Kafka = isObject(exports) ? exports["Kafka"] : undefined;
  const prototype: unknown = typeof Kafka === "function" ? Kafka.prototype : undefined;
  if (hasMethods(prototype, names)) return prototype as KafkaClient;
  throw new TypeError("no class or client with producer and consumer");
}

/** Replaces a method of the client; the result puts it back, unless somebody came after us. */
function replace(
  client: KafkaClient,
  name: "producer" | "consumer",
  side: KafkaSide,
  wrap: Wrap,
): () => void {
  if (wrappedBy.get(client[name])?.isOn === true) return () => undefined;
  const own = Object.getOwnPropertyDescriptor(client, name);
  const original = client[name];
  const hooked: AnyFunction = function (this: unknown, ...args) {
    const made = original.apply(this, args);
    if (!side.guard.isOn || !isObject(made)) return made;
    if ((this as { [UNTRACED]?: true } | undefined)?.[UNTRACED] === true) return made;
    if (wrappedBy.get(made)?.isOn === true) return made;
    side.guarded(() => {
      wrap(made, isObject(args[0]) ? args[0] : {}, side);
      wrappedBy.set(made, side.guard);
    });
    return made;
  };
  wrappedBy.set(hooked, side.guard);
  Object.defineProperty(client, name, {
    value: hooked,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (client[name] !== hooked) return;
    if (own === undefined) delete (client as Partial<KafkaClient>)[name];
    else Object.defineProperty(client, name, own);
  };
}
