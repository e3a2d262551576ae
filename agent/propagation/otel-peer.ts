/**
 * Whither a message goes, as far as OpenTelemetry's span tells. A propagator is handed a context and a
 * carrier, and knows no peer; but instrumentations put the span of the call into the context before they
 * inject, with the peer among its attributes, by their old names or the new ones.
 *
 * A span that is not sampled keeps no attributes. Those of a server's span would name ourselves, so only
 * spans of calls are asked.
 */
import { type Context, SpanKind, trace } from "@opentelemetry/api";

/** What is known of a message about to leave. */
export interface OutgoingPeer {
  readonly isHttp: boolean;
  /** undefined: not known */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const UNKNOWN: OutgoingPeer = { isHttp: false, host: undefined, port: undefined };

const HTTP_METHOD = ["http.request.method", "http.method"];
const HOST = ["server.address", "net.peer.name", "net.peer.ip", "network.peer.address"];
const PORT = ["server.port", "net.peer.port", "network.peer.port"];
const URLS = ["url.full", "http.url"];

/** As the SDKs keep a span that records; the API shows neither field. */
interface SpanOfSdk {
  readonly kind?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** May throw what the host's span throws. */
export function outgoingPeer(context: Context): OutgoingPeer {
  const span = trace.getSpan(context) as SpanOfSdk | undefined;
  const attributes = span?.attributes;
  if (attributes === undefined || attributes === null) return UNKNOWN;
  if (span?.kind !== SpanKind.CLIENT && span?.kind !== SpanKind.PRODUCER) return UNKNOWN;
  const isHttp = firstOf(attributes, HTTP_METHOD) !== undefined;
  const host = firstOf(attributes, HOST);
  if (typeof host === "string" && host !== "") {
    return { isHttp, host, port: portOf(firstOf(attributes, PORT)) };
  }
  const url = firstOf(attributes, URLS);
  if (typeof url !== "string" || !URL.canParse(url)) return { ...UNKNOWN, isHttp };
  const { hostname, port } = new URL(url);
  return { isHttp, host: hostname === "" ? undefined : hostname, port: portOf(port) };
}

function firstOf(attributes: Readonly<Record<string, unknown>>, names: readonly string[]): unknown {
  for (const name of names) if (attributes[name] !== undefined) return attributes[name];
  return undefined;
}

function portOf(value: unknown): number | undefined {
  const port = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port <= 65_535
    ? port
    : undefined;
}
