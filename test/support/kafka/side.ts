/** One node in a test of the Kafka hook: a real recorder, a hooked client of its own, a real broker. */
import type { Consumer, Kafka, KafkaConfig, KafkaMessage } from "kafkajs";
import { AnchoredClock } from "../../../agent/kernel/index.ts";
import { PeerList } from "../../../agent/propagation/destinations.ts";
import { HookGuard } from "../../../agent/propagation/hook-guard.ts";
import { kafkajsHook } from "../../../agent/propagation/kafkajs-hook.ts";
import { RefusedStamps } from "../../../agent/propagation/refused-stamps.ts";
import { SpentStamps } from "../../../agent/propagation/spent-stamps.ts";
import type { HookContext } from "../../../agent/propagation/stamping.ts";
import { ArrayRecorder } from "../message-recorder.ts";
import { freshName, kafkaClient } from "./topics.ts";

const WAIT_MS = 15_000;

export class KafkaNode {
  readonly kafka: Kafka;
  readonly recorder: ArrayRecorder;
  readonly guard: HookGuard;
  readonly context: HookContext;
  readonly reports: string[] = [];
  readonly #remove: () => void;
  readonly #closing: (() => Promise<void>)[] = [];

  constructor(
    name: string,
    address: string,
    { propagateTo = [], ...config }: Partial<KafkaConfig> & { propagateTo?: string[] } = {},
  ) {
    this.recorder = new ArrayRecorder(name, 7, new AnchoredClock());
    this.kafka = kafkaClient(address, config);
    this.guard = new HookGuard("kafkajs", (...report) => this.reports.push(report.join(" ")));
    this.context = {
      recorder: this.recorder,
      destinations: new PeerList(propagateTo),
      senders: new PeerList(),
      refused: new RefusedStamps(),
      spent: new SpentStamps(),
    };
    this.#remove = kafkajsHook.install(this.kafka, this.context, this.guard);
    this.guard.activate();
  }

  async producer(...args: Parameters<Kafka["producer"]>): Promise<ReturnType<Kafka["producer"]>> {
    const producer = this.kafka.producer(...args);
    this.#closing.push(() => producer.disconnect());
    await producer.connect();
    return producer;
  }

  consumer(topic: string, group: string = freshName("group")): Promise<Consumer> {
    return this.consumerOf({ groupId: group }, [topic]);
  }

  /** A consumer that starts at the beginning; `run` is the test's. */
  async consumerOf(
    config: Parameters<Kafka["consumer"]>[0],
    topics: readonly string[],
  ): Promise<Consumer> {
    const consumer = this.kafka.consumer({ maxWaitTimeInMs: 100, ...config });
    this.#closing.push(() => consumer.disconnect());
    await consumer.connect();
    for (const topic of topics) await consumer.subscribe({ topic, fromBeginning: true });
    return consumer;
  }

  /** Consumes until so many messages came. */
  async messages(topic: string, count: number): Promise<KafkaMessage[]> {
    const consumer = await this.consumer(topic);
    const found: KafkaMessage[] = [];
    await consumer.run({ eachMessage: async ({ message }) => void found.push(message) });
    await until(() => found.length >= count, `${count} messages`);
    return found;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
    this.#remove();
    this.guard.close();
  }
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
