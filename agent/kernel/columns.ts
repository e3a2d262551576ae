/** Columns of numbers that grow: whoever fills them doubles them, and copies what is there. */

/** `to`, which is the longer, with what `from` holds at its beginning. */
export function grown<Column extends Float64Array | Uint32Array | Uint8Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}
