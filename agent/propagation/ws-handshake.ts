/**
 * The handshake's part of the ws hook. It is HTTP, so its events' channel is `http`; the request is
 * stamped by the http client hook, the rest is done here, since Node's channels see no upgrades:
 *
 *     client                                               server
 *     websocket._req = request   -- retroscope-ws: 1 -->   http.Server emits `upgrade`  (before the host)
 *                                -- retroscope-hlc ---->     merge, record the receive
 *     emits `upgrade`            <-- retroscope-ws: 1 --   WebSocketServer emits `headers`, after the host
 *       merge, record            <-- retroscope-hlc ----     record the send
 *
 * `retroscope-ws` tells the other side that stamps in pongs are understood here (ws-stamp-frame.ts).
 */
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { ServedSocket } from "./caller.ts";
import { CARRIER_HEADER } from "./carrier.ts";
import { rawCarriers } from "./head-text.ts";
import type { HookGuard } from "./hook-guard.ts";
import { MethodPatches } from "./method-patches.ts";
import { type HookContext, receiveMessage, stampMessage } from "./stamping.ts";
import type { Connection, HookedSocket, WsConnections } from "./ws-connections.ts";
import { SPEAKS_HEADER } from "./ws-stamp-frame.ts";

const CHANNEL = "http";
const OUR_LINE = /^(?:retroscope-hlc|retroscope-ws)\s*:\s*(.*)$/i;

type Emit = (this: unknown, event: unknown, ...args: unknown[]) => boolean;
type HandleUpgrade = (
  this: unknown,
  request: IncomingMessage,
  socket: ServedSocket,
  ...rest: unknown[]
) => unknown;

export class WsHandshake {
  readonly #context: HookContext;
  readonly #guard: HookGuard;
  readonly #connections: WsConnections;

  constructor(context: HookContext, guard: HookGuard, connections: WsConnections) {
    this.#context = context;
    this.#guard = guard;
    this.#connections = connections;
  }

  /** @param prototype of `WebSocketServer` */
  patchServer(prototype: object, patches: MethodPatches): void {
    const self = this;
    patches.wrap<HandleUpgrade>(prototype, "handleUpgrade", (original) => {
      return function (this: unknown, request, socket, ...rest) {
        self.#try(() => self.#onUpgrade(request, socket));
        return original.call(this, request, socket, ...rest);
      };
    });
    patches.wrap<Emit>(prototype, "emit", (original) => {
      return function (this: unknown, event, ...args) {
        const result = original.call(this, event, ...args);
        if (event === "headers") {
          self.#try(() => self.#stampReply(args[0] as string[], args[1] as IncomingMessage));
        }
        return result;
      };
    });
    // Before the host's own listeners of `upgrade`, as those who serve without a server of ws have.
    for (const { Server } of [http, https]) {
      if (MethodPatches.has(Server.prototype, "emit")) continue; // for another copy of ws
      patches.wrap<Emit>(Server.prototype, "emit", (original) => {
        return function (this: unknown, event, ...args) {
          if (event === "upgrade") {
            self.#try(() => self.#onUpgrade(args[0] as IncomingMessage, args[1] as ServedSocket));
          }
          return original.call(this, event, ...args);
        };
      });
    }
  }

  /** A request was made for a client and has not left: what the setter of `_req` calls. */
  markRequest(socket: HookedSocket, request: ClientRequest): void {
    this.#try(() => {
      const connection = this.#connections.onClient(socket);
      // In older versions the head is finished here; then it is said by a pong, later.
      if (!connection.isAdmitted || request.headersSent) return;
      request.setHeader(SPEAKS_HEADER, "1");
      connection.toldAt = socket._url;
    });
  }

  /** The server agreed; before the host's listeners of `upgrade`. */
  onAgreed(socket: HookedSocket, reply: IncomingMessage): void {
    this.#try(() => {
      const connection = this.#connections.onClient(socket);
      if (!connection.isAdmitted) return;
      connection.speaks = reply.headers[SPEAKS_HEADER] !== undefined;
      connection.owesHello = connection.speaks && connection.toldAt !== socket._url;
      const values = rawCarriers(reply.rawHeaders);
      if (values === undefined && !connection.speaks) return; // its messages are counted
      const { peer, countedAs } = connection;
      receiveMessage(this.#context, CHANNEL, values, peer, countedAs);
    });
  }

  #onUpgrade(request: IncomingMessage, socket: ServedSocket): void {
    const { connection, isNew } = this.#connections.onUpgrade(socket);
    if (!isNew) return;
    const values = rawCarriers(request.rawHeaders);
    const { recorder } = this.#context;
    const { peer, countedAs, isAdmitted } = connection;
    if (!isAdmitted) {
      // Strangers without a stamp are the outside world; one with a stamp is not believed.
      if (values !== undefined) recorder.unstamped(countedAs, "in");
      return;
    }
    connection.speaks = request.headers[SPEAKS_HEADER] !== undefined;
    const stamp = receiveMessage(this.#context, CHANNEL, values, peer, countedAs);
    connection.wasStamped = stamp !== undefined;
  }

  #stampReply(lines: string[], request: IncomingMessage): void {
    const present = takeOut(lines);
    const connection: Connection | undefined = this.#connections.upgraded(request.socket);
    if (connection === undefined || !connection.isAdmitted) return;
    // To agents only: plain clients see nothing of ours.
    if (connection.speaks || connection.wasStamped) lines.push(`${SPEAKS_HEADER}: 1`);
    if (!connection.wasStamped) return;
    const { recorder, spent } = this.#context;
    const message = stampMessage(recorder, CHANNEL, connection.peer, false, present, spent);
    if (message !== null) lines.push(`${CARRIER_HEADER}: ${message.text}`);
  }

  #try(work: () => void): void {
    if (!this.#guard.isOn) return;
    try {
      work();
    } catch (error) {
      this.#guard.caught(error);
    }
  }
}

/** Takes our headers out of a reply's lines, where the host copied them; returns the stamp. */
function takeOut(lines: string[]): string | undefined {
  let present: string | undefined;
  for (let i = lines.length - 1; i >= 0; i -= 1) {
    const line = lines[i] ?? "";
    const match = OUR_LINE.exec(line);
    if (match === null) continue;
    if (line.toLowerCase().startsWith(CARRIER_HEADER)) present = match[1];
    lines.splice(i, 1);
  }
  return present;
}
