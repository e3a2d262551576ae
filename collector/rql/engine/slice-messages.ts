/**
 * What is said to a thread that goes through slices, and what it answers. Messages are cloned on their way,
 * and a clone forgets classes: sets travel as their members.
 */
import { type Json, type Value, ValueSet } from "../../../agent/kernel/index.ts";
import type { ColumnSlice, HeldAtStart } from "../../cut/column-shapes.ts";
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

export type PlainSlice = Omit<ColumnSlice, "held"> & { readonly held: readonly PlainHeld[] };

export function plainSlice(slice: ColumnSlice): PlainSlice {
  const held = slice.held.map(
    ({ node, column, value }): PlainHeld =>
      value instanceof ValueSet
        ? { node, column, value: null, members: value.members }
        : { node, column, value },
  );
  return { ...slice, held };
}

export function sliceFrom(plain: PlainSlice): ColumnSlice {
  const held = plain.held.map(
    ({ node, column, value, members }): HeldAtStart => ({
      node,
      column,
      value:
        members === undefined ? value : (ValueSet.ofAscending(members) ?? ValueSet.of(members)),
    }),
  );
  return { ...plain, held };
}
