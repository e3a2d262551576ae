/**
 * Keeps `process.nextTick` of the host fast (seen on Node 20.20).
 *
 * Node makes an object for each tick, by a literal with computed keys. V8 knows its shape by a weak reference:
 * if a major collection finds no tick waiting, the shape goes, the next tick makes a new one, and what V8 had
 * learnt of the old one holds no more, for good: 230 to 390 ns a tick from then on, instead of 45. An HTTP
 * exchange has some ten ticks at each end. Any service may meet that, sooner the more it leaves to collect, and an
 * agent leaves some. One tick object that stays alive keeps the shape.
 */
import { createHook } from "node:async_hooks";

let kept: object | undefined;

/** Keeps one tick object alive, from now on; once a process. Costs some microseconds. Never throws. */
export function keepTickShape(): object | undefined {
  if (kept !== undefined) return kept;
  try {
    const hook = createHook({
      init(_id, type, _trigger, resource) {
        if (type === "TickObject") kept = resource;
      },
    });
    hook.enable();
    process.nextTick(() => undefined);
    hook.disable();
  } catch {
    // Then it goes as it goes without us.
  }
  return kept;
}
