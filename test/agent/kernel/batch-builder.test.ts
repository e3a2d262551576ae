import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  eventsOf,
  type Hlc,
  KindCode,
  valueAt,
} from "../../../agent/kernel/index.ts";

const fields = { node: "n1", service: "s", epoch: 1, firstSeq: 1, closed: 9_999 as Hlc };
const t = (ticks: number): Hlc => ticks as Hlc;

describe("a batch builder", () => {
  it("grows past its first arrays and gives what was put in", () => {
    const builder = new BatchBuilder();
    for (let i = 0; i < 3_000; i += 1) builder.change(t(i), KindCode.set, "l", `k${i % 7}`, i / 4);
    const { header, events } = builder.build(fields);
    expect(header).toMatchObject({ firstSeq: 1, lastSeq: 3_000, firstT: 0, lastT: 2_999 });
    expect(events.variables).toHaveLength(7);
    expect([...eventsOf({ header, events })][2_999]).toEqual({
      seq: 3_000,
      t: 2_999,
      kind: "set",
      log: "l",
      key: `k${2_999 % 7}`,
      value: 2_999 / 4,
    });
  });

  it("gives a variable the same small integer across resets, by whatever way it is asked", () => {
    const builder = new BatchBuilder();
    const apples = builder.variableIndex("stock", "apples");
    const elsewhere = builder.variableIndex("carts", "apples");
    expect(elsewhere).not.toBe(apples);
    builder.changeAt(t(1), KindCode.set, apples, 1);
    builder.reset();
    expect(builder.variableIndex("stock", "apples")).toBe(apples);
    builder.changeAt(t(2), KindCode.set, elsewhere, 2);
    builder.change(t(3), KindCode.delete, "carts", "apples");
    const { events } = builder.build(fields);
    expect(events.variables).toEqual([{ log: "carts", key: "apples" }]);
    expect([...events.ref]).toEqual([0, 0]);
    expect(builder.generation).toBe(0);
  });

  it("forgets variables when a host invents them without end, and says so", () => {
    const builder = new BatchBuilder();
    for (let i = 0; i <= 65_536; i += 1) builder.variableIndex("sessions", `${i}`);
    expect(builder.generation).toBe(0);
    builder.reset();
    expect(builder.generation).toBe(1);
    expect(builder.variableIndex("sessions", "5")).toBe(0);
  });

  it("keeps a short text once, and objects each", () => {
    const builder = new BatchBuilder();
    for (const value of ["on", "off", "on", { a: 1 }, { a: 1 }]) {
      builder.change(t(1), KindCode.set, "l", "k", value);
    }
    expect(builder.build(fields).events.values).toEqual(["on", "off", { a: 1 }, { a: 1 }]);
  });

  it("keeps a number that JSON does not know as its name, marked as cut short", () => {
    const builder = new BatchBuilder();
    builder.change(t(1), KindCode.set, "l", "k", Number.NaN);
    builder.change(t(1), KindCode.set, "l", "k", Number.NEGATIVE_INFINITY);
    expect([...eventsOf(builder.build(fields))]).toMatchObject([
      { value: "NaN", cutShort: true },
      { value: "-Infinity", cutShort: true },
    ]);
  });

  it("gives a batch that does not change under its reader", () => {
    const builder = new BatchBuilder();
    builder.change(t(1), KindCode.set, "l", "k", "first");
    const { events } = builder.build(fields);
    builder.change(t(2), KindCode.set, "l", "k", "second");
    builder.reset();
    builder.change(t(3), KindCode.set, "l", "other", "third");
    expect(events.count).toBe(1);
    expect(valueAt(events, 0)).toBe("first");
    expect(builder.count).toBe(1);
    expect(builder.lastT).toBe(3);
  });

  it("gives an empty batch that only promises", () => {
    const { header, events } = new BatchBuilder().build({ ...fields, firstSeq: 8 });
    expect(header).toEqual({
      ...fields,
      firstSeq: 8,
      lastSeq: 7,
      firstT: 9_999,
      lastT: 9_999,
      dropped: [],
      imported: false,
      status: null,
    });
    expect(events.count).toBe(0);
  });

  it("does not promise less than it holds", () => {
    const builder = new BatchBuilder();
    builder.body(t(10_000), { kind: "leave" });
    expect(() => builder.build(fields)).toThrow(/assertion failed: closed/);
  });
});
