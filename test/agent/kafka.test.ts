/** The whole agent on Kafka, on a real broker: the hook as `startAgent` puts it in, and the door. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Kafka, logLevel } from "kafkajs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import { instrumentKafka } from "../../agent/kafka.ts";
import type { RetroEvent } from "../../agent/kernel/index.ts";
import { startAgent } from "../../agent/start.ts";
import { MemoryTransport } from "../../agent/testing.ts";
import { sharedKafka, skipNote } from "../support/kafka/shared-broker.ts";
import { until } from "../support/kafka/side.ts";
import { freshName, freshTopic, kafkaClient } from "../support/kafka/topics.ts";

const broker = await sharedKafka();
const address = broker.address ?? "";
let agent: Agent | undefined;
const closing: (() => Promise<void>)[] = [];

/** A copy of kafkajs that no watch on `node_modules` sees, as a bundler or a link would make it. */
const folder = mkdtempSync(join(tmpdir(), "retroscope-kafkajs-copy-"));
const require = createRequire(import.meta.url);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await agent?.close();
});

function start(hooks?: readonly string[]): MemoryTransport {
  const transport = new MemoryTransport();
  agent = startAgent({
    service: "shop",
    transport,
    quiet: true,
    ...(hooks === undefined ? {} : { hooks }),
  });
  return transport;
}

async function send(kafka: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer();
  closing.push(() => producer.disconnect());
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
}

async function consume(kafka: Kafka, topic: string, count: number): Promise<void> {
  const consumer = kafka.consumer({ groupId: freshName("group"), maxWaitTimeInMs: 100 });
  closing.push(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  await consumer.run({
    eachMessage: async () => {
      seen += 1;
    },
  });
  await until(() => seen === count, `${count} messages`);
}

async function messagesOf(transport: MemoryTransport): Promise<string[]> {
  await agent?.flush();
  const describe = (event: RetroEvent): string[] => {
    if (event.kind === "send") return [`send ${event.seq}`];
    return event.kind === "receive" ? [`receive ${event.from?.seq}`] : [];
  };
  return transport.events.flatMap(describe);
}

describe.skipIf(broker.missing !== undefined)(`an agent on Kafka${skipNote(broker)}`, () => {
  it("hooks the service's kafkajs by itself, and lets go of it when it is closed", async () => {
    const topic = await freshTopic(address);
    const before = kafkaClient(address).producer;
    const transport = start();
    expect(agent?.stats().hooks["kafkajs"]).toBe("active");
    const kafka = kafkaClient(address);
    await send(kafka, topic, ["one", "two"]);
    await consume(kafka, topic, 2);

    const [first, second, ...receives] = await messagesOf(transport);
    expect([first, second]).toEqual(["send 2", "send 3"]); // the join is the first event
    expect(receives).toEqual(["receive 2", "receive 3"]);
    expect(agent?.stats().unstamped).toEqual([]);
    expect(agent?.health).toBe("ok");
    await agent?.close();
    expect(kafkaClient(address).producer).toBe(before);
  });

  it("records a message for each consumer group of the process that received it", async () => {
    const topic = await freshTopic(address);
    const transport = start();
    const kafka = kafkaClient(address);
    await send(kafka, topic, ["one"]);
    await consume(kafka, topic, 1);
    await consume(kafka, topic, 1);

    expect(await messagesOf(transport)).toEqual(["send 2", "receive 2", "receive 2"]);
    const peers = transport.events.flatMap((event) =>
      event.kind === "receive" ? [event.peer?.split("@")[0]] : [],
    );
    expect(peers).toEqual([`kafka:${topic}`, `kafka:${topic}`]);
  });

  it("carries the clock through a copy of kafkajs that is handed to the door", async () => {
    cpSync(dirname(require.resolve("kafkajs/package.json")), folder, { recursive: true });
    const { Kafka: Copy } = require(folder) as typeof import("kafkajs");
    const topic = await freshTopic(address);
    const transport = start();
    const client = (): Kafka => new Copy({ brokers: [address], logLevel: logLevel.NOTHING });

    await send(client(), topic, ["not seen"]);
    expect(await messagesOf(transport)).toEqual([]);
    const kafka = client();
    expect(instrumentKafka(instrumentKafka(kafka))).toBe(kafka);
    await send(kafka, topic, ["seen"]);
    await consume(kafka, topic, 2);
    expect(await messagesOf(transport)).toEqual(["send 2", "receive 2"]);
    expect(agent?.stats().unstamped).toEqual([
      { peer: `kafka:${topic}`, direction: "in", count: 1 },
    ]);
  });

  it("does nothing where the hook was left out", async () => {
    const topic = await freshTopic(address);
    const transport = start(["http-client"]);
    await send(instrumentKafka(kafkaClient(address)), topic, ["one"]);
    expect(await messagesOf(transport)).toEqual([]);
  });
});

it("the door gives back whatever it was given, with an agent or without", () => {
  const strange = { producer: 1 } as never;
  expect(instrumentKafka(strange)).toBe(strange);
  expect(instrumentKafka(undefined as never)).toBe(undefined);
  start();
  expect(instrumentKafka(strange)).toBe(strange);
  expect(agent?.health).toBe("ok");
});
