/**
 * Columns of numbers in a file, as doubles of this machine, one column after the other:
 *
 *     | columns | rows | column 0: rows doubles | column 1 | ...
 */
import { readFileSync, writeFileSync } from "node:fs";

export function writeColumns(path: string, columns: readonly Float64Array[]): void {
  const rows = columns[0]?.length ?? 0;
  const parts = [Float64Array.of(columns.length, rows), ...columns];
  writeFileSync(
    path,
    Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))),
  );
}

/** @throws if the file holds another number of columns, or is cut short */
export function readColumns(path: string, count: number): Float64Array[] {
  const bytes = readFileSync(path);
  const all = new Float64Array(Math.floor(bytes.length / 8));
  Buffer.from(all.buffer).set(bytes.subarray(0, all.byteLength));
  const [columns = 0, rows = 0] = all;
  if (columns !== count || all.length !== 2 + columns * rows) {
    throw new Error(
      `${path}: ${columns} columns of ${rows} in ${all.length} numbers, not ${count}`,
    );
  }
  return Array.from({ length: count }, (_, i) => all.slice(2 + i * rows, 2 + (i + 1) * rows));
}

/** Rows of numbers that grow without an object each. */
export class GrowingColumns {
  #columns: Float64Array[];
  #rows = 0;

  constructor(count: number, room = 4_096) {
    this.#columns = Array.from({ length: count }, () => new Float64Array(room));
  }

  get rows(): number {
    return this.#rows;
  }

  push(...values: readonly number[]): number {
    const room = this.#columns[0]?.length ?? 0;
    if (this.#rows === room) {
      this.#columns = this.#columns.map((column) => {
        const wider = new Float64Array(room * 2);
        wider.set(column);
        return wider;
      });
    }
    for (const [i, value] of values.entries())
      (this.#columns[i] as Float64Array)[this.#rows] = value;
    this.#rows += 1;
    return this.#rows - 1;
  }

  set(row: number, column: number, value: number): void {
    (this.#columns[column] as Float64Array)[row] = value;
  }

  all(): Float64Array[] {
    return this.#columns.map((column) => column.slice(0, this.#rows));
  }
}
