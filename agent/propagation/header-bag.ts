/**
 * Our header in whatever holds headers, for transports without a hook: `agent.stamp(headers)` and
 * `agent.merge(headers)` stand on these two. A bag is a plain object (http, gRPC-like metadata, Kafka,
 * whose values are Buffers) or anything with `get` and `set` (`Headers`, `Map`).
 */
import { CARRIER_HEADER, MAX_CARRIERS_READ } from "./carrier.ts";

/** Anything with these two: `Headers`, `Map<string, string>`. */
export interface HeaderAccess {
  get(name: string): unknown;
  set(name: string, value: string): unknown;
}

export type HeaderBag = HeaderAccess | Record<string, unknown>;

/** Puts the header into the bag, in place of one that is there in any spelling. */
export function writeToBag(bag: HeaderBag, text: string): void {
  if (hasAccess(bag)) {
    bag.set(CARRIER_HEADER, text);
    return;
  }
  const spelled = spellingIn(bag);
  if (spelled !== undefined && spelled !== CARRIER_HEADER) delete bag[spelled];
  bag[CARRIER_HEADER] = text;
}

/** The header's values in the bag, for `readCarrier`; `undefined`: it has none. */
export function readFromBag(bag: HeaderBag): string | readonly string[] | undefined {
  const spelled = hasAccess(bag) ? CARRIER_HEADER : spellingIn(bag);
  if (spelled === undefined) return undefined;
  const value = hasAccess(bag) ? bag.get(spelled) : bag[spelled];
  return Array.isArray(value)
    ? value.slice(0, MAX_CARRIERS_READ).flatMap((each) => textOf(each) ?? [])
    : textOf(value);
}

function hasAccess(bag: HeaderBag): bag is HeaderAccess {
  return typeof bag.get === "function" && typeof bag.set === "function";
}

function spellingIn(bag: Record<string, unknown>): string | undefined {
  if (Object.hasOwn(bag, CARRIER_HEADER)) return CARRIER_HEADER;
  for (const name of Object.keys(bag)) {
    if (name.length === CARRIER_HEADER.length && name.toLowerCase() === CARRIER_HEADER) return name;
  }
  return undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : undefined;
}
