/**
 * The head of an HTTP/1 message as text, and our header in it:
 *
 *     GET /cart HTTP/1.1\r\n
 *     Host: cart:8080\r\n
 *     retroscope-hlc: 1-...\r\n      <- found, replaced, taken out, or added last
 *     \r\n
 *
 * Node has checked the text for stray line ends before we see it, so a line is a header.
 */
import { CARRIER_HEADER } from "./carrier.ts";

const OURS = /\r\nretroscope-hlc:[ \t]*([^\r\n]*)/gi;
const HOST = /\r\nhost:([^\r\n]*)/i;
const NAME_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The value of our header in `head`; `undefined`: none. Of several, the first. */
export function findCarrier(head: string): string | undefined {
  OURS.lastIndex = 0;
  return OURS.exec(head)?.[1];
}

/** `head` with our header saying `text`, once; null: without it. */
export function withCarrier(
  head: string,
  present: string | undefined,
  text: string | null,
): string {
  const bare = present === undefined ? head : withoutCarrier(head);
  return text === null ? bare : `${bare.slice(0, -2)}${CARRIER_HEADER}: ${text}\r\n\r\n`;
}

/** `head`, or lines each of which follows a line end, without our header. */
export function withoutCarrier(head: string): string {
  return head.replace(OURS, "");
}

interface HostAndPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** What the `Host` line says; `undefined`: there is none. */
export function hostText(head: string): string | undefined {
  return HOST.exec(head)?.[1];
}

/** Its name and port. A proxy may have it from anybody: the work is linear in its length. */
export function hostAndPort(line: string | undefined): HostAndPort | undefined {
  const match = line === undefined ? null : NAME_AND_PORT.exec(line.trim());
  if (match === null) return undefined;
  return { host: match[1] ?? "", port: match[2] === undefined ? undefined : Number(match[2]) };
}

/**
 * Whom a request means that is written for a forward proxy, `GET http://shop.example.com/ HTTP/1.1`:
 * the proxy hands it on, header and all. `undefined`: it is written for whom it is sent to. A target
 * that cannot be read has the host "", which is on no list.
 */
export function targetBehindProxy(head: string): HostAndPort | undefined {
  const start = head.indexOf(" ") + 1;
  if (head.charCodeAt(start) === 0x2f) return undefined; // "/cart", nearly always
  const target = head.slice(start, head.indexOf(" ", start));
  if (!ABSOLUTE.test(target)) return undefined; // "*", or CONNECT's "shop:443": it ends at the proxy
  if (!URL.canParse(target)) return { host: "", port: undefined };
  const { hostname, port, protocol } = new URL(target);
  return { host: hostname, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}

/**
 * The values of our header in a list of names and values, as Node and undici hand out raw headers
 * (texts or bytes). One value comes as it is, so that the common case makes no array.
 */
export function rawCarriers(
  raw: readonly (string | Uint8Array)[],
): string | readonly string[] | undefined {
  let first: string | undefined;
  let several: string[] | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i];
    // `Content-Length` is as long.
    if (name?.length !== CARRIER_HEADER.length || !mayBeOurs(name)) continue;
    if (latin1(name).toLowerCase() !== CARRIER_HEADER) continue;
    const value = latin1(raw[i + 1] ?? "");
    if (first === undefined) first = value;
    else if (several === undefined) several = [first, value];
    else several.push(value);
  }
  return several ?? first;
}

function mayBeOurs(name: string | Uint8Array): boolean {
  const first = typeof name === "string" ? name.charCodeAt(0) : name[0];
  return first === 0x72 || first === 0x52; // r, R
}

function latin1(text: string | Uint8Array): string {
  return typeof text === "string" ? text : Buffer.from(text).toString("latin1");
}
