/** Our own promises to ourselves. Bytes and text from outside are validated, never asserted. */

/** Throws if `condition` is false: a bug of ours, not of the caller's world. */
export function assert(condition: boolean, whatMustHold: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${whatMustHold}`);
}
