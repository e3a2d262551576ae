/**
 * The hook on Node's http and https clients: everything that ends in a `ClientRequest`, be it
 * `http.get`, a default or a named import, or a library over them.
 *
 *     head leaves               -> last-moment.ts             -> record the send, add the header
 *     all of the request left   -> http.client.request.start  -> was it asked about? else next point
 *     head of the reply parsed  -> http.client.response.finish (despite its name, before the
 *                                  `response` event)          -> merge, record the receive
 *     error before a reply      -> http.client.request.error  -> mark the send failed, if the head is
 *                                  known not to have gone out
 *
 * A request given up after it was written may well have arrived; that send is left as it is, and counts
 * as in flight until its time-out.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { bodyFollows } from "./body-follows.ts";
import {
  findCarrier,
  hostAndPort,
  hostText,
  rawCarriers,
  targetBehindProxy,
  withCarrier,
} from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { OutgoingHead } from "./last-moment.ts";
import type { Stamp } from "./recorder.ts";
import {
  failMessage,
  type HookContext,
  peerAddress,
  plainHost,
  receiveMessage,
  type StampedMessage,
  stampMessage,
  UNTRACED,
} from "./stamping.ts";

const REQUEST_START = "http.client.request.start";
const REQUEST_ERROR = "http.client.request.error";
const RESPONSE_FINISH = "http.client.response.finish";
const CHANNEL = "http";

/** Peers remembered by their Host line; when full, all are forgotten. Longer lines are not remembered. */
const MAX_REMEMBERED_PEERS = 256;
const MAX_REMEMBERED_LINE = 300;

/** On a request that was looked at: what was stamped, or null. */
const MESSAGE: unique symbol = Symbol("retroscope.message");

interface Request extends OutgoingHead {
  readonly host: string;
  readonly protocol: string;
  readonly method: string;
  readonly agent?:
    | (Agent & { readonly defaultPort?: number; readonly [UNTRACED]?: true })
    | undefined;
  readonly socketPath?: string | undefined;
  readonly reusedSocket: boolean;
  readonly useChunkedEncodingByDefault: boolean;
  readonly [UNTRACED]?: true;
  [MESSAGE]?: StampedMessage | null;
}

/** What was stamped on a request that left; undefined: nothing. */
export function stampOfRequest(request: object): Stamp | undefined {
  return (request as { readonly [MESSAGE]?: StampedMessage | null })[MESSAGE]?.stamp;
}

interface Peer {
  readonly host: string;
  readonly port: number | undefined;
  readonly address: string;
}

/** What one Host line meant, of a request to `host` whose scheme has that port. */
interface Judged {
  readonly host: string;
  readonly defaultPort: number;
  readonly peer: Peer;
  readonly isAllowed: boolean;
}

/** What Node keeps about a socket's past, where it does. */
interface SocketPast {
  readonly _bytesDispatched?: unknown;
  readonly _secureEstablished?: unknown;
  /** The code of what was wrong with the certificate. */
  readonly authorizationError?: unknown;
}

export class HttpClientHook {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #onMissed: () => void;
  #isWatching = true;
  readonly #judged = new Map<string, Judged>();

  /** @param onMissed a request left and nobody asked `stampRequest` about it */
  constructor(context: HookContext, guard: HookGuard, onMissed: () => void) {
    this.#context = context;
    this.#guard = guard;
    this.#onMissed = onMissed;
    subscribe(REQUEST_START, this.#onStart);
    subscribe(REQUEST_ERROR, this.#onError);
    subscribe(RESPONSE_FINISH, this.#onResponse);
    guard.activate();
  }

  close(): void {
    unsubscribe(REQUEST_START, this.#onStart);
    unsubscribe(REQUEST_ERROR, this.#onError);
    unsubscribe(RESPONSE_FINISH, this.#onResponse);
    this.#guard.close();
  }

  /** Puts the stamp on a request whose head is about to leave, with that behind it (`OnHead`). Never throws. */
  stampRequest(
    outgoing: ClientRequest | OutgoingHead,
    first?: unknown,
    encoding?: unknown,
    byteLength?: unknown,
  ): void {
    const request = outgoing as unknown as Request;
    if (request[MESSAGE] !== undefined || !this.#guard.isOn) return;
    try {
      request[MESSAGE] = null;
      const head = request._header;
      if (typeof head !== "string" || isUntraced(request) || request.destroyed) return;
      const { recorder, spent } = this.#context;
      const { peer, isAllowed } = this.#judge(request, head);
      const present = findCarrier(head);
      if (!isAllowed) {
        // A proxy that copies headers must not show our stamps to strangers.
        if (present !== undefined) request._header = withCarrier(head, present, null);
        recorder.unstamped(peer.address, "out");
        return;
      }
      // Methods that by default have no body have one if its length was given.
      const hasBody =
        request.useChunkedEncodingByDefault || typeof request._contentLength === "number";
      const streamed = hasBody && bodyFollows(request, first, encoding, byteLength);
      const message = stampMessage(recorder, CHANNEL, peer.address, streamed, present, spent);
      if (message !== null) request._header = withCarrier(head, present, message.text);
      request[MESSAGE] = message;
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  /**
   * A head made anew after it was stamped, as agents for forward proxies do once they have a socket: what was
   * decided is said again, of the target that stands there now. Never throws.
   */
  restampRequest(outgoing: ClientRequest | OutgoingHead): void {
    const request = outgoing as unknown as Request;
    const message = request[MESSAGE];
    const head = request._header;
    if (message === undefined || typeof head !== "string" || !this.#guard.isOn) return;
    try {
      if (isUntraced(request)) return;
      const present = findCarrier(head);
      if (!this.#judge(request, head).isAllowed) {
        if (present !== undefined) request._header = withCarrier(head, present, null);
        if (message !== null) failMessage(this.#context.recorder, CHANNEL, message);
      } else if (message !== null) {
        request._header = withCarrier(head, present, message.text);
      }
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  /** Whom the request goes to in the end, and whether all who will see its head may see a stamp. */
  #judge(request: Request, head: string): Pick<Judged, "peer" | "isAllowed"> {
    const next = this.#judgeNext(request, head);
    const behind = targetBehindProxy(head);
    if (behind === undefined) return next;
    const peer = { ...behind, address: peerAddress(behind.host, behind.port) };
    const { destinations } = this.#context;
    return { peer, isAllowed: next.isAllowed && destinations.allows(behind.host, behind.port) };
  }

  /** Whom it is sent to. A service asks few peers often: what was found out is kept. */
  #judgeNext(request: Request, head: string): Pick<Judged, "peer" | "isAllowed"> {
    const line = request.socketPath ? undefined : hostText(head);
    if (line === undefined || line.length > MAX_REMEMBERED_LINE) {
      const peer = peerOf(request, line);
      return { peer, isAllowed: this.#context.destinations.allows(peer.host, peer.port) };
    }
    const { host } = request;
    const port = defaultPort(request);
    const known = this.#judged.get(line);
    if (known !== undefined && known.host === host && known.defaultPort === port) return known;
    const peer = peerOf(request, line);
    const isAllowed = this.#context.destinations.allows(peer.host, peer.port);
    const judged = { host, defaultPort: port, peer, isAllowed };
    if (this.#judged.size >= MAX_REMEMBERED_PEERS) this.#judged.clear();
    this.#judged.set(` ${line}`.slice(1), judged); // a text of its own, that does not hold the head
    return judged;
  }

  readonly #onStart = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const request = (published as { request: Request }).request;
      if (request[MESSAGE] === undefined) this.#onMissed();
      else this.#stopWatching();
    } catch (error) {
      this.#guard.caught(error); // somebody else's word on Node's channel
    }
  };

  /** A request was seen to leave: as in http-server-hook.ts. */
  #stopWatching(): void {
    if (!this.#isWatching) return;
    this.#isWatching = false;
    queueMicrotask(() => unsubscribe(REQUEST_START, this.#onStart));
  }

  readonly #onResponse = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { request, response } = published as { request: Request; response: IncomingMessage };
      const message = request[MESSAGE];
      if (message === null || message === undefined) return;
      message.settled = true;
      const values = rawCarriers(response.rawHeaders);
      receiveMessage(this.#context, CHANNEL, values, message.peer, message.peer ?? request.host);
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  readonly #onError = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { request, error } = published as { request: Request; error: unknown };
      const message = request[MESSAGE];
      if (message === null || message === undefined || wentOut(request, error)) return;
      failMessage(this.#context.recorder, CHANNEL, message);
    } catch (error) {
      this.#guard.caught(error);
    }
  };
}

function isUntraced(request: Request): boolean {
  return request[UNTRACED] === true || request.agent?.[UNTRACED] === true;
}

/** Whom the request goes to: where it connects, not what its `Host` line claims. */
function peerOf(request: Request, hostLine: string | undefined): Peer {
  if (request.socketPath) {
    return { host: "localhost", port: undefined, address: `unix:${request.socketPath}` };
  }
  const host = plainHost(request.host);
  const line = hostAndPort(hostLine);
  // Node writes the port into the Host line only; a line that the user made tells nothing.
  const isOwnLine = line !== undefined && bare(line.host) === bare(host);
  const port = isOwnLine ? (line.port ?? defaultPort(request)) : undefined;
  return { host, port, address: peerAddress(host, port) };
}

function defaultPort(request: Request): number {
  return request.agent?.defaultPort ?? (request.protocol === "https:" ? 443 : 80);
}

function bare(host: string): string {
  const lower = host.toLowerCase();
  return lower.startsWith("[") ? lower.slice(1, -1) : lower;
}

/** Whether the head may have reached the network. When in doubt, it did. */
function wentOut(request: Request, error: unknown): boolean {
  const socket = request.socket;
  if (socket === null || socket === undefined) return false;
  if (request.reusedSocket) return true;
  const { syscall, code } = (error ?? {}) as { syscall?: unknown; code?: unknown };
  if (syscall === "connect" || syscall === "getaddrinfo") return false;
  const past = socket as unknown as SocketPast;
  if (code !== undefined && code === past.authorizationError) return false;
  return past._bytesDispatched !== 0 && past._secureEstablished !== false;
}
