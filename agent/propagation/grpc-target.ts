/**
 * Whom a gRPC call goes to: the target that the service named, as far as a name or address stands in it,
 * since allow-lists speak of names; else where the connection goes.
 *
 *     dns:///cart:50051   cart:50051   [::1]:50051       the name and port in it
 *     unix:/run/cart.sock                                local
 *     ipv4:10.0.0.1:80,10.0.0.2:80   xds:...             the address connected to
 *     through a proxy (https_proxy)                      the target behind it, not the proxy
 */
import { peerAddress } from "./stamping.ts";

/** A connection of a channel. */
export interface GrpcSubchannel {
  readonly channelTarget?: { readonly scheme?: string; readonly path?: string };
  readonly subchannelAddress?: {
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
  };
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface GrpcPeer {
  readonly host: string;
  readonly port: number | undefined;
  readonly address: string;
}

const BEHIND_PROXY = "grpc.http_connect_target";
const DEFAULT_PORT = 443;

export function peerOfSubchannel(subchannel: GrpcSubchannel): GrpcPeer {
  const behind = subchannel.options?.[BEHIND_PROXY];
  if (typeof behind === "string") return namedPeer(behind.replace(/^dns:(\/\/[^/]*\/)?/, ""));
  const { scheme, path } = subchannel.channelTarget ?? {};
  const address = subchannel.subchannelAddress ?? {};
  if (address.path !== undefined) {
    return { host: "localhost", port: undefined, address: `unix:${address.path}` };
  }
  if (path !== undefined && (scheme === "dns" || scheme === undefined)) return namedPeer(path);
  const host = address.host ?? "";
  return { host, port: address.port, address: peerAddress(host, address.port) };
}

function namedPeer(text: string): GrpcPeer {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text);
  // Several colons and no brackets: an IPv6 address without port.
  const host = match?.[1] ?? text;
  const port = match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  return { host, port, address: peerAddress(host, port) };
}
