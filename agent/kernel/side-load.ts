/**
 * Load cells as bytes, a column per field, so that they deflate well.
 *
 *     version        1
 *     operations     count, each as length and UTF-8; in order of first use
 *     cells          count, then varints: operations; slots; lengths; arrivals; completions; exclusive times;
 *                    greatest residences; the three integrals; how many residences
 *     residences     of all cells: the bucket's value, less the one before it in the cell; then all counts
 */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type LoadCell, latencyBucketUs, MAX_LATENCY_US, SLOTS_PER_SECOND } from "./side-block.ts";
import { readNames, SideNames, sideBytes, wholeNumber } from "./side-bytes.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";

const VERSION = 1;
/** The fields that are a plain column of varints, in their order on the wire. */
const COLUMNS = [
  "slot",
  "lengthUs",
  "arrivals",
  "completions",
  "exclusiveUs",
  "maxResidenceUs",
  "inFlightUs",
  "downstreamUs",
  "poolUs",
] as const;

// Scratch, used within one call and never across.
const out = new ByteWriter();

/**
 * The cells of (a part of) one second as bytes. They keep their order.
 * @throws RetroError `bad-batch`, `too-large`: a field that is no whole number >= 0, a residence off the layout
 * @example
 * const bytes = encodeLoad([
 *   { operation: "GET /cart", slot: 12, lengthUs: 10_000, arrivals: 1, completions: 1, exclusiveUs: 700,
 *     maxResidenceUs: 900, inFlightUs: 900, downstreamUs: 200, poolUs: 0, residences: [[900, 1]] },
 * ]);
 * decodeLoad(bytes)[0]?.slot; // 12
 */
export function encodeLoad(cells: readonly LoadCell[]): Uint8Array {
  checkLimit("load cells", cells.length, WIRE_LIMITS.loadCells);
  const names = new SideNames();
  const operations = cells.map((cell) => names.index(cell.operation));
  return sideBytes(out, VERSION, () => {
    names.writeTo(out);
    out.varint(cells.length);
    out.varints(operations, operations.length);
    for (const field of COLUMNS) {
      for (const cell of cells) out.varint(wholeNumber(cell[field]));
    }
    for (const { slot } of cells) checkSlot(slot);
    for (const { residences } of cells) out.varint(residences.length);
    for (const { residences } of cells) {
      let before = 0;
      for (const [valueUs] of residences) {
        checkBucket(valueUs, before);
        out.varint(valueUs - before);
        before = valueUs;
      }
    }
    for (const { residences } of cells) {
      for (const [, count] of residences) out.varint(checkCount(wholeNumber(count)));
    }
  });
}

/**
 * What `encodeLoad` was given.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeLoad(bytes: Uint8Array): LoadCell[] {
  const reader = new ByteReader(bytes);
  const names = readNames(reader, VERSION);
  const count = reader.varint();
  checkLimit("load cells", count, WIRE_LIMITS.loadCells);
  const operations = names.column(reader, count);
  names.checkUsed();
  const columns = COLUMNS.map(() => reader.column(count));
  const sizes = reader.column(count);
  let total = 0;
  for (const size of sizes) total += size;
  // Two columns of varints follow, so a total beyond the bytes at hand is refused before it is allocated.
  const values = reader.column(total);
  const counts = reader.column(total);
  if (reader.remaining > 0) badBatch("bytes after the load cells");
  let next = 0;
  const cells: LoadCell[] = [];
  for (let i = 0; i < count; i += 1) {
    const residences: [number, number][] = [];
    let value = 0;
    for (let left = sizes[i] as number; left > 0; left -= 1) {
      const before = value;
      value += values[next] as number;
      checkBucket(value, before);
      residences.push([value, checkCount(counts[next] as number)]);
      next += 1;
    }
    const field = (j: number): number => (columns[j] as Float64Array)[i] as number;
    checkSlot(field(0));
    cells.push({
      ...{ operation: operations[i] as string, slot: field(0), lengthUs: field(1) },
      ...{ arrivals: field(2), completions: field(3), exclusiveUs: field(4) },
      ...{ maxResidenceUs: field(5), inFlightUs: field(6), downstreamUs: field(7) },
      ...{ poolUs: field(8), residences },
    });
  }
  return cells;
}

function checkSlot(slot: number): void {
  if (slot >= SLOTS_PER_SECOND) badBatch("a slot outside its second");
}

function checkBucket(valueUs: number, before: number): void {
  if (!(valueUs > before && valueUs <= MAX_LATENCY_US)) badBatch("residences that do not rise");
  if (latencyBucketUs(valueUs) !== valueUs) badBatch("a residence off the histogram's layout");
}

function checkCount(count: number): number {
  if (count === 0) badBatch("a residence that nobody had");
  return count;
}
