import { describe, expect, it } from "vitest";
import {
  AnchoredClock,
  type MachineTime,
  machineTime,
  TICK_ZERO_UNIX_MS,
  TICKS_PER_MS,
} from "../../../agent/kernel/index.ts";

/** A machine whose two clocks are moved by hand. Every reading takes `readMs`. */
class HandMachine implements MachineTime {
  mono = 1_000;
  offset = TICK_ZERO_UNIX_MS + 200_000_000_000.25;
  offsetGuessMs: number = this.offset;
  readMs = 0.001;
  /** Added to the next wall reading only. */
  glitchMs = 0;

  wallMs(): number {
    this.mono += this.readMs;
    const wall = Math.floor(this.mono + this.offset + this.glitchMs);
    this.glitchMs = 0;
    return wall;
  }
  monotonicMs(): number {
    this.mono += this.readMs;
    return this.mono;
  }
  /** How far `clock` is ahead of the true wall time, in milliseconds. */
  errorMs(clock: AnchoredClock): number {
    const stamped = clock.now() / TICKS_PER_MS + TICK_ZERO_UNIX_MS;
    return stamped - (this.mono + this.offset);
  }
  run(clock: AnchoredClock, ms: number, stepMs = 1): void {
    for (const end = this.mono + ms; this.mono < end; this.mono += stepMs) clock.now();
  }
}

describe("the anchored clock", () => {
  it("has the digits below a millisecond, and is right within a few ticks", () => {
    const machine = new HandMachine();
    const clock = new AnchoredClock(machine);
    machine.run(clock, 1_000, 0.37);
    expect(Math.abs(machine.errorMs(clock))).toBeLessThan(0.01);
    const before = clock.now();
    machine.mono += 0.1;
    const passed = clock.now() - before;
    expect(passed).toBeGreaterThan(0.1 * TICKS_PER_MS - 2);
    expect(passed).toBeLessThan(0.11 * TICKS_PER_MS);
  });

  it("closes in on the wall clock to 100 us, however wrong its first guess", () => {
    for (const wrong of [-900_000, -0.7, 0.7, 30, 900_000]) {
      const machine = new HandMachine();
      machine.offsetGuessMs += wrong;
      const clock = new AnchoredClock(machine);
      expect(Math.abs(machine.errorMs(clock)), `${wrong} at once`).toBeLessThan(1.01);
      machine.run(clock, 20_000, 0.731);
      expect(Math.abs(machine.errorMs(clock)), `${wrong} after a while`).toBeLessThan(0.1);
      expect(clock.stepCount, "a wrong guess is no step of the wall clock").toBe(0);
    }
  });

  const steps: ReadonlyArray<readonly [why: string, stepMs: number]> = [
    ["forward a minute", 60_000],
    ["forward 60 ms", 60],
    ["back a minute", -60_000],
    ["back a day", -86_400_000],
  ];
  it.each(steps)("follows a step of the wall clock within 250 ms: %s", (_why, stepMs) => {
    const machine = new HandMachine();
    const clock = new AnchoredClock(machine);
    machine.run(clock, 500);
    machine.offset += stepMs;
    machine.run(clock, 250);
    expect(Math.abs(machine.errorMs(clock))).toBeLessThan(1.01);
    expect(clock.stepCount).toBe(1);
  });

  it("follows at the first stamp after a pause, in which both clocks may have gone apart", () => {
    const machine = new HandMachine();
    const clock = new AnchoredClock(machine);
    machine.run(clock, 500);
    machine.mono += 10_000;
    machine.offset += 3_600_000;
    expect(Math.abs(machine.errorMs(clock))).toBeLessThan(1.01);
    expect(clock.stepCount).toBe(1);
  });

  it("does not believe one wild reading, which would push us for good", () => {
    const machine = new HandMachine();
    const clock = new AnchoredClock(machine);
    machine.run(clock, 500);
    machine.glitchMs = 3_600_000;
    machine.run(clock, 100);
    expect(Math.abs(machine.errorMs(clock))).toBeLessThan(1.01);
    expect(clock.stepCount).toBe(0);
  });

  it("is not misled when the process is paused between its readings", () => {
    const machine = new HandMachine();
    const clock = new AnchoredClock(machine);
    machine.run(clock, 500, 0.37);
    machine.readMs = 400;
    for (let i = 0; i < 5; i += 1) clock.now();
    machine.readMs = 0.001;
    expect(Math.abs(machine.errorMs(clock))).toBeLessThan(0.1);
    expect(clock.stepCount).toBe(0);
  });

  it("follows a drift of 5 % either way without calling it a step", () => {
    for (const rate of [0.05, -0.05]) {
      const machine = new HandMachine();
      const clock = new AnchoredClock(machine);
      for (let i = 0; i < 5_000; i += 1) {
        machine.mono += 1;
        machine.offset += rate;
        expect(Math.abs(machine.errorMs(clock))).toBeLessThan(2.5);
      }
      expect(clock.stepCount).toBe(0);
    }
  });

  it("runs on the real machine, within a millisecond or two of its wall clock", () => {
    const clock = new AnchoredClock();
    const low = machineTime.wallMs();
    const unixMs = clock.now() / TICKS_PER_MS + TICK_ZERO_UNIX_MS;
    const high = machineTime.wallMs() + 1;
    expect(unixMs).toBeGreaterThan(low - 1);
    expect(unixMs).toBeLessThan(high + 1);
  });
});
