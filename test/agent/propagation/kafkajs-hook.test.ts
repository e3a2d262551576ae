/** The Kafka hook with the real kafkajs on a real broker: what is recorded, and what is left alone. */
import { createConnection } from "node:net";
import type { ISocketFactory, Message } from "kafkajs";
import { describe, expect, it } from "vitest";
import { formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { kafkajsHook } from "../../../agent/propagation/kafkajs-hook.ts";
import { UNTRACED } from "../../../agent/propagation/stamping.ts";
import { expectEdges, kafkaScene } from "../../support/kafka/scene.ts";
import { KafkaNode, until } from "../../support/kafka/side.ts";
import { freshTopic, kafkaClient } from "../../support/kafka/topics.ts";

const { address, isMissing, note, node } = await kafkaScene();
const HEADER = "retroscope-hlc";

describe.skipIf(isMissing)(`the kafkajs hook${note}`, () => {
  it("stamps a copy of each message and merges before eachMessage", async () => {
    const topic = await freshTopic(address);
    const [shop, stock] = [node("shop"), node("stock")];
    const producer = await shop.producer();
    const messages: Message[] = [
      { key: "k", value: "one", headers: { trace: "abc", many: ["x", "y"] } },
      { key: Buffer.from("k"), value: Buffer.from("two"), headers: {} },
      { key: "gone", value: null }, // a tombstone
    ];
    for (const message of messages) Object.freeze(Object.freeze(message).headers);
    await producer.send(Object.freeze({ topic, messages: Object.freeze(messages) as Message[] }));

    const consumer = await stock.consumer(topic);
    const seen: (readonly [value: string | undefined, receivesBefore: number, names: string[]])[] =
      [];
    await consumer.run({
      eachMessage: async ({ message }) => {
        const names = Object.keys(message.headers ?? {});
        seen.push([message.value?.toString(), stock.recorder.receives.length, names]);
      },
    });
    await until(() => seen.length === 3, "three messages");

    expect(seen).toEqual([
      ["one", 1, ["trace", "many", HEADER]],
      ["two", 2, [HEADER]],
      [undefined, 3, [HEADER]],
    ]);
    expect(messages.map(({ headers }) => Object.keys(headers ?? {}))).toEqual([
      ["trace", "many"],
      [],
      [],
    ]);
    expectEdges(shop.recorder, stock.recorder, 3);
    expect(shop.recorder.sends.map(({ channel, peer }) => [channel, peer])).toEqual(
      messages.map(() => ["kafka", `kafka:${topic}`]),
    );
    expect(stock.recorder.receives[0]?.channel).toBe("kafka");
    expect(stock.recorder.receives[0]?.peer).toMatch(new RegExp(`^kafka:${topic}@group-`));
  });

  it("merges a whole batch before eachBatch, each message as a receive of its own", async () => {
    const [one, two] = [await freshTopic(address, 3), await freshTopic(address)];
    const [shop, stock] = [node("shop"), node("stock")];
    const producer = await shop.producer();
    const several = (n: number) => Array.from({ length: n }, (_, i) => ({ value: `${i}` }));
    await producer.sendBatch({
      topicMessages: [
        { topic: one, messages: several(700) },
        { topic: two, messages: several(300) },
        { topic: one, messages: several(5) },
      ],
    });
    expect(shop.recorder.sends).toHaveLength(1_005);

    const consumer = await stock.consumerOf({ groupId: `g-${one}` }, [one, two]);
    let delivered = 0;
    const late: number[] = [];
    await consumer.run({
      eachBatch: async ({ batch }) => {
        delivered += batch.messages.length;
        if (stock.recorder.receives.length !== delivered) late.push(delivered);
      },
    });
    await until(() => delivered === 1_005, "all messages");
    expect(late).toEqual([]);
    expectEdges(shop.recorder, stock.recorder, 1_005);
  });

  it("gives a forwarded message a stamp of its own, whoever made the one it carries", async () => {
    const [first, second] = [await freshTopic(address), await freshTopic(address)];
    const [shop, relay, stock] = [node("shop"), node("relay"), node("stock")];
    const producer = await shop.producer();
    await producer.send({ topic: first, messages: [{ value: "from shop" }] });
    const forwarder = await relay.producer();
    await forwarder.send({ topic: first, messages: [{ value: "from relay itself" }] });

    const consumer = await relay.consumer(first);
    await consumer.run({
      eachMessage: async ({ message: { value, headers } }) => {
        await forwarder.send({ topic: second, messages: [{ value, headers: headers ?? {} }] });
      },
    });
    await stock.messages(second, 2);

    expectEdges(relay.recorder, stock.recorder, 2);
    // One of the two carried relay's own stamp: its message was received, and stands.
    expect(relay.recorder.sends.map(({ replaces }) => replaces)).toEqual([null, null, null]);
    const [, forwarded] = stock.recorder.receives;
    expect(forwarded?.from?.node).toBe("relay");
  });

  it("keeps a fresh stamp, replaces a stale one, and takes none twice", async () => {
    const topic = await freshTopic(address);
    const [shop, stock] = [node("shop"), node("stock")];
    const producer = await shop.producer();
    const stampByHand = (): string => {
      const stamp = shop.recorder.send("manual", null, false, null);
      return stamp === null ? "" : formatCarrier(stamp);
    };

    const fresh = { [HEADER]: stampByHand() };
    await producer.send({
      topic,
      messages: [
        { value: "keeps it", headers: fresh },
        { value: "shares the object", headers: fresh },
      ],
    });
    const stale = { "Retroscope-HLC": stampByHand() };
    shop.recorder.change();
    await producer.send({ topic, messages: [{ value: "stale", headers: stale }] });

    const found = await stock.messages(topic, 3);
    const seqs = found.map(({ headers }) => parseCarrier(String(headers?.[HEADER]))?.seq);
    expect(seqs[0]).toBe(parseCarrier(fresh[HEADER] ?? "")?.seq);
    expect(new Set(seqs).size).toBe(3);
    expect(Object.keys(found[2]?.headers ?? {})).toEqual([HEADER]);
    expectEdges(shop.recorder, stock.recorder, 3);
    const replaced = parseCarrier(stale["Retroscope-HLC"])?.seq;
    expect(shop.recorder.sends.map((send) => send.replaces)).toEqual([null, null, null, replaced]);
  });

  it("records a batch once, though it comes again after its handler threw", async () => {
    const topic = await freshTopic(address);
    const [shop, stock] = [node("shop"), node("stock")];
    const producer = await shop.producer();
    const messages = Array.from({ length: 1_000 }, (_, i) => ({ value: `${i}` }));
    await producer.send({ topic, messages });

    const consumer = await stock.consumer(topic);
    let calls = 0;
    await consumer.run({
      eachBatch: async () => {
        calls += 1;
        if (calls <= 2) throw new Error("not yet");
      },
    });
    await until(() => calls === 3, "the third delivery");
    expectEdges(shop.recorder, stock.recorder, 1_000);
  });

  it("does not show its header to a cluster beyond the allowed destinations, and believes none there", async () => {
    const topic = await freshTopic(address);
    const port = Number(address.split(":")[1]);
    const config = { brokers: [`kafka.example.com:${port}`], socketFactory: toLoopback };
    const [stranger, friend] = [
      node("stranger", config),
      node("friend", { ...config, propagateTo: ["*.example.com"] }),
    ];
    const headers = { [HEADER]: "1-01a1fed6007b0a70-k52.5f2-elsewhere", other: "stays" };
    await (await stranger.producer()).send({ topic, messages: [{ value: "1", headers }] });
    await (await friend.producer()).send({ topic, messages: [{ value: "2" }] });

    expect(stranger.recorder.sends).toEqual([]);
    expect([...stranger.recorder.unstampedCounts]).toEqual([[`out kafka:${topic}`, 1]]);
    const found = await stranger.messages(topic, 2);
    expect(found.map((message) => Object.keys(message.headers ?? {}))).toEqual([
      ["other"],
      [HEADER],
    ]);
    expect(stranger.recorder.receives).toEqual([]);
    expect(stranger.recorder.unstampedCounts.get(`in kafka:${topic}`)).toBe(1);
    await friend.messages(topic, 2);
    expectEdges(friend.recorder, friend.recorder, 1);
  });

  it("keeps its hands off a client marked as untraced, and off all once it is closed", async () => {
    const topic = await freshTopic(address);
    const shop = node("shop");
    const untraced = Object.assign(kafkaClient(address), { [UNTRACED]: true });
    const { producer: before } = untraced;
    const other = new KafkaNode("other", address);
    const off = await other.producer();
    other.guard.close();
    await off.send({ topic, messages: [{ value: "1" }] });
    await other.close();
    expect(other.recorder.events).toEqual([]);
    expect(untraced.producer).toBe(before);
    expect(Object.hasOwn(other.kafka, "producer")).toBe(false);

    Object.assign(shop.kafka, { [UNTRACED]: true });
    const producer = await shop.producer();
    await producer.send({ topic, messages: [{ value: "2" }] });
    const found = await shop.messages(topic, 2);
    expect(found.map(({ value, headers }) => [String(value), headers])).toEqual([
      ["1", {}],
      ["2", {}],
    ]);
    expect(shop.recorder.events).toEqual([]);
  });

  it("delivers messages with hostile headers, and counts what it could not read", async () => {
    const topic = await freshTopic(address);
    const stock = node("stock");
    const plain = kafkaClient(address).producer();
    await plain.connect();
    const valid = "1-01a1fed6007b0a70-k52.5f2-elsewhere";
    const values: unknown[] = [
      "",
      Buffer.alloc(0),
      Buffer.alloc(100_000, "1"),
      Buffer.from([0xff, 0xfe, 0, 1]),
      `${valid}x`.repeat(20),
      "2-01a1fed6007b0a70-k52.5f2-elsewhere",
      Array.from({ length: 500 }, () => "1-zz"),
      [Buffer.from("junk"), Buffer.from(valid)],
    ];
    const messages = values.map((value) => ({ value: "x", headers: { [HEADER]: value } }));
    await plain.send({ topic, messages: [...messages, { value: "x" }] as Message[] });
    await plain.disconnect();

    const found = await stock.messages(topic, messages.length + 1);
    expect(found).toHaveLength(messages.length + 1);
    expect(stock.recorder.receives.map((receive) => receive.from?.node)).toEqual(["elsewhere"]);
    expect(stock.recorder.unstampedCounts.get(`in kafka:${topic}`)).toBe(messages.length);
    expect(stock.recorder.malformedCounts.get(`kafka:${topic}`)).toBeGreaterThanOrEqual(6);
    expect(stock.guard.errorCount).toBe(0);
  });

  it("sends what it cannot copy as it is", async () => {
    const topic = await freshTopic(address);
    const shop = node("shop");
    const producer = await shop.producer();
    class Typed {
      readonly value = "typed";
      get timestamp(): string {
        return "1700000000000";
      }
    }
    await producer.send({ topic, messages: [new Typed()] });
    const throwing = {
      value: "1",
      get headers(): never {
        throw new Error("mine");
      },
    };
    await expect(producer.send({ topic, messages: [throwing] })).rejects.toThrow("mine");
    await expect(producer.send(undefined as never)).rejects.toThrow(TypeError);
    await expect(producer.send({ topic, messages: "no list" as never })).rejects.toThrow();
    expect(shop.guard.errorCount).toBe(0);
    const [typed] = await shop.messages(topic, 1);
    expect(typed?.timestamp).toBe("1700000000000");
    expectEdges(shop.recorder, shop.recorder, 1);
  });

  it("says of clients of another make that it cannot work there, and leaves them be", () => {
    const { context, guard } = node("shop");
    expect(() => kafkajsHook.install({}, context, guard)).toThrow("producer and consumer");
    expect(() => kafkajsHook.install(undefined, context, guard)).toThrow("producer and consumer");

    const made = { send: () => 1 };
    const strange = { producer: () => made, consumer: () => made };
    kafkajsHook.install(strange, context, guard);
    expect(strange.producer()).toBe(made);
    expect(strange.consumer()).toBe(made);
    expect(made.send()).toBe(1);
    expect(guard.errorCount).toBe(2);
  });
});

/** Connections that lead to this machine, whatever the broker's name. */
const toLoopback: ISocketFactory = ({ port, onConnect }) =>
  createConnection({ host: "127.0.0.1", port }, onConnect);
