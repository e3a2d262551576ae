/**
 * What is said to a thread that goes through slices, and what it answers. Messages are cloned on their way,
 * and a clone forgets classes: sets travel as their members. Bytes of blocks travel in one buffer that is
 * handed over: cloning them one by one would copy each several times, and whatever shares its memory, too.
 */
import { type Json, type Value, ValueSet } from "../../../agent/kernel/index.ts";
import type { ColumnPart, ColumnSlice, HeldAtStart } from "../../cut/column-shapes.ts";
import type { SliceResult } from "./slice-result.ts";
import type { SliceSetup } from "./slice-threads.ts";

export type ToSliceThread =
  /** `cancelled`: one Int32; anything but 0 ends what is under way. */
  | { readonly kind: "open"; readonly setup: SliceSetup; readonly cancelled: SharedArrayBuffer }
  | { readonly kind: "run"; readonly slice: PlainSlice };

export type FromSliceThread =
  | { readonly kind: "result"; readonly result: SliceResult }
  | { readonly kind: "broken"; readonly message: string };

interface PlainHeld extends Omit<HeldAtStart, "value"> {
  readonly value: Exclude<Value, ValueSet> | null;
  /** Of a set, in place of `value`. */
  readonly members?: readonly Json[];
}

interface PlainPart extends Omit<ColumnPart, "bytes" | "key"> {
  /** Where its bytes lie, and before them its key, if it has one. */
  readonly start: number;
  readonly length: number;
  readonly keyLength: number;
}

export interface PlainSlice extends Omit<ColumnSlice, "held" | "parts"> {
  readonly held: readonly PlainHeld[];
  readonly parts: readonly PlainPart[];
  /** Of all parts; to be handed over. */
  readonly bytes: ArrayBuffer;
}

const NO_BYTES = new Uint8Array(0);

/** Cost: a copy of the bytes of all parts. */
export function plainSlice(slice: ColumnSlice): PlainSlice {
  const held = slice.held.map(
    ({ node, column, value }): PlainHeld =>
      value instanceof ValueSet
        ? { node, column, value: null, members: value.members }
        : { node, column, value },
  );
  const sizeOf = ({ bytes, key = NO_BYTES }: ColumnPart): number => key.length + bytes.length;
  const all = new Uint8Array(slice.parts.reduce((sum, part) => sum + sizeOf(part), 0));
  let end = 0;
  const parts = slice.parts.map(({ bytes, key = NO_BYTES, ...part }): PlainPart => {
    const start = end + key.length;
    all.set(key, end);
    all.set(bytes, start);
    end = start + bytes.length;
    return { ...part, start, length: bytes.length, keyLength: key.length };
  });
  return { ...slice, held, parts, bytes: all.buffer };
}

export function sliceFrom({ bytes, ...plain }: PlainSlice): ColumnSlice {
  const held = plain.held.map(
    ({ node, column, value, members }): HeldAtStart => ({
      node,
      column,
      value:
        members === undefined ? value : (ValueSet.ofAscending(members) ?? ValueSet.of(members)),
    }),
  );
  const parts = plain.parts.map(({ start, length, keyLength, ...part }): ColumnPart => {
    const key = new Uint8Array(bytes, start - keyLength, keyLength);
    const read = { ...part, bytes: new Uint8Array(bytes, start, length) };
    return keyLength === 0 ? read : { ...read, key };
  });
  return { ...plain, held, parts };
}
