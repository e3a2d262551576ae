import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../../agent/kernel/index.ts";
import {
  readFrames,
  readRunning,
  readSmallFrames,
  skipZeros,
} from "../../../collector/store/segment-frame-reader.ts";
import { FRAME_PADDING, writeFrames } from "../../../collector/store/segment-frames.ts";

function bytesOf(numbers: readonly number[]): Uint8Array {
  const out = new ByteWriter();
  writeFrames(out, Float64Array.from(numbers), numbers.length);
  for (let i = 0; i < FRAME_PADDING; i += 1) out.byte(0xff);
  return out.bytes.slice(0, out.pos);
}

function readBack(bytes: Uint8Array, count: number): number[] {
  const reader = new ByteReader(bytes);
  const into = new Float64Array(count);
  readFrames(reader, into);
  expect(reader.remaining).toBe(FRAME_PADDING);
  return [...into];
}

/** Numbers of every width, runs of alike ones, and leaps among them. */
const column = fc
  .tuple(fc.nat(52), fc.array(fc.nat(2 ** 31 - 1), { maxLength: 700 }), fc.nat(40), fc.boolean())
  .map(([bits, draws, leapEvery, isNegative]) =>
    draws.map((draw, i) => {
      const width = leapEvery > 0 && i % leapEvery === 3 ? 52 : bits;
      const number = Math.floor((draw / 2 ** 31) * 2 ** width);
      return isNegative && draw % 2 === 0 && width < 51 ? -number - 1 : number;
    }),
  );

describe("a column of whole numbers", () => {
  it("comes back as it was, whatever its widths and leaps", () => {
    fc.assert(
      fc.property(column, (numbers) => {
        expect(readBack(bytesOf(numbers), numbers.length)).toEqual(numbers);
      }),
      { numRuns: 300 },
    );
  });

  it("is summed while it is read, into the beginning of longer columns", () => {
    fc.assert(
      fc.property(column, fc.nat(2 ** 45), (numbers, before) => {
        const reader = new ByteReader(bytesOf(numbers));
        const into = new Float64Array(numbers.length + 3).fill(-1);
        readRunning(reader, into, numbers.length, before);
        let sum = before;
        const sums = numbers.map((number) => {
          sum += number;
          return sum;
        });
        expect([...into]).toEqual([...sums, -1, -1, -1]);
        expect(reader.remaining).toBe(FRAME_PADDING);
      }),
      { numRuns: 200 },
    );
  });

  it("of nothing but zeros is passed over, and any other is refused", () => {
    const zeros = Array.from({ length: 600 }, () => 0);
    const reader = new ByteReader(bytesOf(zeros));
    skipZeros(reader, zeros.length);
    expect(reader.remaining).toBe(FRAME_PADDING);
    for (const at of [0, 255, 256, 599]) {
      const bytes = bytesOf(zeros.with(at, 1));
      expect(() => skipZeros(new ByteReader(bytes), zeros.length)).toThrow("out of range");
    }
    const ones = bytesOf(Array.from({ length: 9 }, () => 1));
    expect(() => skipZeros(new ByteReader(ones), 9)).toThrow("out of range");
  });

  const edges: ReadonlyArray<readonly [why: string, numbers: readonly number[]]> = [
    ["none", []],
    ["one", [7]],
    ["the highest", [2 ** 53 - 1]],
    ["the highest beside the lowest that go together", [2 ** 53 - 1, 0]],
    ["numbers below zero", [-(2 ** 51) + 1, 2 ** 51 - 1]],
    ["a frame and one more", Array.from({ length: 257 }, (_, i) => i)],
    ["24 bits, the most of one plane", [0, 2 ** 24 - 1, 5]],
    ["25 bits, the least of two", [0, 2 ** 24, 5, 2 ** 25 - 1]],
    ["a frame in which half leap", Array.from({ length: 256 }, (_, i) => (i % 2) * 2 ** 50)],
  ];
  it.each(edges)("comes back: %s", (_why, numbers) => {
    expect(readBack(bytesOf(numbers), numbers.length)).toEqual(numbers);
  });

  it("takes about the bits that its numbers have, one leap in a frame or not", () => {
    const narrow = Array.from({ length: 2_560 }, (_, i) => (i * 7) % 1_024);
    expect(bytesOf(narrow).length).toBeLessThan(2_560 * (10 / 8) + 60);
    const leaping = narrow.map((number, i) => (i % 256 === 9 ? 2 ** 40 : number));
    expect(bytesOf(leaping).length).toBeLessThan(2_560 * (10 / 8) + 60 + 10 * 8);
  });

  it("of small numbers is read into small arrays, and refused if one is out of range", () => {
    const numbers = Array.from({ length: 600 }, (_, i) => (i * 13) % 200);
    const bytes = bytesOf(numbers);
    const into = new Uint32Array(numbers.length);
    readSmallFrames(new ByteReader(bytes), into, 200);
    expect([...into]).toEqual(numbers);
    expect(() => readSmallFrames(new ByteReader(bytes), into, 199)).toThrow(/out of range/);
    const negative = bytesOf([-1, 3]);
    const two = new Uint32Array(2);
    expect(() => readSmallFrames(new ByteReader(negative), two, 9)).toThrow(/out of range/);
    const leap = bytesOf([...numbers, 2 ** 30]);
    const more = new Uint32Array(numbers.length + 1);
    expect(() => readSmallFrames(new ByteReader(leap), more, 200)).toThrow(/out of range/);
  });

  it("that is cut off is refused, not read beyond its end", () => {
    const bytes = bytesOf(Array.from({ length: 300 }, (_, i) => i * i));
    for (let length = 0; length < bytes.length - FRAME_PADDING; length += 7) {
      const reader = new ByteReader(bytes.subarray(0, length));
      expect(() => readFrames(reader, new Float64Array(300))).toThrow();
    }
  });
});
