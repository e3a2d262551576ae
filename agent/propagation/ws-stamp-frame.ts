/**
 * How a stamp travels over a WebSocket, whose messages have no headers: in an unsolicited pong right
 * before the last frame of its message.
 *
 *     | pong  retroscope-hlc:1-01a1fed6007b0a70-k52.5f2-cart |  | text  {"apples":3} |
 *
 * RFC 6455, section 5.5.3: a pong may be sent unasked and is not answered; control frames are at most
 * 125 bytes, are never compressed, may stand between the fragments of a message, and arrive in order. So
 * no byte of a message changes, and who does not know of it drops it.
 *
 * Tried on paper and dropped: a prefix in the message (changes what unhooked peers and proxies see), an
 * extension (`Sec-WebSocket-Extensions`: ws refuses a reply that names one it did not offer), a
 * subprotocol (is the host's own), reserved bits (1002 from every peer).
 */

const PREFIX = "retroscope-hlc:";
/** RFC 6455, section 5.5. */
const MAX_CONTROL_BYTES = 125;

/** Says in a handshake, either way: stamps in pongs are understood here. */
export const SPEAKS_HEADER = "retroscope-ws";

/** Sent by a client that could not say so in its handshake: a stamp frame without a stamp. */
export const HELLO: string = PREFIX;

/** The payload that carries a carrier's text; undefined: it is too long for a control frame. */
export function stampPayload(carrier: string): string | undefined {
  const payload = PREFIX + carrier;
  return payload.length <= MAX_CONTROL_BYTES ? payload : undefined;
}

/** The carrier's text in a pong's payload, whatever it says; undefined: the pong is the host's. */
export function carrierInPong(payload: unknown): string | undefined {
  if (!(payload instanceof Uint8Array) || payload.length < PREFIX.length) return undefined;
  if (payload[0] !== PREFIX.charCodeAt(0)) return undefined;
  const { buffer, byteOffset, length } = payload;
  const text = Buffer.from(buffer, byteOffset, length).toString("latin1");
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined;
}
