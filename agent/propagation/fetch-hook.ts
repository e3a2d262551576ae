/**
 * The hook on `fetch` and on the undici package, through undici's diagnostics channels:
 *
 *     undici:request:create       each hop, redirects too   -> record the send, add the header
 *     undici:client:sendHeaders   the head is written       -> from here it may have arrived
 *     undici:request:bodySent     all is written            -> the same, where the head was not told of: HTTP/2
 *                                                              before undici 7
 *     undici:request:headers      head of the reply         -> merge, record the receive
 *     undici:request:error        gave up                   -> mark the send failed, if not written
 *
 * The channel's name for an event is `fetch`; the server on the other side says `http`.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { CARRIER_HEADER } from "./carrier.ts";
import { findCarrier, rawCarriers, withoutCarrier } from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { Stamp } from "./recorder.ts";
import {
  failMessage,
  type HookContext,
  peerAddress,
  receiveMessage,
  type StampedMessage,
  stampMessage,
  UNTRACED,
} from "./stamping.ts";

const CREATE = "undici:request:create";
const SEND_HEADERS = "undici:client:sendHeaders";
const BODY_SENT = "undici:request:bodySent";
const HEADERS = "undici:request:headers";
const ERROR = "undici:request:error";
const CHANNEL = "fetch";

/** Origins whose parts are remembered; when full, all are forgotten. */
const MAX_REMEMBERED_ORIGINS = 1_024;

interface UndiciRequest {
  readonly origin?: string | URL;
  /** Names and values in turns, where a value may be a list; before undici 6 the lines, as text. */
  headers?: unknown;
  readonly body?: unknown;
  readonly contentLength?: number | null;
  readonly addHeader?: (name: string, value: string) => unknown;
  readonly [UNTRACED]?: true;
}

interface Origin {
  readonly host: string;
  readonly port: number | undefined;
  readonly address: string;
}

interface SentMessage {
  readonly message: StampedMessage;
  written: boolean;
}

export class FetchHook {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #sent = new WeakMap<object, SentMessage>();
  readonly #origins = new Map<string, Origin>();

  constructor(context: HookContext, guard: HookGuard) {
    this.#context = context;
    this.#guard = guard;
    if (typeof globalThis.fetch !== "function") {
      guard.giveUp("unavailable", "this Node has no fetch");
      return;
    }
    subscribe(CREATE, this.#onCreate);
    subscribe(SEND_HEADERS, this.#onWritten);
    subscribe(BODY_SENT, this.#onWritten);
    subscribe(HEADERS, this.#onHeaders);
    subscribe(ERROR, this.#onError);
    guard.activate();
  }

  close(): void {
    unsubscribe(CREATE, this.#onCreate);
    unsubscribe(SEND_HEADERS, this.#onWritten);
    unsubscribe(BODY_SENT, this.#onWritten);
    unsubscribe(HEADERS, this.#onHeaders);
    unsubscribe(ERROR, this.#onError);
    this.#guard.close();
  }

  /** What was stamped on an undici request that is sent, or soon will be; undefined: nothing. */
  stampOf(request: object): Stamp | undefined {
    return this.#sent.get(request)?.message.stamp;
  }

  readonly #onCreate = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      this.#stamp((published as { request: UndiciRequest }).request);
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  #stamp(request: UndiciRequest): void {
    if (request[UNTRACED] === true) return;
    if (!canBeStamped(request)) {
      // Other copies of undici in this process publish to the same channels, and may be known.
      this.#guard.degrade("a copy of undici keeps headers in a form not known here");
      return;
    }
    const { recorder, destinations, spent } = this.#context;
    const peer = this.#originOf(String(request.origin));
    const present = takeOut(request);
    if (!destinations.allows(peer.host, peer.port)) {
      recorder.unstamped(peer.address, "out");
      return;
    }
    const streamed = isStreamed(request);
    const message = stampMessage(recorder, CHANNEL, peer.address, streamed, present, spent);
    if (message === null) {
      if (present !== undefined) add(request, present); // off: as if we were not here
      return;
    }
    add(request, message.text);
    this.#sent.set(request, { message, written: false });
  }

  readonly #onWritten = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const sent = this.#sent.get((published as { request: object }).request);
      if (sent !== undefined) sent.written = true;
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  readonly #onHeaders = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { request, response } = published as {
        request: object;
        response: { statusCode: number; headers: readonly (string | Uint8Array)[] };
      };
      const sent = this.#sent.get(request);
      // 103 and its kind come before the reply proper, and carry nothing.
      if (sent === undefined || response.statusCode < 200) return;
      const { message } = sent;
      message.settled = true;
      const values = rawCarriers(response.headers);
      receiveMessage(this.#context, CHANNEL, values, message.peer, message.peer ?? "");
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  readonly #onError = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const sent = this.#sent.get((published as { request: object }).request);
      if (sent === undefined || sent.written) return;
      failMessage(this.#context.recorder, CHANNEL, sent.message);
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  #originOf(origin: string): Origin {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    const url = new URL(origin);
    const host = url.hostname;
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    const parts = { host, port, address: peerAddress(host, port) };
    if (this.#origins.size >= MAX_REMEMBERED_ORIGINS) this.#origins.clear();
    this.#origins.set(origin, parts);
    return parts;
  }
}

/** Whether the body is made while it is sent. What `fetch` made of texts and bytes is handed on by a generator. */
function isStreamed({ body, contentLength }: UndiciRequest): boolean {
  if (body === null || body === undefined || body instanceof Uint8Array) return false;
  // Of a stream a length is a promise; Node's own have `pipe`.
  return (
    typeof contentLength !== "number" || typeof (body as { pipe?: unknown }).pipe === "function"
  );
}

function canBeStamped({ headers, addHeader }: UndiciRequest): boolean {
  return Array.isArray(headers) || (typeof headers === "string" && typeof addHeader === "function");
}

function add(request: UndiciRequest, text: string): void {
  if (typeof request.addHeader === "function") request.addHeader(CARRIER_HEADER, text);
  else (request.headers as unknown[]).push(CARRIER_HEADER, text);
}

/** Takes our header out of a request's; returns its first value. */
function takeOut(request: UndiciRequest): string | undefined {
  const { headers } = request;
  if (Array.isArray(headers)) return takeOutOfList(headers);
  const lines = `\r\n${headers as string}`;
  const present = findCarrier(lines);
  if (present !== undefined) request.headers = withoutCarrier(lines).slice(2);
  return present;
}

function takeOutOfList(headers: unknown[]): string | undefined {
  let present: string | undefined;
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i];
    if (typeof name !== "string" || name.length !== CARRIER_HEADER.length) continue;
    if (name.toLowerCase() !== CARRIER_HEADER) continue;
    const value: unknown = headers[i + 1];
    present = String(Array.isArray(value) ? value[0] : value);
    headers.splice(i, 2);
  }
  return present;
}
