/** Checkpoint bytes: what is written comes back, with the keys here or elsewhere. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Hlc,
  type LostRange,
  RetroError,
  toJsonForm,
  type Value,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import {
  type Directory,
  decodeDirectory,
  decodeKeyList,
  decodeLogState,
  encodeDirectory,
  encodeLogState,
} from "../../../collector/cut/checkpoint-codec.ts";
import { LogImage } from "../../../collector/cut/log-image.ts";

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<Value>(null, true, false, -0, 2 ** 52, -(2 ** 52), Number.MAX_SAFE_INTEGER, "ü"),
  fc.string({ unit: "grapheme" }),
  fc.array(fc.integer()),
  fc.array(fc.integer()).map((members) => ValueSet.of(members)),
);
const state = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), value), {
  selector: ([key]) => key,
});

function plain(image: ReadonlyMap<string, Value>): unknown {
  return [...image].map(([key, held]) => [key, toJsonForm(held)]);
}

describe("a checkpoint", () => {
  it("comes back as it was, its keys written along", () => {
    fc.assert(
      fc.property(state, (entries) => {
        const image = new LogImage();
        image.replace(entries);
        image.compact();
        const bytes = encodeLogState(image, undefined);
        expect(plain(decodeLogState(bytes, () => undefined))).toEqual(plain(new Map(entries)));
      }),
    );
  });

  it("comes back with keys that stand in an earlier one, and some that are new", () => {
    fc.assert(
      fc.property(state, state, (entries, later) => {
        const image = new LogImage();
        image.replace(entries);
        image.compact();
        const first = encodeLogState(image, undefined);
        const keys = decodeKeyList(first);
        for (const [key, held] of later) image.setValue(image.slotFor(key), held);
        const second = encodeLogState(image, { seq: 7, list: image.base });
        const found = decodeLogState(second, (seq) => (seq === 7 ? keys : undefined));
        expect(new Map(found)).toEqual(new Map([...entries, ...later]));
      }),
    );
  });

  it("of the first version is still read", () => {
    // Written by that version; never edited.
    const bytes = Buffer.from(
      "010000beefd3c2e4ca98060a016101620163016401650166016701680169016a00090404010302050509040202" +
        "ffffffffffffff070000000000000080000000000000f83f0000000000003043175b22c3bc222c7b2224736574" +
        "223a5b2278222c325d7d5d",
      "hex",
    );
    const found = decodeLogState(bytes, () => undefined);
    expect([...found]).toEqual([
      ["a", 1],
      ["b", -0],
      ["c", 1.5],
      ["d", null],
      ["e", true],
      ["f", false],
      ["g", "ü"],
      ["h", ValueSet.of([2, "x"])],
      ["i", -(2 ** 51)],
      ["j", 2 ** 52],
    ]);
    expect(decodeKeyList(bytes)?.keys).toEqual([..."abcdefghij"]);
  });

  it("takes little more than the bits of its numbers when many are alike", () => {
    const image = new LogImage();
    image.replace(Array.from({ length: 1_000 }, (_, i) => [`account-${i}`, (i * 7_919) % 100_000]));
    image.compact();
    const bytes = encodeLogState(image, { seq: 7, list: image.base });
    expect(bytes.length).toBeLessThan((1_000 * 17) / 8 + 100);
  });

  it("refuses to stand on another list of keys than the one it was written with", () => {
    const image = new LogImage();
    image.replace([["a", 1]]);
    image.compact();
    const bytes = encodeLogState(image, { seq: 7, list: image.base });
    const other = new LogImage();
    other.replace([["b", 1]]);
    other.compact();
    expect(() => decodeLogState(bytes, () => other.base)).toThrow(RetroError);
    expect(() => decodeLogState(bytes, () => undefined)).toThrow(RetroError);
  });

  it("keeps what is lost, and which variables are known all the same", () => {
    const range: LostRange = {
      firstSeq: 3,
      lastSeq: 9,
      firstT: 10 as Hlc,
      lastT: 20 as Hlc,
      logs: null,
      messages: false,
      reason: "overflow",
    };
    const image = new LogImage();
    image.replace([["gone", 1]]);
    image.lose(range);
    image.setValue(image.slotFor("set since"), 2);
    image.remove(image.slotFor("deleted since"));
    image.compact();
    const found = decodeLogState(encodeLogState(image, undefined), () => undefined);
    expect(found.lost).toEqual([range]);
    expect([...found]).toEqual([["set since", 2]]);
    expect(found.isLost("gone")).toBe(true);
    expect(found.isLost("deleted since")).toBe(false);
  });

  it("keeps its directory", () => {
    const directory: Directory = {
      logs: new Map([
        ["stock", 12],
        ["", 4],
      ]),
      lost: [],
      senders: [
        ["n1", 3, 5, null],
        ["n2", 1, 7, 6],
      ],
      moreSendersFrom: 9 as Hlc,
      lastSendT: Number.NEGATIVE_INFINITY as Hlc,
      lastReceiveT: -3 as Hlc,
    };
    expect(decodeDirectory(encodeDirectory(directory))).toEqual(directory);
  });

  it("is refused as damaged when a list in it is no JSON, or no list", () => {
    const lost: LostRange = {
      firstSeq: 3,
      lastSeq: 9,
      firstT: 10 as Hlc,
      lastT: 20 as Hlc,
      logs: null,
      messages: false,
      reason: "overflow",
    };
    const image = new LogImage();
    image.replace([["a", "text"]]);
    image.lose(lost);
    image.compact();
    const directory: Directory = {
      logs: new Map(),
      lost: [lost],
      senders: [["n1", 3, 5, null]],
      moreSendersFrom: undefined,
      lastSendT: 1 as Hlc,
      lastReceiveT: 1 as Hlc,
    };
    const isDamaged = expect.objectContaining({ code: "data-damaged" });
    for (const [bytes, decode] of [
      [encodeLogState(image, undefined), (one: Uint8Array) => decodeLogState(one, () => undefined)],
      [encodeDirectory(directory), decodeDirectory],
    ] as const) {
      const lists = [...bytes.keys()].filter((at) => bytes[at] === 0x5b);
      expect(lists.length).toBeGreaterThan(0);
      for (const at of lists) {
        const damaged = Uint8Array.from(bytes, (byte, i) => (i === at ? 0x22 : byte));
        expect(() => decode(damaged)).toThrow(isDamaged);
      }
    }
    const text = Buffer.from(encodeDirectory(directory)).toString("latin1");
    const noList = text.replace('[["n1",3,5,null]]', '{"n1":[3,5,null]}');
    expect(() => decodeDirectory(Buffer.from(noList, "latin1"))).toThrow(isDamaged);
  });

  it("is refused as damaged, never misread, when cut short", () => {
    const image = new LogImage();
    image.replace([
      ["a", 1.5],
      ["b", "text"],
      ["c", 7],
    ]);
    image.compact();
    const bytes = encodeLogState(image, undefined);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeLogState(bytes.slice(0, length), () => undefined)).toThrow(RetroError);
    }
  });
});
