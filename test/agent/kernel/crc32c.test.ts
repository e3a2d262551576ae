import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../agent/kernel/index.ts";

/** The slow and obvious way: one bit at a time. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogues.
  const known: ReadonlyArray<readonly [what: string, bytes: Uint8Array, crc: number]> = [
    ["nothing", new Uint8Array(0), 0],
    ["123456789", new TextEncoder().encode("123456789"), 0xe306_9283],
    ["32 zeros", new Uint8Array(32), 0x8a91_36aa],
    ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
  ];
  it.each(known)("of %s", (_what, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });

  it("is that of the slow way, for any stretch of any array", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(), (bytes, from, to) => {
        const start = from % (bytes.length + 1);
        const end = start + (to % (bytes.length - start + 1));
        expect(crc32c(bytes, start, end)).toBe(slowCrc32c(bytes.subarray(start, end)));
        expect(crc32c(bytes.subarray(start), 0, end - start)).toBe(crc32c(bytes, start, end));
      }),
    );
  });
});
