/** One value of our header as text, wherever it stood: bags, Kafka's messages, OpenTelemetry's carriers. */
import { MAX_CARRIER_BYTES, MAX_CARRIERS_READ } from "./carrier.ts";

/** Of a value only so much is looked at: as many stamps as are ever read, and what stands between them. */
const MAX_VALUE_BYTES = MAX_CARRIERS_READ * (MAX_CARRIER_BYTES + 2);

/** The text of a text or of bytes, cut off where no stamp is read any more; `undefined`: it is neither. */
export function valueText(value: unknown): string | undefined {
  if (typeof value === "string") {
    return value.length > MAX_VALUE_BYTES ? value.slice(0, MAX_VALUE_BYTES) : value;
  }
  if (!(value instanceof Uint8Array)) return undefined;
  const { buffer, byteOffset, length } = value;
  return Buffer.from(buffer, byteOffset, Math.min(length, MAX_VALUE_BYTES)).toString("latin1");
}
