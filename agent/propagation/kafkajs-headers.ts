/**
 * Our header among those of a Kafka message. Keys are bytes to Kafka and text to kafkajs; a value comes
 * as a Buffer, null, a string, or a list of these where the key stands several times. Any client may
 * have written it, so nothing is believed and the work is bounded.
 */
import { CARRIER_HEADER, MAX_CARRIERS_READ } from "./carrier.ts";
import { valueText } from "./header-value.ts";
import { isObject } from "./kafkajs-shapes.ts";

/** The header's values as text; `undefined`: the message has none. */
export function carriersIn(headers: unknown): string | readonly string[] | undefined {
  if (!isObject(headers)) return undefined;
  const name = spellingIn(headers);
  if (name === undefined) return undefined;
  const value = headers[name];
  if (!Array.isArray(value)) return valueText(value);
  const texts: string[] = [];
  for (const each of value.slice(0, MAX_CARRIERS_READ)) {
    const text = valueText(each);
    if (text !== undefined) texts.push(text);
  }
  return texts.length === 0 ? undefined : texts;
}

/** Takes our header out of `headers`, in whatever spelling it stands there. */
export function removeCarrier(headers: Record<string, unknown>): void {
  for (let name = spellingIn(headers); name !== undefined; name = spellingIn(headers)) {
    delete headers[name];
  }
}

/** Puts our header into `headers`, and takes out others of its name. */
export function writeCarrier(headers: Record<string, unknown>, text: string): void {
  removeCarrier(headers);
  headers[CARRIER_HEADER] = text;
}

function spellingIn(headers: Record<string, unknown>): string | undefined {
  if (Object.hasOwn(headers, CARRIER_HEADER)) return CARRIER_HEADER;
  for (const name of Object.keys(headers)) {
    if (name.length === CARRIER_HEADER.length && name.toLowerCase() === CARRIER_HEADER) return name;
  }
  return undefined;
}
