import { describe, expect, it } from "vitest";
import { DecodeQueue } from "../../../collector/ingest/decode-queue.ts";
import { ManualTimers } from "./support.ts";

const never = (error: unknown): void => expect.unreachable(String(error));

/** Each step takes a millisecond. */
class BusyTimers extends ManualTimers {
  turnCount = 0;

  override turn(): Promise<void> {
    this.turnCount += 1;
    return super.turn();
  }
}

function* steps(timers: ManualTimers, count: number, log: string[], name: string) {
  for (let i = 0; i < count; i += 1) {
    if (i > 0) yield;
    timers.advance(1);
    log.push(name);
  }
  return name;
}

describe("bodies that wait to be decoded", () => {
  it("are decoded in the call that brings them while there is little to do", () => {
    const timers = new BusyTimers();
    const queue = new DecodeQueue(timers, 10);
    const done: string[] = [];
    queue.push(steps(timers, 3, [], "a"), (name) => done.push(name), never);
    queue.push(steps(timers, 3, [], "b"), (name) => done.push(name), never);
    expect(done).toEqual(["a", "b"]);
    expect(queue.length).toBe(0);
  });

  it("take no more than a slice of each turn, however many come in it, and stay in order", async () => {
    const timers = new BusyTimers();
    const queue = new DecodeQueue(timers, 10);
    const log: string[] = [];
    const done: string[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      queue.push(steps(timers, 8, log, name), (one) => done.push(one), never);
    }
    expect(log).toHaveLength(10);
    expect(queue.length).toBe(3);
    // Nothing goes ahead of those that wait.
    queue.push(steps(timers, 1, log, "e"), (one) => done.push(one), never);
    expect(log).toHaveLength(10);
    const perTurn: number[] = [];
    while (queue.length > 0) {
      const before = log.length;
      await new Promise((resolve) => setImmediate(resolve));
      perTurn.push(log.length - before);
    }
    await queue.drained();
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(10);
    expect(done).toEqual(["a", "b", "c", "d", "e"]);
    expect(log.join("")).toBe(`${"abcd".replace(/./g, "$&$&$&$&$&$&$&$&")}e`);
  });

  it("fail alone", async () => {
    const timers = new BusyTimers();
    const queue = new DecodeQueue(timers, 2);
    const told: string[] = [];
    const failing = (function* (): Generator<void, string> {
      timers.advance(5);
      yield;
      throw new RangeError("odd");
    })();
    queue.push(failing, expect.unreachable, (error) => told.push(String(error)));
    queue.push(
      steps(timers, 1, [], "b"),
      () => {
        throw new RangeError("not wanted");
      },
      (error) => told.push(String(error)),
    );
    queue.push(steps(timers, 1, [], "c"), (name) => told.push(name), never);
    await queue.drained();
    expect(told).toEqual(["RangeError: odd", "RangeError: not wanted", "c"]);
  });

  it("ask for no turn while time stands still", () => {
    const timers = new BusyTimers();
    const queue = new DecodeQueue(timers, 10);
    let count = 0;
    for (let i = 0; i < 5_000; i += 1) {
      const work = (function* (): Generator<void, number> {
        yield;
        return 1;
      })();
      queue.push(work, () => (count += 1), never);
    }
    expect(count).toBe(5_000);
    expect(timers.turnCount).toBe(0);
  });
});
