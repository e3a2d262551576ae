/**
 * Literal IP addresses and ranges, without DNS. An address is eight groups of 16 bits; IPv4 stands in
 * its IPv6 form (::ffff:a.b.c.d), so that one address has one reading however it is spelled:
 *
 *     127.0.0.1  =  ::ffff:127.0.0.1  =  ::ffff:7f00:1
 *
 * Only the dotted form of four decimal numbers is IPv4 here. What resolvers accept besides (one
 * decimal number, octal, hex) is no address, and destinations.ts refuses it.
 */
export type Address = readonly number[];

export interface AddressRange {
  readonly address: Address;
  /** Leading bits that must be equal, of 128. */
  readonly prefixBits: number;
}

const V4_PREFIX: Address = [0, 0, 0, 0, 0, 0xffff];
const DOTTED = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** Reads a literal address, lower or upper case, without brackets or zone. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) {
    const v4 = parseV4(text);
    return v4 === undefined ? undefined : [...V4_PREFIX, ...v4];
  }
  return parseV6(text);
}

/** Reads an address (a range of one) or `address/prefix`. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash < 0) return { address, prefixBits: 128 };
  const prefixText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefixText)) return undefined;
  const isV4 = !text.includes(":");
  const prefixBits = Number(prefixText) + (isV4 ? 96 : 0);
  return prefixBits <= 128 ? { address, prefixBits } : undefined;
}

/** Whether `address` lies in `range`. */
export function isInRange(address: Address, range: AddressRange): boolean {
  for (let group = 0, bitsLeft = range.prefixBits; bitsLeft > 0; group += 1, bitsLeft -= 16) {
    const shift = Math.max(0, 16 - bitsLeft);
    if (((address[group] ?? 0) ^ (range.address[group] ?? 0)) >> shift !== 0) return false;
  }
  return true;
}

function parseV4(text: string): readonly number[] | undefined {
  const match = DOTTED.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a * 256 + b, c * 256 + d];
}

function parseV6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Groups between colons; the last may be a dotted IPv4 address if the text ends the address. */
function parseGroups(text: string, endsAddress: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = endsAddress && i === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) groups.push(...v4);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
