/** What becomes of a message after its send was rejected; the cases that a broker cannot be made to show. */
import { describe, expect, it } from "vitest";
import { ticksFromUnixMs } from "../../../agent/kernel/index.ts";
import { Outgoing } from "../../../agent/propagation/kafkajs-outgoing.ts";
import { copyWith } from "../../../agent/propagation/kafkajs-shapes.ts";
import { SpentStamps } from "../../../agent/propagation/spent-stamps.ts";
import { ArrayRecorder } from "../../support/message-recorder.ts";

const refusal = Object.assign(new Error("too large"), { type: "MESSAGE_TOO_LARGE" });
const reset = new Error("connection reset");

interface Copy {
  readonly headers: Readonly<Record<string, unknown>>;
}

function stamped(count: number) {
  const recorder = new ArrayRecorder("shop", 1, { now: () => ticksFromUnixMs(1_700_000_000_000) });
  const outgoing = new Outgoing(recorder, new SpentStamps());
  const messages = Array.from({ length: count }, (_, i) => ({
    value: `${i}`,
    headers: { i: "1" },
  }));
  const copies = outgoing.stamped(messages, "kafka:orders") as Copy[];
  const failed = (): (number | null)[] =>
    recorder.sends.filter((send) => send.failed).map((send) => send.replaces);
  return { recorder, outgoing, copies, failed };
}

describe("messages of a rejected send", () => {
  // kafkajs reads the headers once for each attempt to encode a message.
  const cases: ReadonlyArray<
    readonly [why: string, reads: readonly number[], error: Error, failed: readonly number[]]
  > = [
    ["none was encoded", [0, 0], reset, [1, 2]],
    ["one was encoded, for another broker", [1, 0], reset, [2]],
    ["all were", [1, 1], reset, []],
    ["one message, refused at once", [1], refusal, [1]],
    ["one message, refused by the second attempt: the first may have arrived", [2], refusal, []],
    ["several, refused: others may have been written", [1, 1], refusal, []],
    ["one message, and the line broke", [1], reset, []],
  ];
  it.each(cases)("failed or not: %s", (_why, reads, error, expected) => {
    const { outgoing, copies, failed } = stamped(reads.length);
    for (const [i, count] of reads.entries()) {
      for (let n = 0; n < count; n += 1) expect(copies[i]?.headers["retroscope-hlc"]).toBeDefined();
    }
    outgoing.rejected(error);
    outgoing.rejected(error);
    expect(failed()).toEqual(expected);
  });

  it("leave without a stamp if they leave after they were called failed", () => {
    const { recorder, outgoing, copies } = stamped(1);
    outgoing.rejected(reset);
    expect(copies[0]?.headers).toEqual({ i: "1" });
    expect(recorder.unstampedCounts.get("out kafka:orders")).toBe(1);
  });

  it("are not encoded while kafkajs looks at its arguments", () => {
    const { outgoing, copies, failed } = stamped(1);
    outgoing.isBeingCalled = true;
    expect(JSON.stringify(copies[0])).toContain("retroscope-hlc");
    outgoing.isBeingCalled = false;
    outgoing.rejected(reset);
    expect(failed()).toEqual([1]);
  });
});

describe("the copy of an argument", () => {
  it("says what the caller's says, by whatever means: acks, autoCommit", () => {
    class Settings {
      readonly topic = "orders";
      readonly #acks = 1;
      get acks(): number {
        return this.#acks;
      }
    }
    class Run extends Settings {
      get autoCommit(): boolean {
        return false;
      }
      eachMessage(): void {}
    }
    const given = new Run() as unknown as Record<string, unknown>;
    const copy = copyWith(given, { messages: [] });
    const { acks, autoCommit, eachMessage, messages, topic } = copy; // as kafkajs takes it apart
    expect({ acks, autoCommit, topic, messages }).toEqual({
      acks: 1,
      autoCommit: false,
      topic: "orders",
      messages: [],
    });
    expect(eachMessage).toBe(given["eachMessage"]);
    expect(Object.keys(copyWith({ topic: "a", acks: 0 }, { topic: "b" }))).toEqual([
      "topic",
      "acks",
    ]);
  });
});
