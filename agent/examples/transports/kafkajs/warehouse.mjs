// The warehouse: takes orders by the batch and answers each batch with one transaction. ES modules.
// A first attempt is aborted, as it happens: its messages were sent, and nobody receives them.
import { Kafka, logLevel } from "kafkajs";
import { getAgent } from "retroscope";
import { settings } from "./settings.cjs";

const { broker, topics } = settings();
const kafka = new Kafka({ clientId: "warehouse", brokers: [broker], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `warehouse-${topics.orders}`, maxWaitTimeInMs: 100 });
const producer = kafka.producer({
  transactionalId: `warehouse-${topics.shipments}`,
  idempotent: true,
  maxInFlightRequests: 1,
});
const stock = getAgent().log("stock");
let apples = 1_000;

await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: topics.orders, fromBeginning: true });
await consumer.run({
  eachBatch: async ({ batch }) => {
    // Forwarded with the headers they came with: the stamp among them is replaced.
    const messages = batch.messages.map(({ key, headers }) => ({ key, headers, value: "shipped" }));
    apples -= messages.length;
    stock.set("apples", apples);

    const regretted = await producer.transaction();
    await regretted.send({ topic: topics.shipments, messages });
    await regretted.abort();

    const transaction = await producer.transaction();
    await transaction.sendBatch({ topicMessages: [{ topic: topics.shipments, messages }] });
    await transaction.commit();
  },
});

process.once("SIGTERM", async () => {
  await Promise.all([consumer.disconnect(), producer.disconnect()]);
  await getAgent().close();
  process.exit();
});
