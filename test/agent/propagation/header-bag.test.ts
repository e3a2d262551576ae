import { describe, expect, it } from "vitest";
import { CARRIER_HEADER, readCarrier } from "../../../agent/propagation/carrier.ts";
import { readFromBag, writeToBag } from "../../../agent/propagation/header-bag.ts";

describe("a bag of headers", () => {
  const bags: readonly (readonly [
    kind: string,
    bag: () => Record<string, unknown> | Headers | Map<string, string>,
  ])[] = [
    ["a plain object", () => ({ a: "b" })],
    ["one without a prototype", () => Object.create(null) as Record<string, unknown>],
    ["one with the header in capitals", () => ({ "Retroscope-HLC": "old" })],
    ["Headers", () => new Headers({ [CARRIER_HEADER]: "old" })],
    ["a Map", () => new Map([[CARRIER_HEADER, "old"]])],
    ["a Map with the header in capitals", () => new Map([["RETROSCOPE-HLC", "old"]])],
    [
      "an object with it in two spellings",
      () => ({ "Retroscope-HLC": "a", "retroscope-HLC": "b" }),
    ],
  ];
  it.each(bags)("holds the text once after writing: %s", (_kind, make) => {
    const bag = make();
    expect(writeToBag(bag, "new")).toBe(true);
    expect(readFromBag(bag)).toBe("new");
    const names = bag instanceof Map || bag instanceof Headers ? [...bag.keys()] : Object.keys(bag);
    expect(names.filter((name) => name.toLowerCase() === CARRIER_HEADER)).toHaveLength(1);
  });

  it("is read whatever its values are: text, bytes, lists, nothing", () => {
    expect(readFromBag({})).toBeUndefined();
    expect(readFromBag({ [CARRIER_HEADER]: Buffer.from("x") })).toBe("x");
    expect(readFromBag({ [CARRIER_HEADER]: null })).toBeUndefined();
    expect(readFromBag({ [CARRIER_HEADER]: 7 })).toBeUndefined();
    expect(readFromBag({ [CARRIER_HEADER]: ["a", Buffer.from("b"), null, "c", "d", "e"] })).toEqual(
      ["a", "b", "c"],
    );
    expect(readFromBag(new Headers())).toBeUndefined();
  });

  it("may be frozen, or throw: then nothing is written or read, and nothing thrown", () => {
    const throwing = {
      get(): never {
        throw new Error("get");
      },
      set(): never {
        throw new Error("set");
      },
    };
    for (const bag of [Object.freeze({ a: "b" }), throwing]) {
      expect(writeToBag(bag, "new")).toBe(false);
      expect(readFromBag(bag)).toBeUndefined();
    }
  });

  it("may hold a huge value, of bytes or text: its beginning is read, and is malformed", () => {
    for (const huge of [Buffer.alloc(50_000_000), "a".repeat(50_000_000)]) {
      const text = readFromBag({ [CARRIER_HEADER]: huge });
      expect(text?.length).toBeLessThan(2_000);
      expect(readCarrier(text ?? "")).toEqual({ stamp: undefined, malformedCount: 1 });
    }
  });
});
