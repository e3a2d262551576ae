/**
 * Who may see our header, and whose header we believe: allow-lists by name and literal address.
 * No name is looked up: a list that trusted DNS could be talked into trusting anybody.
 *
 *     always       loopback, private ranges (RFC 1918, fc00::/7), single-label names,
 *                  .localhost .local .internal .svc
 *     on request   the entries of `propagateTo` (destinations) and `acceptFrom` (senders)
 *     never        link-local addresses and the names of cloud metadata services, whatever is listed
 *
 * Entries: `api.example.com`, `*.example.com` (names below it), `203.0.113.7`, `203.0.113.0/24`,
 * `2001:db8::/32`, `[2001:db8::1]:8443`, `api.example.com:8443` (that port only), `*` (anybody).
 */
import { domainToASCII } from "node:url";
import { RetroError } from "../kernel/index.ts";
import { type AddressRange, isInRange, parseAddress, parseRange } from "./ip-address.ts";

const PRIVATE: readonly AddressRange[] = [
  "0.0.0.0/32", // "this host": what connects there connects to loopback
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::/127", // unspecified and loopback
  "fc00::/7",
].map(rangeOf);

/** Metadata services hand out credentials; the last lies inside fc00::/7. */
const NEVER: readonly AddressRange[] = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"].map(
  rangeOf,
);
const NEVER_NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

const NOT_ASCII = /[^\x21-\x7e]/;

const LOCAL_SUFFIXES: readonly string[] = [".localhost", ".local", ".internal", ".svc"];

/** Decisions remembered; when full, all are forgotten and made anew. */
export const MAX_REMEMBERED_PEERS = 1_024;
/** Entries in `propagateTo` or `acceptFrom`. */
export const MAX_LIST_ENTRIES = 256;

type Entry = { readonly port: number | undefined } & (
  | { readonly kind: "any" }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "suffix"; readonly suffix: string }
  | { readonly kind: "range"; readonly range: AddressRange }
);

export class PeerList {
  readonly #entries: readonly Entry[];
  readonly #remembered = new Map<string, boolean>();

  /**
   * @param entries peers allowed beside the local ones
   * @param field the option they come from, for the error: `propagateTo` or `acceptFrom`
   * @throws RetroError `bad-config`, naming the field and the entry
   */
  constructor(entries: readonly string[] = [], field = "propagateTo") {
    if (entries.length > MAX_LIST_ENTRIES) {
      throw new RetroError("bad-config", `${field} has more than ${MAX_LIST_ENTRIES} entries`, {
        hint: "Use address ranges (203.0.113.0/24) or suffixes (*.example.com).",
      });
    }
    this.#entries = entries.map((text) => parseEntry(text, field));
  }

  /**
   * Whether messages to or from `host` may carry the header.
   * @param host a name or literal address, IPv6 with or without brackets
   * @param port undefined: not known, and then an entry with a port does not match
   */
  allows(host: string, port?: number): boolean {
    const key = port === undefined ? host : `${host} ${port}`;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const allowed = this.#judge(host, port);
    if (this.#remembered.size >= MAX_REMEMBERED_PEERS) this.#remembered.clear();
    if (key.length <= 300) this.#remembered.set(key, allowed);
    return allowed;
  }

  #judge(hostText: string, port: number | undefined): boolean {
    const host = bareHost(hostText);
    const address = parseAddress(host);
    if (address !== undefined) {
      if (NEVER.some((range) => isInRange(address, range))) return false;
      if (PRIVATE.some((range) => isInRange(address, range))) return true;
      return this.#entries.some(
        (entry) =>
          portMatches(entry, port) &&
          (entry.kind === "any" || (entry.kind === "range" && isInRange(address, entry.range))),
      );
    }
    // "2852039166" and "0xa9fe.43518" are addresses to the resolver, 169.254.169.254 among them.
    if (host === "" || looksNumeric(host) || NEVER_NAMES.has(host)) return false;
    if (!host.includes(".") && !host.includes(":")) return true;
    if (LOCAL_SUFFIXES.some((suffix) => host.endsWith(suffix))) return true;
    return this.#entries.some(
      (entry) =>
        portMatches(entry, port) &&
        (entry.kind === "any" ||
          (entry.kind === "name" && entry.name === host) ||
          (entry.kind === "suffix" && host.endsWith(entry.suffix))),
    );
  }
}

function portMatches(entry: Entry, port: number | undefined): boolean {
  return entry.port === undefined || entry.port === port;
}

/**
 * Lower-case, without brackets, zone (`%eth0`) and the dot of a fully qualified name; other scripts' dots,
 * letters and digits mapped as resolvers map them ("shop\u3002com" is shop.com). Empty: no host at all.
 */
function bareHost(text: string): string {
  let host = (NOT_ASCII.test(text) ? domainToASCII(text) : text).toLowerCase();
  if (host.startsWith("[") && host.endsWith("]")) host = host.slice(1, -1);
  const zone = host.indexOf("%");
  if (zone >= 0 && host.includes(":")) host = host.slice(0, zone);
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

function looksNumeric(host: string): boolean {
  const lastLabel = host.slice(host.lastIndexOf(".") + 1);
  return /^(\d+|0x[0-9a-f]*)$/.test(lastLabel);
}

const ENTRY_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

function parseEntry(text: string, field: string): Entry {
  const trimmed = text.trim().toLowerCase();
  const range = parseRange(trimmed);
  if (range !== undefined) return { kind: "range", range, port: undefined };
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(trimmed);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  const host = bareHost(match?.[1] ?? "");
  if (match !== null && (port === undefined || (port > 0 && port <= 65_535))) {
    if (match[1] === "*") return { kind: "any", port };
    const portRange = parseRange(host);
    if (portRange !== undefined) return { kind: "range", range: portRange, port };
    const isSuffix = host.startsWith("*.");
    const name = isSuffix ? host.slice(2) : host;
    if (ENTRY_NAME.test(name) && !looksNumeric(name) && field !== "acceptFrom") {
      return isSuffix ? { kind: "suffix", suffix: `.${name}`, port } : { kind: "name", name, port };
    }
  }
  throw new RetroError(
    "bad-config",
    `${field}: not understood: ${JSON.stringify(text.slice(0, 80))}`,
    {
      hint:
        field === "acceptFrom"
          ? "Callers are known by address: use 203.0.113.7, 203.0.113.0/24, 2001:db8::/32 or *."
          : "Use api.example.com, *.example.com, 203.0.113.0/24 or [2001:db8::1]:8443.",
    },
  );
}

function rangeOf(text: string): AddressRange {
  const range = parseRange(text);
  if (range === undefined) throw new Error(`not a range: ${text}`);
  return range;
}
