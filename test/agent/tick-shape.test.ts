import { executionAsyncResource } from "node:async_hooks";
import { expect, it } from "vitest";
import { keepTickShape } from "../../agent/tick-shape.ts";

it("keeps one object of the shape that Node gives its ticks, and makes no second", async () => {
  const kept = keepTickShape();
  const tick = await new Promise<object>((resolve) =>
    process.nextTick(() => resolve(executionAsyncResource())),
  );
  expect(kept).toBeDefined();
  expect(kept).not.toBe(tick);
  expect(Object.keys(kept as object)).toEqual(Object.keys(tick));
  expect(keepTickShape()).toBe(kept);
});
