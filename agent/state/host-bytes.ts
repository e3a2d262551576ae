/** What holds bytes, and boxed plain values: the host's objects that JSON has no form for. */
import { STATE_LIMITS } from "./limits.ts";

/** Bytes beyond are not kept, and a secret that begins before them is in here. */
const MAX_BYTES_LOOKED_AT = STATE_LIMITS.valueEntries + 256;

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

/** The start of what holds bytes, as text: where a secret is kept in a buffer it is one all the same. */
export function bytesAsText(object: object): string {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(object)
    ? object
    : {
        buffer: object as ArrayBuffer,
        byteOffset: 0,
        byteLength: (object as ArrayBuffer).byteLength,
      };
  const length = Math.min(byteLength, MAX_BYTES_LOOKED_AT);
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function startOf(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  return new Uint8Array(buffer, offset, Math.min(length, STATE_LIMITS.valueEntries));
}

export function isBoxed(object: object): boolean {
  return object instanceof Number || object instanceof String || object instanceof Boolean;
}
