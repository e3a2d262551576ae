/**
 * Whether parts of an HTTP/1 body follow its head, which no stamp in the head covers. Node keeps the body's length in
 * `_contentLength`, and means two things by it:
 *
 *     response.end(body)                          the length of a body that is all there
 *     response.setHeader("content-length", 7)     a promise: the parts come when they come
 *
 * So it is compared with what leaves in one piece with the head.
 */
import type { OutgoingHead } from "./last-moment.ts";

/**
 * Of a message that has a body, if its head leaves now.
 * @param first what leaves with the head, as Node hands it to `_send`; undefined: not known at this point
 * @param byteLength of `first`, where Node counted it
 */
export function bodyFollows(
  { _contentLength: length, chunkedEncoding }: OutgoingHead,
  first: unknown,
  encoding: unknown,
  byteLength: unknown,
): boolean {
  if (typeof length !== "number") return true;
  // In chunks only the body of one `end` has a length; what leaves first is then the size of its chunk.
  if (length === 0 || chunkedEncoding || first === undefined) return false;
  return length > bytesOf(first, encoding, byteLength);
}

function bytesOf(first: unknown, encoding: unknown, byteLength: unknown): number {
  if (typeof byteLength === "number") return byteLength;
  if (first instanceof Uint8Array) return first.byteLength;
  if (typeof first !== "string") return 0;
  return Buffer.byteLength(
    first,
    typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8",
  );
}
