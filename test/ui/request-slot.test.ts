import { describe, expect, it } from "vitest";
import { ApiFailure } from "../../ui/src/api/client.ts";
import { PATIENCE_MS, REQUEST_LIMIT_MS, RequestSlot } from "../../ui/src/api/request-slot.ts";

/** A slot whose answers and timers are moved by hand. */
function handMade() {
  const asked: {
    question: number;
    resolve: (answer: string) => void;
    reject: (error: unknown) => void;
  }[] = [];
  const timers: { ms: number; run: () => void; isOff: boolean }[] = [];
  const slot = new RequestSlot<number, string>(
    {
      after(ms, run) {
        const timer = { ms, run, isOff: false };
        timers.push(timer);
        return () => {
          timer.isOff = true;
        };
      },
    },
    (question, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        asked.push({ question, resolve, reject });
      }),
  );
  const settle = () => new Promise<void>((done) => setImmediate(done));
  return {
    slot,
    asked,
    questions: () => asked.map(({ question }) => question),
    async answer(place: number, text: string) {
      asked[place]?.resolve(text);
      await settle();
    },
    async fail(place: number, error: unknown) {
      asked[place]?.reject(error);
      await settle();
    },
    async pass(ms: number) {
      for (const timer of timers.filter((one) => one.ms === ms && !one.isOff)) timer.run();
      await settle();
    },
  };
}

describe("a request slot", () => {
  it("runs one question, keeps the newest waiting and never asks those in between", async () => {
    const { slot, questions, answer } = handMade();
    for (const question of [1, 2, 3, 4]) slot.ask(question);
    expect(questions()).toEqual([1]);
    await answer(0, "one");
    expect(questions()).toEqual([1, 4]);
    expect(slot.answered.value).toEqual({ question: 1, answer: "one" });
    expect(slot.pending.value).toBe(true);
    await answer(1, "four");
    expect(slot.answered.value).toEqual({ question: 4, answer: "four" });
    expect(slot.pending.value).toBe(false);
  });

  it("gives up a slow question once a newer one has waited long enough", async () => {
    const { slot, questions, answer, pass } = handMade();
    slot.ask(1);
    slot.ask(2);
    await pass(PATIENCE_MS);
    expect(questions()).toEqual([1, 2]);
    await answer(0, "too late");
    expect(slot.answered.value).toBeNull();
    expect(slot.failure.value).toBeNull();
    await answer(1, "two");
    expect(slot.answered.value?.answer).toBe("two");
  });

  it("keeps the last good answer when a later question fails, and says why", async () => {
    const { slot, answer, fail } = handMade();
    slot.ask(1);
    await answer(0, "one");
    slot.ask(2);
    await fail(1, new ApiFailure("store-failed", 500, "broken"));
    expect(slot.answered.value?.answer).toBe("one");
    expect(slot.failure.value?.code).toBe("store-failed");
    slot.retry();
    await answer(2, "two");
    expect(slot.answered.value?.answer).toBe("two");
    expect(slot.failure.value).toBeNull();
  });

  it("does not wait for ever", async () => {
    const { slot, pass } = handMade();
    slot.ask(1);
    await pass(REQUEST_LIMIT_MS);
    expect(slot.failure.value?.code).toBe("timeout");
    expect(slot.pending.value).toBe(false);
  });

  it("forgets on clear, also what is still under way", async () => {
    const { slot, answer } = handMade();
    slot.ask(1);
    slot.clear();
    await answer(0, "one");
    expect(slot.answered.value).toBeNull();
    expect(slot.pending.value).toBe(false);
  });
});
