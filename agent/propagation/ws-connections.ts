/** What the ws hook knows of each connection: who is at the other end, and whether it reads stamps. */
import { type Caller, callerOf, type ServedSocket } from "./caller.ts";
import { type HookContext, peerAddress } from "./stamping.ts";

/** On a WebSocket: its connection. */
const CONNECTION: unique symbol = Symbol("retroscope.connection");

/** A WebSocket of ws, as much as the hook touches. */
export interface HookedSocket {
  readonly readyState: number;
  readonly _isServer?: boolean;
  readonly _url?: string;
  readonly _socket?: (ServedSocket & Corkable) | null;
  readonly _sender?: { pong(data: string, mask: boolean, done: undefined): void } | null;
  [CONNECTION]?: Connection;
}

interface Corkable {
  cork?(): void;
  uncork?(): void;
}

export interface Connection {
  /** With port, for events. */
  readonly peer: string;
  /** For counters; without the port of a caller. */
  readonly countedAs: string;
  /** The lists admit it: it may see stamps of ours, and its stamps are believed. */
  readonly isAdmitted: boolean;
  readonly isClient: boolean;
  /** It understands stamps in pongs: it said so in the handshake, or sent one. */
  speaks: boolean;
  /** The handshake's request carried a stamp. */
  wasStamped: boolean;
  /** A client's: the address whose server was told in the request that we understand. */
  toldAt: string | undefined;
  /** A client's: the server has yet to be told. */
  owesHello: boolean;
  /** The carrier that came in a pong and waits for its message. */
  waiting: string | undefined;
}

export class WsConnections {
  readonly #context: HookContext;
  /** Of servers, between the handshake and the WebSocket made of it; by the network's socket. */
  readonly #handshakes = new WeakMap<object, Connection>();

  constructor(context: HookContext) {
    this.#context = context;
  }

  /** The connection of a WebSocket, however it was made. */
  of(socket: HookedSocket): Connection {
    const known = socket[CONNECTION];
    if (known !== undefined) return known;
    const network = socket._socket ?? undefined;
    const connection =
      (network === undefined ? undefined : this.#handshakes.get(network)) ??
      (socket._isServer === false ? this.#client(socket) : this.#server(safeCaller(network)));
    if (network !== undefined) socket[CONNECTION] = connection;
    return connection;
  }

  /** A server's connection, once per network socket; the flag says whether it is new. */
  onUpgrade(network: ServedSocket): { readonly connection: Connection; readonly isNew: boolean } {
    const known = this.#handshakes.get(network);
    if (known !== undefined) return { connection: known, isNew: false };
    const connection = this.#server(safeCaller(network));
    this.#handshakes.set(network, connection);
    return { connection, isNew: true };
  }

  /** The connection of a server's network socket in its handshake. */
  upgraded(network: object | null | undefined): Connection | undefined {
    return network ? this.#handshakes.get(network) : undefined;
  }

  /** A client's connection from before its socket stands: made anew where a redirect led on. */
  onClient(socket: HookedSocket): Connection {
    const toldAt = socket[CONNECTION]?.toldAt;
    const connection = this.#client(socket);
    connection.toldAt = toldAt;
    socket[CONNECTION] = connection;
    return connection;
  }

  #server(caller: Caller | undefined): Connection {
    const isAdmitted =
      caller !== undefined && (caller.isPipe || this.#context.senders.allows(caller.host));
    const peer = caller?.peer ?? "unknown";
    return made({ peer, countedAs: caller?.host ?? peer, isAdmitted, isClient: false });
  }

  #client(socket: HookedSocket): Connection {
    const url = new URL(socket._url ?? "");
    if (url.protocol === "ws+unix:") {
      const peer = `unix:${url.pathname.split(":")[0]}`;
      return made({ peer, countedAs: peer, isAdmitted: true, isClient: true });
    }
    const isSecure = url.protocol === "wss:" || url.protocol === "https:";
    const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
    const isAdmitted = this.#context.destinations.allows(url.hostname, port);
    const peer = peerAddress(url.hostname, port);
    return made({ peer, countedAs: peer, isAdmitted, isClient: true });
  }
}

function made(
  known: Pick<Connection, "peer" | "countedAs" | "isAdmitted" | "isClient">,
): Connection {
  return {
    ...known,
    speaks: false,
    wasStamped: false,
    toldAt: undefined,
    owesHello: false,
    waiting: undefined,
  };
}

function safeCaller(network: ServedSocket | undefined): Caller | undefined {
  try {
    return callerOf(network);
  } catch {
    return undefined; // a stream of the host's own making
  }
}
