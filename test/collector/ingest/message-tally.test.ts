import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import {
  MAX_SINGLE,
  MAX_TALLIED,
  type Message,
  MessageTally,
} from "../../../collector/ingest/message-tally.ts";

function aMessage(node: string, seq: number, receiveT: number, sendT: number): Message {
  const receive = { node: "me", epoch: 1, seq };
  const send = { node, epoch: 1, seq };
  return { sendT: sendT as Hlc, receiveT: receiveT as Hlc, send, receive };
}

function tallyOf(messages: Iterable<Message>): MessageTally {
  const tally = new MessageTally();
  for (const message of messages) tally.add(message);
  return tally;
}

const countOf = ({ records }: MessageTally) =>
  records.reduce((sum, { count }) => sum + (count ?? 1), 0);

describe("messages kept apart", () => {
  it("are kept one by one while they are few", () => {
    const messages = Array.from({ length: MAX_SINGLE }, (_, i) => aMessage("n", i, i, i + 5));
    expect(tallyOf(messages).records).toEqual(messages);
  });

  it("make a bounded number of records, whoever sends, and all are counted", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.nat(20), (senders, gap) => {
        const messages = Array.from({ length: 3_000 }, (_, i) =>
          aMessage(`n${i % senders}`, i, i * 10, i * 10 + gap),
        );
        const tally = tallyOf(messages);
        expect(tally.records.length).toBeLessThanOrEqual(MAX_TALLIED);
        expect(countOf(tally)).toBe(3_000);
        for (const { receiveT, sendT } of messages) {
          expect(tally.records.some((r) => r.receiveT <= receiveT && sendT <= r.sendT)).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("say exactly at which moments there is one, where those of a sender touch", () => {
    // Stretches of 100 messages each, and a single tick between two of them in which there is none.
    const messages = Array.from({ length: 2_000 }, (_, i) => {
      const start = i * 3 + Math.floor(i / 100) * 18;
      return aMessage(i % 2 === 0 ? "a" : "b", i, start, start + 20);
    });
    const { records } = tallyOf(messages);
    const isIn = (t: number) => (m: Pick<Message, "receiveT" | "sendT">) =>
      m.receiveT <= t && t < m.sendT;
    for (let t = 0; t < 10_000; t += 1) {
      expect(records.some(isIn(t)), `at ${t}`).toBe(messages.some(isIn(t)));
    }
    // Simulator, seed 75003803: a send was told with the time of another.
    for (const { send, sendT, receive, receiveT } of records) {
      expect(messages[send.seq]?.sendT).toBe(sendT);
      expect(messages[receive.seq]?.receiveT).toBe(receiveT);
    }
  });

  it("go the other way when they are slow", () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => aMessage("n", i, 5_000 + i, 10 + i));
    const last = tallyOf(messages).records.at(-1);
    expect(last).toMatchObject({
      sendT: 10 + MAX_SINGLE,
      receiveT: 5_999,
      count: 1_000 - MAX_SINGLE,
    });
  });
});
