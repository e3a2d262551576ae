/**
 * The door for Kafka, `retroscope/kafka`. Services that load kafkajs from `node_modules` need nothing of it:
 * the agent's hook finds it there. Loads without kafkajs.
 */
import type { Kafka } from "kafkajs";
import { getAgent } from "./start.ts";

/**
 * Instruments one client by hand, where a bundler has put kafkajs into the service's own file: producers
 * and consumers made from it afterwards carry the clock. Call it after `startAgent`, before `producer()`
 * and `consumer()`. A client that is instrumented already stays as it is; so does one while no agent runs
 * or the hook `kafkajs` was left out. Never throws.
 *
 * @returns the client it was given
 * @example
 * const kafka = instrumentKafka(new Kafka({ brokers: ["127.0.0.1:9092"] }));
 * const producer = kafka.producer();
 */
export function instrumentKafka<Client extends Pick<Kafka, "producer" | "consumer">>(
  kafka: Client,
): Client {
  const { producer, consumer } = (kafka ?? {}) as Partial<Client>;
  const agent = getAgent();
  if (typeof producer === "function" && typeof consumer === "function") {
    agent.instrument("kafkajs", kafka);
  } else {
    agent.notice("instrument-kafka", "instrumentKafka was given no client of kafkajs");
  }
  return kafka;
}
