/** Who stands at the other end of a server's socket, for hooks whose servers Node does not tell about. */
import type { Socket } from "node:net";
import { peerAddress, plainHost } from "./stamping.ts";

/** The peer of what came through a Unix socket or a pipe. */
const LOCAL_PIPE = "local";

/** A socket as servers hand it out; `server` is Node's own. */
export type ServedSocket = Socket & { readonly server?: { readonly address?: () => unknown } };

export interface Caller {
  /** Without port, for lists and counters. */
  readonly host: string;
  /** With port, for events. */
  readonly peer: string;
  readonly isPipe: boolean;
}

/** undefined: unknown, since the connection has gone already or was made by hand. */
export function callerOf(socket: ServedSocket | undefined): Caller | undefined {
  const address = socket?.remoteAddress;
  if (address !== undefined) {
    const host = plainHost(address);
    return { host, peer: peerAddress(host, socket?.remotePort), isPipe: false };
  }
  if (typeof socket?.server?.address?.() !== "string") return undefined;
  return { host: LOCAL_PIPE, peer: LOCAL_PIPE, isPipe: true };
}
