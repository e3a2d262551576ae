/** A scheduler of the host's that breaks. */
import { expect, it, vi } from "vitest";
import { guardedScheduler } from "../../agent/guarded-scheduler.ts";

const broken = (): never => {
  throw new Error("broken");
};

it("answers, counts, and fires timers where the scheduler given throws", async () => {
  const onError = vi.fn();
  const scheduler = guardedScheduler({ nowMs: broken, after: broken, random: broken }, onError);
  expect(scheduler.nowMs()).toBe(0);
  expect(scheduler.random()).toBe(0.5);
  await new Promise<void>((resolve) => scheduler.after(1, resolve, true));
  expect(onError).toHaveBeenCalledTimes(3);
});

it("never goes back when a clock that ran cannot be read any more", () => {
  let isBroken = false;
  const nowMs = () => (isBroken ? broken() : 7);
  const scheduler = guardedScheduler({ nowMs, after: broken, random: broken }, () => undefined);
  expect(scheduler.nowMs()).toBe(7);
  isBroken = true;
  expect(scheduler.nowMs()).toBe(7);
});

it("leaves a scheduler that works alone", () => {
  const cancel = vi.fn();
  const run = () => undefined;
  const given = { nowMs: () => 3, after: vi.fn(() => cancel), random: () => 0.25 };
  const scheduler = guardedScheduler(given, broken);
  scheduler.after(5, run, true)();
  expect(given.after).toHaveBeenCalledWith(5, run, true);
  expect(cancel).toHaveBeenCalledOnce();
  expect([scheduler.nowMs(), scheduler.random()]).toEqual([3, 0.25]);
});
