/** What holds bytes, and boxed plain values: the host's objects that JSON has no form for. */
import { STATE_LIMITS } from "./limits.ts";

/** The numbers of what holds bytes, never more than a value may have; undefined: it is something else. */
export function numbersOf(
  object: object,
): { readonly list: ArrayLike<unknown>; readonly length: number } | undefined {
  if (ArrayBuffer.isView(object)) {
    if (!(object instanceof DataView)) {
      const list = object as unknown as ArrayLike<unknown>;
      return { list, length: Number(list.length) };
    }
    const { buffer, byteOffset, byteLength } = object;
    return { list: startOf(buffer, byteOffset, byteLength), length: byteLength };
  }
  if (!(object instanceof ArrayBuffer || object instanceof SharedArrayBuffer)) return undefined;
  return { list: startOf(object, 0, object.byteLength), length: object.byteLength };
}

function startOf(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  return new Uint8Array(buffer, offset, Math.min(length, STATE_LIMITS.valueEntries));
}

export function isBoxed(object: object): boolean {
  return object instanceof Number || object instanceof String || object instanceof Boolean;
}
