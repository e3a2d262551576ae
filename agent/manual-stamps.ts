/** Stamps on anything that holds headers, for transports without a hook: `agent.stamp`, `agent.merge`. */
import type { Hlc } from "./kernel/index.ts";
import { CARRIER_HEADER, readCarrier } from "./propagation/carrier.ts";
import type { MessageRecorder } from "./propagation/recorder.ts";
import { failMessage, stampMessage } from "./propagation/stamping.ts";

/** A plain object, a `Headers`, a `Map`: names to texts, or to lists of texts. */
export type HeadersLike =
  | { [name: string]: unknown }
  | { get(name: string): unknown; set(name: string, value: string): unknown };

const CHANNEL = "manual";

/**
 * Records a send and writes its stamp. null: the agent is off, or there is nothing to write on. Headers
 * that refuse the stamp are the host's mistake: the send is recorded as one that did not go out stamped.
 */
export function stampHeaders(recorder: MessageRecorder, headers: unknown): Hlc | null {
  if (!isHeaders(headers)) {
    recorder.unstamped(CHANNEL, "out");
    return null;
  }
  const present = readHeader(headers);
  const first = Array.isArray(present) ? present[0] : present;
  const text = typeof first === "string" ? first : undefined;
  const message = stampMessage(recorder, CHANNEL, null, false, text);
  if (message === null) return null;
  if (!writeHeader(headers, message.text)) {
    failMessage(recorder, CHANNEL, message);
    recorder.unstamped(CHANNEL, "out");
  }
  return message.stamp.t;
}

/** Merges the stamp and records the arrival. null: the agent is off, or there was no stamp. */
export function mergeHeaders(recorder: MessageRecorder, headers: unknown): Hlc | null {
  const value = isHeaders(headers) ? readHeader(headers) : undefined;
  const texts = (Array.isArray(value) ? value : [value]).map(asText).filter((one) => one !== null);
  if (texts.length === 0) {
    recorder.unstamped(CHANNEL, "in");
    return null;
  }
  const { stamp, malformedCount } = readCarrier(texts);
  for (let i = 0; i < malformedCount; i += 1) recorder.malformed(CHANNEL);
  if (stamp !== undefined) return recorder.receive(stamp, CHANNEL, null, false);
  recorder.unstamped(CHANNEL, "in");
  return null;
}

/** A message without headers, as some clients give it, is none. */
function isHeaders(headers: unknown): headers is HeadersLike {
  return typeof headers === "object" && headers !== null;
}

/** Kafka clients and others hold header values as bytes. */
function asText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array && value.length <= 1_024)
    return Buffer.from(value).toString("latin1");
  return null;
}

/** undefined: not there, or the host's object cannot be read. */
function readHeader(headers: HeadersLike): unknown {
  try {
    if (hasMethods(headers)) {
      const value = headers.get(CARRIER_HEADER);
      if (value !== undefined && value !== null) return value;
      if (!(headers instanceof Map)) return undefined;
      return headers.get([...headers.keys()].find(isOurName));
    }
    const plain = headers as Record<string, unknown>;
    const exact = plain[CARRIER_HEADER];
    if (exact !== undefined) return exact;
    const name = Object.keys(plain).find(isOurName);
    return name === undefined ? undefined : plain[name];
  } catch {
    return undefined;
  }
}

/** false: the host's object cannot be written (it is frozen, or throws). */
function writeHeader(headers: HeadersLike, text: string): boolean {
  try {
    if (hasMethods(headers)) {
      headers.set(CARRIER_HEADER, text);
      return true;
    }
    const plain = headers as Record<string, unknown>;
    for (const name of Object.keys(plain))
      if (name !== CARRIER_HEADER && isOurName(name)) delete plain[name];
    plain[CARRIER_HEADER] = text;
    return true;
  } catch {
    return false;
  }
}

function isOurName(name: unknown): boolean {
  return typeof name === "string" && name.toLowerCase() === CARRIER_HEADER;
}

function hasMethods(
  headers: HeadersLike,
): headers is { get(name: string): unknown; set(name: string, value: string): unknown } {
  return typeof headers.get === "function" && typeof headers.set === "function";
}
