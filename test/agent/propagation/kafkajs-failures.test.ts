/** The Kafka hook where sending fails: what did not arrive is said, what may have arrived is not. */
import { createConnection } from "node:net";
import type { ISocketFactory, Message, Producer } from "kafkajs";
import { describe, expect, it } from "vitest";
import { expectEdges, kafkaScene, standingSends } from "../../support/kafka/scene.ts";
import { freshTopic, kafkaClient } from "../../support/kafka/topics.ts";

const { address, isMissing, note, node } = await kafkaScene();

describe.skipIf(isMissing)(`the kafkajs hook, where sending fails${note}`, () => {
  it("says that the messages of an aborted transaction failed, and those of a committed one not", async () => {
    const topic = await freshTopic(address);
    const [shop, stock] = [node("shop"), node("stock")];
    const producer = await shop.producer({
      transactionalId: `tx-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    const aborted = await producer.transaction();
    await aborted.send({ topic, messages: [{ value: "a" }, { value: "b" }] });
    await aborted.sendBatch({ topicMessages: [{ topic, messages: [{ value: "c" }] }] });
    expect(standingSends(shop.recorder)).toHaveLength(3);
    await aborted.abort();
    expect(standingSends(shop.recorder)).toEqual([]);

    const committed = await producer.transaction();
    await committed.send({ topic, messages: [{ value: "d" }] });
    await committed.commit();
    expect(standingSends(shop.recorder)).toHaveLength(1);
    await expect(committed.send({ topic, messages: [{ value: "e" }] })).rejects.toThrow("ended");
    expect(standingSends(shop.recorder)).toHaveLength(1);

    const found = await stock.messages(topic, 1);
    expect(found.map(({ value }) => value?.toString())).toEqual(["d"]);
    expectEdges(shop.recorder, stock.recorder, 1);
  });

  describe("a send that was rejected", () => {
    const rejections: ReadonlyArray<
      readonly [why: string, (producer: Producer, topic: string) => Promise<unknown>]
    > = [
      [
        "Kafka refuses it for its size",
        (producer, topic) =>
          producer.send({ topic, messages: [{ value: Buffer.alloc(2_000_000) }] }),
      ],
      [
        "there is no such topic",
        (producer) => producer.send({ topic: "never-made", messages: [{ value: "1" }] }),
      ],
      [
        "one of its messages has no value",
        (producer, topic) =>
          producer.send({ topic, messages: [{ value: "1" }, { key: "2" } as unknown as Message] }),
      ],
      [
        "the producer was disconnected",
        async (producer, topic) => {
          await producer.disconnect();
          await producer.send({ topic, messages: [{ value: "1" }] });
        },
      ],
    ];
    it.each(rejections)("failed: %s", async (_why, send) => {
      const topic = await freshTopic(address);
      const shop = node("shop", { retry: { retries: 1, initialRetryTime: 50 } });
      const producer = await shop.producer({ allowAutoTopicCreation: false });
      await expect(send(producer, topic)).rejects.toThrow();
      expect(shop.recorder.sends.length).toBeGreaterThan(0);
      expect(standingSends(shop.recorder)).toEqual([]);
      expect(shop.guard.errorCount).toBe(0);
    });

    it("may have arrived when its reply was lost: nothing is said, and it is received once", async () => {
      const topic = await freshTopic(address);
      const line = lossyLine();
      const [shop, stock] = [
        node("shop", { socketFactory: line.socketFactory, retry: { retries: 0 } }),
        node("stock"),
      ];
      const producer = await shop.producer();
      await producer.send({ topic, messages: [{ value: "heard" }] });
      line.losesReplies = true;
      await expect(producer.send({ topic, messages: [{ value: "unheard" }] })).rejects.toThrow();

      expect(standingSends(shop.recorder)).toHaveLength(2);
      const found = await stock.messages(topic, 2);
      expect(found.map(({ value }) => value?.toString())).toEqual(["heard", "unheard"]);
      expectEdges(shop.recorder, stock.recorder, 2);
    });

    it("leaves the promise's rejection to the host, value for value", async () => {
      const shop = node("shop");
      const producer = await shop.producer();
      const plain = kafkaClient(address).producer();
      await plain.connect();
      const ours = await producer.send({ topic: "", messages: [] }).catch((e: unknown) => e);
      const theirs = await plain.send({ topic: "", messages: [] }).catch((e: unknown) => e);
      await plain.disconnect();
      expect(ours).toEqual(theirs);
    });
  });

  it("turns itself off after five errors of its own, and all messages go on", async () => {
    const topic = await freshTopic(address);
    const shop = node("shop");
    const producer = await shop.producer();
    shop.recorder.send = () => {
      throw new Error("ours");
    };
    for (let i = 0; i < 7; i += 1) await producer.send({ topic, messages: [{ value: `${i}` }] });
    expect(shop.guard.state).toBe("off");
    expect(shop.reports.join()).toContain("ours");
    expect(await shop.messages(topic, 7)).toHaveLength(7);
  });
});

/** A line that can lose the replies to Produce requests: written, then never heard of again. */
function lossyLine(): { losesReplies: boolean; readonly socketFactory: ISocketFactory } {
  const PRODUCE = 0;
  const line = {
    losesReplies: false,
    socketFactory: (({ host, port, onConnect }) => {
      const socket = createConnection({ host, port }, onConnect);
      const write = socket.write.bind(socket);
      socket.write = ((bytes: Buffer, ...more: []) => {
        if (line.losesReplies && bytes.readInt16BE(4) === PRODUCE) {
          line.losesReplies = false;
          socket.pause();
          setTimeout(() => socket.destroy(new Error("the line is cut")), 300);
        }
        return write(bytes, ...more);
      }) as typeof socket.write;
      return socket;
    }) as ISocketFactory,
  };
  return line;
}
