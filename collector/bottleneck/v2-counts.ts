/**
 * The counts of an hdr-histogram in its V2 form, as the pairs that cells have. The kernel's decoder has checked
 * kind, range and length (side-histogram.ts).
 *
 *     index      0 ......... 2047 | 2048 ...... 3071 | 3072 ...
 *     value      0 ......... 2047 | 2048, 2050 ..... | 4096, 4100 ...
 *
 * hdr-histogram-js would build a table of 24 KB for each second, operation and node, only for it to be walked
 * once; its own reading is the oracle of the test.
 */
import type { LatencyBucketCounts } from "./latency-shapes.ts";

const HEADER_BYTES = 40;
const HALF = 1_024;

export function v2Counts(v2: Uint8Array): LatencyBucketCounts {
  const pairs: (readonly [number, number])[] = [];
  let pos = HEADER_BYTES;
  let index = 0;
  while (pos < v2.length) {
    let folded = 0;
    let scale = 1;
    for (;;) {
      const byte = v2[pos] ?? 0;
      pos += 1;
      folded += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    // Zigzag: odd is negative, minus the length of a run of zeros.
    if (folded % 2 === 1) {
      index += (folded + 1) / 2;
      continue;
    }
    if (folded > 0) pairs.push([valueAt(index), folded / 2]);
    index += 1;
  }
  return pairs;
}

/** The lowest value of the bucket at an index. */
function valueAt(index: number): number {
  const octave = Math.floor(index / HALF) - 1;
  return octave <= 0 ? index : ((index % HALF) + HALF) * 2 ** octave;
}
