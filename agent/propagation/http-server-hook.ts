/**
 * The hook on Node's http and https servers.
 *
 *     request's head parsed  -> channel http.server.request.start -> merge, record the receive
 *                                                                     (before any handler runs)
 *     reply's head leaves    -> last-moment.ts                    -> record the send, add the header,
 *                                                                     if the request carried it;
 *                                                                     else take out one that was copied
 *
 * Upgrades and CONNECT do not pass that channel: their servers merge by hand (`agent.merge`).
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { bodyFollows } from "./body-follows.ts";
import { findCarrier, rawCarriers, withCarrier } from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { OutgoingHead } from "./last-moment.ts";
import {
  type HookContext,
  isForeign,
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

/** On a reply: what its head is to be given or relieved of, until that is done; then `done`. */
const REPLY: unique symbol = Symbol("retroscope.reply");
/** On a socket: who is at its other end. Asked of Node once a connection, not once a request. */
const SENDER: unique symbol = Symbol("retroscope.sender");

interface Sender {
  readonly host: string;
  readonly peer: string;
  readonly isBelieved: boolean;
}

/**
 * A sender: the request carried a stamp, and the reply goes there. `own`: it did not; what the host stamped
 * by hand may stand, but no stamp that it copied from elsewhere. `none`: a stranger, who sees neither.
 */
type Duty = Sender | "own" | "none";

interface Reply extends OutgoingHead {
  [REPLY]?: Duty | "done";
}

interface ServerMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket & { [SENDER]?: Sender };
  readonly server: Server;
}

export class HttpServerHook {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #onMissed: () => void;
  #isWatching = true;

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

  /** Puts the stamp on a reply whose head is about to leave, with that behind it (`OnHead`). Never throws. */
  stampReply(reply: Reply, first?: unknown, encoding?: unknown, byteLength?: unknown): void {
    const duty = reply[REPLY];
    if (duty === undefined || duty === "done" || !this.#guard.isOn) return;
    try {
      reply[REPLY] = "done";
      const head = reply._header;
      if (typeof head !== "string" || reply.destroyed || reply.socket?.destroyed === true) return;
      const { recorder, spent } = this.#context;
      const present = findCarrier(head);
      if (duty === "own" || duty === "none") {
        if (present !== undefined && (duty === "none" || isForeign(recorder, present))) {
          reply._header = withCarrier(head, present, null);
        }
        return;
      }
      const streamed = reply._hasBody !== false && bodyFollows(reply, first, encoding, byteLength);
      const message = stampMessage(recorder, CHANNEL, duty.peer, streamed, present, spent);
      if (message !== null) reply._header = withCarrier(head, present, message.text);
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  readonly #onRequest = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { request, response, socket, server } = published as ServerMessage;
      const { recorder, refused } = this.#context;
      const values = rawCarriers(request.rawHeaders);
      const sender = socket[SENDER] ?? this.#senderOn(socket, server);
      const { host, peer } = sender;
      if (!sender.isBelieved) {
        (response as Reply)[REPLY] = "none";
        // Strangers without a header are the outside world; one with a header is not believed.
        if (values !== undefined) {
          recorder.unstamped(host, "in");
          refused.add(values);
        }
        return;
      }
      const stamp = receiveMessage(this.#context, CHANNEL, values, peer, host);
      (response as Reply)[REPLY] = stamp === undefined ? "own" : sender;
    } catch (error) {
      this.#guard.caught(error);
    }
  };

  #senderOn(socket: ServerMessage["socket"], server: Server): Sender {
    const address = socket.remoteAddress;
    if (address === undefined) {
      // A pipe, or a connection that is gone: whose it was is not to be had any more.
      const isBelieved = typeof server.address() === "string";
      return { host: LOCAL_PIPE, peer: LOCAL_PIPE, isBelieved };
    }
    const host = plainHost(address);
    const isBelieved = this.#context.senders.allows(host);
    const sender = { host, peer: peerAddress(host, socket.remotePort), isBelieved };
    socket[SENDER] = sender;
    return sender;
  }

  readonly #onFinish = (published: unknown): void => {
    if (!this.#guard.isOn) return;
    try {
      const { response } = published as ServerMessage;
      const duty = (response as Reply)[REPLY];
      if (duty === "done") this.#stopWatching();
      else if (duty !== undefined) this.#onMissed();
    } catch (error) {
      this.#guard.caught(error); // somebody else's word on Node's channel
    }
  };

  /**
   * A reply was seen to leave, so this Node does what we rely on: none is looked at again when it has left.
   * In a moment: channels of older Nodes pass over a subscriber if one before it goes while they publish.
   */
  #stopWatching(): void {
    if (!this.#isWatching) return;
    this.#isWatching = false;
    queueMicrotask(() => unsubscribe(RESPONSE_FINISH, this.#onFinish));
  }
}
