/** Topics and groups of names that nobody has, so that tests may share a broker. */
import { randomUUID } from "node:crypto";
import { Kafka, type KafkaConfig, logLevel } from "kafkajs";

/** A client that logs nothing and gives up soon. */
export function kafkaClient(address: string, config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    brokers: [address],
    clientId: "retroscope-test",
    logLevel: logLevel.NOTHING,
    retry: { retries: 5, initialRetryTime: 100 },
    ...config,
  });
}

export function freshName(what: string): string {
  return `${what}-${randomUUID().slice(0, 8)}`;
}

/** Makes a topic, and waits until its leader stands. */
export async function freshTopic(address: string, partitions = 1): Promise<string> {
  const topic = freshName("topic");
  const admin = kafkaClient(address).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions }],
      waitForLeaders: true,
    });
  } finally {
    await admin.disconnect();
  }
  return topic;
}
