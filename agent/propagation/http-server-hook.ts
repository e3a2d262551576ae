/**
 * The hook on Node's http and https servers.
 *
 *     request's head parsed  -> channel http.server.request.start -> merge, record the receive
 *                                                                     (before any handler runs)
 *     reply's head leaves    -> last-moment.ts                    -> record the send, add the header,
 *                                                                     if the request carried it
 *
 * Upgrades and CONNECT do not pass that channel: their servers merge by hand (`agent.merge`).
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { findCarrier, rawCarriers, withCarrier } from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { OutgoingHead } from "./last-moment.ts";
import {
  type HookContext,
  peerAddress,
  plainHost,
  receiveMessage,
  stampMessage,
} from "./stamping.ts";

const REQUEST_START = "http.server.request.start";
const RESPONSE_FINISH = "http.server.response.finish";
const CHANNEL = "http";
/** The peer of what came through a Unix socket or a pipe. */
const LOCAL_PIPE = "local";

/** On a reply: whom it goes to, as long as it waits for its stamp; then true. */
const REPLY: unique symbol = Symbol("retroscope.reply");

interface Reply extends OutgoingHead {
  [REPLY]?: { readonly peer: string | null } | true;
}

interface ServerMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: Server;
}

export class HttpServerHook {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #onMissed: () => void;

  /** @param onMissed a reply left and nobody asked `stampReply` about it */
  constructor(context: HookContext, guard: HookGuard, onMissed: () => void) {
    this.#context = context;
    this.#guard = guard;
    this.#onMissed = onMissed;
    subscribe(REQUEST_START, this.#onRequest);
    subscribe(RESPONSE_FINISH, this.#onFinish);
    guard.activate();
  }

  close(): void {
    unsubscribe(REQUEST_START, this.#onRequest);
    unsubscribe(RESPONSE_FINISH, this.#onFinish);
    this.#guard.close();
  }

  /** Puts the stamp on a reply whose head is about to leave. Never throws. */
  stampReply(reply: Reply): void {
    const waiting = reply[REPLY];
    if (waiting === undefined || waiting === true || !this.#guard.isOn) return;
    try {
      reply[REPLY] = true;
      const head = reply._header;
      if (typeof head !== "string" || reply.destroyed || reply.socket?.destroyed === true) return;
      // Chunks after the head are covered only if Node knew the whole body when it made the head.
      const streamed = reply._hasBody !== false && typeof reply._contentLength !== "number";
      const present = findCarrier(head);
      const message = stampMessage(
        this.#context.recorder,
        CHANNEL,
        waiting.peer,
        streamed,
        present,
      );
      if (message !== null) reply._header = withCarrier(head, present, message.text);
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  readonly #onRequest = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { request, response, socket, server } = published as ServerMessage;
      const { recorder, senders, refused } = this.#context;
      const values = rawCarriers(request.rawHeaders);
      const address = socket.remoteAddress;
      const isPipe = address === undefined && typeof server.address() === "string";
      const host = address === undefined ? LOCAL_PIPE : plainHost(address);
      if (!isPipe && (address === undefined || !senders.allows(host))) {
        // Strangers without a header are the outside world; one with a header is not believed.
        if (values !== undefined) {
          recorder.unstamped(host, "in");
          refused.add(values);
        }
        return;
      }
      const peer = isPipe ? host : peerAddress(host, socket.remotePort);
      const stamp = receiveMessage(recorder, CHANNEL, values, peer, host);
      if (stamp !== undefined) (response as Reply)[REPLY] = { peer };
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  readonly #onFinish = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    const { response } = published as ServerMessage;
    const waiting = (response as Reply)[REPLY];
    if (waiting !== undefined && waiting !== true) this.#onMissed();
  };
}
