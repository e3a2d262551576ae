// The shop: sends orders, and hears of shipments message by message. ES modules.
// Nothing here is about the clock: --import retroscope/register carries it.
import { Kafka, logLevel } from "kafkajs";
import { getAgent } from "retroscope";
import { settings } from "./settings.cjs";

const { broker, orders, topics } = settings();
const kafka = new Kafka({ clientId: "shop", brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `shop-${topics.shipments}`, maxWaitTimeInMs: 100 });
const log = getAgent().log("orders");

await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: topics.shipments, fromBeginning: true });
let shippedCount = 0;
let onAllShipped;
const allShipped = new Promise((resolve) => {
  onAllShipped = resolve;
});
await consumer.run({
  eachMessage: async ({ message }) => {
    log.set(String(message.key), "shipped");
    shippedCount += 1;
    if (shippedCount === orders) onAllShipped();
  },
});

for (let i = 0; i < orders; i += 10) {
  const keys = Array.from({ length: Math.min(10, orders - i) }, (_, j) => `order-${i + j}`);
  for (const key of keys) log.set(key, "placed");
  const messages = keys.map((key) => ({ key, value: JSON.stringify({ key, apples: 1 }) }));
  await producer.send({ topic: topics.orders, messages });
}
await allShipped;
await Promise.all([consumer.disconnect(), producer.disconnect()]);
