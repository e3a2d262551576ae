/**
 * The messages' part of the ws hook: `send` and what is emitted.
 *
 *     send, last fragment    record the send; a pong with the stamp; then the message itself
 *     emit `pong` of ours    keep the stamp; the host's listeners do not see it
 *     emit `message`         merge the stamp kept, record the receive; then the host's listeners
 *
 * ws keeps the order of frames also where it compresses or reads a Blob first: while it does, control
 * frames wait in the same queue (`Sender.enqueue`). Both frames are corked, so they leave in one write.
 *
 * Hot: bench in test/bench, figures in the folder's README.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { HookGuard } from "./hook-guard.ts";
import type { MethodPatches } from "./method-patches.ts";
import {
  failMessage,
  type HookContext,
  receiveMessage,
  type StampedMessage,
  stampMessage,
} from "./stamping.ts";
import type { HookedSocket, WsConnections } from "./ws-connections.ts";
import type { WsHandshake } from "./ws-handshake.ts";
import { carrierInPong, HELLO, stampPayload } from "./ws-stamp-frame.ts";

const CHANNEL = "ws";
const OPEN = 1;

type Done = (this: unknown, ...args: [error?: Error, ...more: unknown[]]) => unknown;
type Send = (this: HookedSocket, data: unknown, options?: unknown, done?: unknown) => unknown;
type Emit = (this: HookedSocket, event: unknown, ...args: unknown[]) => boolean;

export class WsMessages {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #connections: WsConnections;
  readonly #handshake: WsHandshake;

  constructor(
    context: HookContext,
    guard: HookGuard,
    connections: WsConnections,
    handshake: WsHandshake,
  ) {
    this.#context = context;
    this.#guard = guard;
    this.#connections = connections;
    this.#handshake = handshake;
  }

  /**
   * @param prototype of `WebSocket`
   * @returns takes out what `patches` does not
   * @throws Error if the prototype is not as expected; nothing is patched then
   */
  patch(prototype: object, patches: MethodPatches): () => void {
    const unwatch = watchRequests(prototype, (socket, request) =>
      this.#handshake.markRequest(socket, request),
    );
    try {
      this.#wrap(prototype, patches);
    } catch (error) {
      unwatch();
      throw error;
    }
    return unwatch;
  }

  #wrap(prototype: object, patches: MethodPatches): void {
    const self = this;
    patches.wrap<Send>(prototype, "send", (original) => {
      return function (this: HookedSocket, data, options, done) {
        if (!self.#guard.isOn || !endsMessage(options)) {
          return original.call(this, data, options, done);
        }
        return self.#send(this, original, data, options, done);
      };
    });
    patches.wrap<Emit>(prototype, "emit", (original) => {
      return function (this: HookedSocket, event, ...args) {
        // Stamps are no business of the host's, also while the hook is off and the other side's is not.
        const isOurs = self.#guard.isOn
          ? self.#takes(this, event, args[0])
          : event === "pong" && carrierInPong(args[0]) !== undefined;
        if (isOurs) return true;
        return original.call(this, event, ...args);
      };
    });
  }

  #send(socket: HookedSocket, original: Send, data: unknown, options: unknown, done: unknown) {
    const network = socket._socket;
    network?.cork?.();
    try {
      const message = this.#begin(socket);
      if (message === undefined) return original.call(socket, data, options, done);
      const withoutOptions = typeof options === "function";
      const callback = (withoutOptions ? options : done) as Done | undefined;
      const fail = (): void => this.#fail(message);
      const onDone: Done = function (this: unknown, ...args) {
        if (args[0] && isKnownUnsent(args[0])) fail();
        if (typeof callback === "function") callback.apply(this, args);
      };
      try {
        return original.call(socket, data, withoutOptions ? {} : options, onDone);
      } catch (error) {
        this.#fail(message); // data of a kind that ws does not send
        throw error;
      }
    } finally {
      network?.uncork?.();
    }
  }

  /** Records the send and writes the stamp; undefined: the message goes without. */
  #begin(socket: HookedSocket): StampedMessage | undefined {
    try {
      if (socket.readyState < OPEN) return undefined; // ws throws
      const { recorder } = this.#context;
      const connection = this.#connections.of(socket);
      const { peer, isAdmitted } = connection;
      if (!isAdmitted || !connection.speaks) {
        // Strangers are counted by those who call them, not by those whom they call.
        const isCounted = isAdmitted || connection.isClient;
        if (isCounted && socket.readyState === OPEN)
          recorder.unstamped(connection.countedAs, "out");
        return undefined;
      }
      const message = stampMessage(recorder, CHANNEL, peer, false, undefined);
      if (message === null) return undefined;
      if (socket.readyState !== OPEN) {
        failMessage(recorder, CHANNEL, message);
        return undefined;
      }
      const payload = stampPayload(message.text);
      if (payload === undefined) {
        // The node's name is too long, and stays it. What was recorded went out without its stamp.
        failMessage(recorder, CHANNEL, message);
        connection.speaks = false;
        recorder.unstamped(connection.countedAs, "out");
        return undefined;
      }
      socket._sender?.pong(payload, connection.isClient, undefined);
      return message;
    } catch (error) {
      this.#guard.caught(error);
      return undefined;
    }
  }

  #fail(message: StampedMessage): void {
    try {
      failMessage(this.#context.recorder, CHANNEL, message);
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  /** What is about to be emitted; true: it is ours, and the host does not see it. */
  #takes(socket: HookedSocket, event: unknown, first: unknown): boolean {
    try {
      if (event === "message") this.#onMessage(socket);
      else if (event === "pong") return this.#onPong(socket, first);
      else if (event === "upgrade") this.#handshake.onAgreed(socket, first as IncomingMessage);
      else if (event === "open") this.#onOpen(socket);
    } catch (error) {
      this.#guard.caught(error);
    }
    return false;
  }

  #onMessage(socket: HookedSocket): void {
    const connection = this.#connections.of(socket);
    const { recorder } = this.#context;
    const { waiting, countedAs } = connection;
    connection.waiting = undefined;
    if (connection.isAdmitted) {
      receiveMessage(this.#context, CHANNEL, waiting, connection.peer, countedAs);
    } else if (waiting !== undefined) {
      recorder.unstamped(countedAs, "in"); // not believed
    }
  }

  #onPong(socket: HookedSocket, payload: unknown): boolean {
    const carrier = carrierInPong(payload);
    if (carrier === undefined) return false;
    const connection = this.#connections.of(socket);
    if (connection.isAdmitted) connection.speaks = true;
    // A stamp whose message never came (it could not be read or sent) gives way to the next.
    if (carrier !== "") connection.waiting = carrier;
    return true;
  }

  #onOpen(socket: HookedSocket): void {
    const connection = this.#connections.of(socket);
    if (!connection.owesHello) return;
    connection.owesHello = false;
    socket._sender?.pong(HELLO, true, undefined);
  }
}

/** Of a message in fragments the last one is stamped: the stamp covers all, and stands before no other. */
function endsMessage(options: unknown): boolean {
  if (typeof options !== "object" || options === null || !("fin" in options)) return true;
  return Boolean(options.fin);
}

/**
 * Whether a message that `send` gave up on is known not to have left: ws's own errors (the socket went
 * while it compressed) have no code, and Node refused what it had not begun to write.
 */
function isKnownUnsent(error: Error): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code !== "string" || code === "ERR_STREAM_DESTROYED";
}

/**
 * Tells of each client's request when ws assigns it to `_req`: nothing else of ws runs between its making
 * and its leaving. The first assignment makes a plain property of it, so ws finds it as it expects.
 */
function watchRequests(
  prototype: object,
  onRequest: (socket: HookedSocket, request: ClientRequest) => void,
): () => void {
  const NAME = "_req";
  if (NAME in prototype) throw new Error("_req is not as expected");
  Object.defineProperty(prototype, NAME, {
    configurable: true,
    get: () => undefined,
    set(this: HookedSocket, request: ClientRequest) {
      const value = { value: request, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, NAME, value);
      if (request !== null && typeof request?.setHeader === "function") onRequest(this, request);
    },
  });
  return () => {
    delete (prototype as { [NAME]?: unknown })[NAME];
  };
}
