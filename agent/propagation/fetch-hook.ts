/**
 * The hook on `fetch` and on the undici package, through undici's diagnostics channels:
 *
 *     undici:request:create       each hop, redirects too   -> record the send, add the header
 *     undici:client:sendHeaders   the head is written       -> from here it may have arrived
 *     undici:request:headers      head of the reply         -> merge, record the receive
 *     undici:request:error        gave up                   -> mark the send failed, if not written
 *
 * The channel's name for an event is `fetch`; the server on the other side says `http`.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { CARRIER_HEADER } from "./carrier.ts";
import { rawCarriers } from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
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
const HEADERS = "undici:request:headers";
const ERROR = "undici:request:error";
const CHANNEL = "fetch";

/** Origins whose parts are remembered; when full, all are forgotten. */
const MAX_REMEMBERED_ORIGINS = 1_024;

interface UndiciRequest {
  readonly origin?: string | URL;
  /** Names and values in turns; a value may be a list. */
  readonly headers?: unknown;
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
    subscribe(SEND_HEADERS, this.#onSendHeaders);
    subscribe(HEADERS, this.#onHeaders);
    subscribe(ERROR, this.#onError);
    guard.activate();
  }

  close(): void {
    unsubscribe(CREATE, this.#onCreate);
    unsubscribe(SEND_HEADERS, this.#onSendHeaders);
    unsubscribe(HEADERS, this.#onHeaders);
    unsubscribe(ERROR, this.#onError);
    this.#guard.close();
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
    const headers = request.headers;
    if (!Array.isArray(headers)) {
      this.#guard.giveUp("unavailable", "this undici keeps headers in a form not known here");
      return;
    }
    const { recorder, destinations } = this.#context;
    const peer = this.#originOf(String(request.origin));
    const present = takeOut(headers);
    if (!destinations.allows(peer.host, peer.port)) {
      recorder.unstamped(peer.address, "out");
      return;
    }
    const streamed =
      request.body !== null &&
      request.body !== undefined &&
      !(request.body instanceof Uint8Array) &&
      typeof request.contentLength !== "number";
    const message = stampMessage(recorder, CHANNEL, peer.address, streamed, present);
    if (message === null) {
      if (present !== undefined) headers.push(CARRIER_HEADER, present); // off: as if we were not here
      return;
    }
    if (typeof request.addHeader === "function") request.addHeader(CARRIER_HEADER, message.text);
    else headers.push(CARRIER_HEADER, message.text);
    this.#sent.set(request, { message, written: false });
  }

  readonly #onSendHeaders = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    const sent = this.#sent.get((published as { request: object }).request);
    if (sent !== undefined) sent.written = true;
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
      receiveMessage(this.#context.recorder, CHANNEL, values, message.peer, message.peer ?? "");
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

/** Takes our header out of a list of names and values; returns its first value. */
function takeOut(headers: unknown[]): string | undefined {
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
