/**
 * Our header in whatever holds headers, for transports without a hook: `agent.stamp` and `agent.merge`
 * (agent/manual-stamps.ts) and the OpenTelemetry propagator stand on these two. A bag is a plain object
 * (http, Kafka, whose values are bytes) or anything with `get` and `set` (`Headers`, `Map`, gRPC's
 * metadata). Bags are the host's: reading and writing one never throws.
 */
import { CARRIER_HEADER, MAX_CARRIERS_READ } from "./carrier.ts";
import { valueText } from "./header-value.ts";

/** Anything with these two: `Headers`, `Map<string, string>`. */
export interface HeaderAccess {
  get(name: string): unknown;
  set(name: string, value: string): unknown;
}

export type HeaderBag = HeaderAccess | { [name: string]: unknown };

/**
 * Puts the header into the bag, in place of one that is there in any spelling.
 * @returns whether it could be written: a bag may be frozen, or throw
 */
export function writeToBag(bag: HeaderBag, text: string): boolean {
  try {
    if (hasAccess(bag)) {
      const spelled = bag instanceof Map ? spellingAmong(bag.keys()) : undefined;
      if (spelled !== undefined && spelled !== CARRIER_HEADER)
        (bag as Map<string, string>).delete(spelled);
      bag.set(CARRIER_HEADER, text);
    } else {
      for (const name of Object.keys(bag)) {
        if (name !== CARRIER_HEADER && isOurs(name)) delete bag[name];
      }
      bag[CARRIER_HEADER] = text;
    }
    return true;
  } catch {
    return false;
  }
}

/** The header's values in the bag, for `readCarrier`; `undefined`: it has none, or cannot be read. */
export function readFromBag(bag: HeaderBag): string | readonly string[] | undefined {
  try {
    const value = valueIn(bag);
    return Array.isArray(value)
      ? value.slice(0, MAX_CARRIERS_READ).flatMap((each) => valueText(each) ?? [])
      : valueText(value);
  } catch {
    return undefined;
  }
}

function valueIn(bag: HeaderBag): unknown {
  if (!hasAccess(bag)) {
    const spelled = Object.hasOwn(bag, CARRIER_HEADER)
      ? CARRIER_HEADER
      : spellingAmong(Object.keys(bag));
    return spelled === undefined ? undefined : bag[spelled];
  }
  const value = bag.get(CARRIER_HEADER) ?? undefined;
  if (value !== undefined || !(bag instanceof Map)) return value;
  const spelled = spellingAmong(bag.keys());
  return spelled === undefined ? undefined : bag.get(spelled);
}

function hasAccess(bag: HeaderBag): bag is HeaderAccess {
  return typeof bag.get === "function" && typeof bag.set === "function";
}

function spellingAmong(names: Iterable<unknown>): string | undefined {
  for (const name of names) if (isOurs(name)) return name;
  return undefined;
}

function isOurs(name: unknown): name is string {
  return (
    typeof name === "string" &&
    name.length === CARRIER_HEADER.length &&
    name.toLowerCase() === CARRIER_HEADER
  );
}
