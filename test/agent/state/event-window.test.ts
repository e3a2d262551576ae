import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, KindCode, ticksFromUnixMs } from "../../../agent/kernel/index.ts";
import { EventWindow } from "../../../agent/state/event-window.ts";

const at = (t: number): Hlc => t as Hlc;
const START = ticksFromUnixMs(1_600_000_000_000);

describe("the window against an array", () => {
  interface Plain {
    t: number;
    kind: number;
    after: number;
    before: number;
    object: unknown;
  }

  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("number" as const), dt: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("object" as const),
        dt: fc.nat(3),
        bytes: fc.nat(9_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("trim" as const), dt: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("hold" as const), dt: fc.nat(300) }) },
  );

  it("holds the same events, in order, and never more bytes than it may plus one chunk", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), fc.nat(60), (steps, maxAgeTicks) => {
        const maxBytes = 128 * 1024;
        const window = new EventWindow({ maxBytes, maxAgeTicks }, START);
        const all: Plain[] = [];
        let t = START + 1;
        let oldestAllowed = 0;
        for (const one of steps) {
          if (one.do === "hold") {
            window.holdFrom = Math.max(0, all.length - one.dt);
            continue;
          }
          t += one.dt;
          if (one.do === "trim") {
            window.trim(at(t));
            const limit = t - maxAgeTicks;
            while (
              oldestAllowed < Math.min(all.length, window.holdFrom) &&
              (all[oldestAllowed] as Plain).t <= limit
            )
              oldestAllowed += 1;
            expect(window.firstIndex).toBeGreaterThanOrEqual(oldestAllowed);
            continue;
          }
          const number = all.length;
          if (one.do === "number") {
            window.append(at(t), KindCode.set, number, 0x44, number, -number);
            all.push({ t, kind: 0, after: number, before: -number, object: undefined });
          } else {
            const object = { number };
            const slot = window.roomForObjects().keep(object, one.bytes);
            window.append(at(t), KindCode.set, number, 0x45, slot, -number);
            all.push({ t, kind: 0, after: slot, before: -number, object });
          }
          expect(window.bytes).toBeLessThanOrEqual(maxBytes + maxBytes / 16 + 9_016);
        }
        expect(window.nextIndex).toBe(all.length);
        for (let i = window.firstIndex; i < all.length; i += 1) {
          const chunk = window.chunkOf(i);
          const place = i - chunk.firstIndex;
          const expected = all[i] as Plain;
          expect(chunk.t[place]).toBe(expected.t);
          expect(chunk.ref[place]).toBe(i);
          expect(chunk.before[place]).toBe(expected.before);
          const isObject = ((chunk.tags[place] as number) & 15) === 5;
          if (isObject) expect(chunk.objects[chunk.after[place] as number]).toBe(expected.object);
          else expect(chunk.after[place]).toBe(expected.after);
        }
        const evicted = all[window.firstIndex - 1];
        expect(window.earliestT).toBe(evicted?.t ?? START);
        for (const probe of [START, START + 1, t - 5, t, t + 1]) {
          const naive = all.findIndex((e, i) => i >= window.firstIndex && e.t > probe);
          expect(window.firstAfter(at(probe))).toBe(naive < 0 ? all.length : naive);
        }
      }),
      { numRuns: 150 },
    );
  });
});

it("keeps events that were not shipped, however old they are, but not beyond its bytes", () => {
  const window = new EventWindow({ maxBytes: 64 * 1024, maxAgeTicks: 10 }, START);
  window.holdFrom = 2;
  for (let i = 0; i < 4; i += 1) window.append(at(START + 1 + i), KindCode.set, 0, 0x44, i, 0);
  window.trim(at(START + 1_000));
  expect(window.firstIndex).toBe(2);
  for (let i = 0; i < 10_000; i += 1) window.append(at(START + 9 + i), KindCode.set, 0, 0x44, i, 0);
  expect(window.firstIndex).toBeGreaterThan(2);
  expect(window.bytes).toBeLessThanOrEqual(64 * 1024 * 1.1);
});

it("lets go of a keyframe's state once it was cut", () => {
  const window = new EventWindow({ maxBytes: 1024 * 1024, maxAgeTicks: 1_000 }, START);
  const before = window.bytes;
  window.appendBody(
    at(START + 1),
    KindCode.keyframe,
    { kind: "keyframe", log: "l", state: new Map() },
    50_000,
  );
  expect(window.bytes).toBeGreaterThan(before + 50_000);
  window.shrinkBody(0, { kind: "keyframe", log: "l", state: new Map() });
  expect(window.bytes).toBeLessThan(before + 100);
});
