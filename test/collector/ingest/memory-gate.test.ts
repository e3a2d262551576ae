import { describe, expect, it } from "vitest";
import { MemoryGate, type MemoryReading } from "../../../collector/ingest/memory-gate.ts";
import { nodeMemory } from "../../../collector/ingest/node-memory.ts";
import { ManualTimers } from "./support.ts";

const MIB = 1024 * 1024;

/** A process whose use of memory is set by hand, in per cent. */
function aGate() {
  const timers = new ManualTimers();
  const used = { heap: 0, own: 0, garbage: 0, collected: 0, read: 0 };
  const gauge = {
    read(): MemoryReading {
      used.read += 1;
      const { heap, own } = used;
      return { heapBytes: heap, heapLimitBytes: 100, ownBytes: own, ceilingBytes: 100 };
    },
    collect() {
      used.collected += 1;
      used.heap -= used.garbage;
      used.garbage = 0;
    },
  };
  const gate = new MemoryGate(gauge, timers);
  const isIn = (bytes: number, wayBytes: number): boolean => {
    timers.advance(100);
    try {
      gate.admit(bytes, wayBytes);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "overloaded", retriable: true });
      return false;
    }
  };
  return { gate, used, timers, isIn };
}

describe("admission by memory", () => {
  const rows: ReadonlyArray<
    readonly [why: string, heap: number, own: number, wayMib: number, isIn: boolean]
  > = [
    ["there is plenty", 10, 10, 1_000, true],
    ["just below the soft share", 74, 74, 1_000, true],
    ["above it, with much on its way", 80, 10, 60, false],
    ["above it, with little on its way", 80, 10, 10, true],
    ["the process counts as the heap does", 10, 80, 60, false],
    ["the nearer to the hard share, the less", 88, 10, 10, false],
    ["one at a time still goes", 89, 10, 0, true],
    ["at the hard share none goes", 90, 10, 0, false],
    ["also by the process alone", 10, 90, 0, false],
    ["and all again when it is over", 60, 60, 1_000, true],
  ];
  it("lets in less the more is used", () => {
    const { used, isIn } = aGate();
    for (const [why, heap, own, wayMib, expected] of rows) {
      Object.assign(used, { heap, own });
      expect(isIn(MIB, wayMib * MIB), why).toBe(expected);
    }
  });

  it("keeps a reserve for questions", () => {
    const { gate, used, isIn, timers } = aGate();
    used.heap = 93;
    expect(isIn(1, 0)).toBe(false);
    expect(gate.isOutOfMemory).toBe(false);
    used.heap = 96;
    timers.advance(100);
    expect(gate.isOutOfMemory).toBe(true);
  });

  it("looks for garbage before it refuses, now and then", () => {
    const { used, isIn } = aGate();
    Object.assign(used, { heap: 95, garbage: 50 });
    expect(isIn(1, 0)).toBe(true);
    expect(used.collected).toBe(1);
    used.heap = 95;
    for (let i = 0; i < 49; i += 1) expect(isIn(1, 0)).toBe(false);
    expect(used.collected).toBe(1);
    for (let i = 0; i < 5; i += 1) isIn(1, 0);
    expect(used.collected).toBe(2);
  });

  it("reads no more than now and then", () => {
    const { gate, used } = aGate();
    for (let i = 0; i < 1_000; i += 1) gate.admit(1, 0);
    expect(used.read).toBe(1);
  });
});

describe("what this process holds", () => {
  it("grows with what it holds, and garbage is given back", () => {
    const gauge = nodeMemory(1_000 * MIB);
    gauge.collect();
    const before = gauge.read();
    let held: Uint8Array[] = Array.from({ length: 64 }, () => new Uint8Array(MIB).fill(1));
    const during = gauge.read();
    expect(during.ownBytes - before.ownBytes).toBeGreaterThan(32 * MIB);
    expect(held.length).toBe(64);
    held = [];
    gauge.collect();
    expect(gauge.read().ownBytes).toBeLessThan(during.ownBytes - 32 * MIB);
    expect(before.heapBytes).toBeGreaterThan(0);
    expect(before.heapLimitBytes).toBeGreaterThan(before.heapBytes);
    expect(before.ceilingBytes).toBe(1_000 * MIB);
    expect(nodeMemory().read().ceilingBytes).toBeGreaterThan(0);
  });
});
