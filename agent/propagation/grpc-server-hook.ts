/**
 * The server's half of the gRPC hook.
 *
 *     getServerInterceptingCall   request's head arrived   -> merge, record the receive
 *                                                             (before interceptors and handlers)
 *     BaseServerInterceptingCall:
 *       sendMetadata              head of the reply leaves -> record the send, set the metadata
 *       sendStatus, no head sent  "trailers only", errors  -> the same, in the trailers
 *
 * A reply is stamped if the request carried a stamp. A unary reply's head leaves with its message, and
 * its stamp covers that; what follows the head of a stream is covered by no stamp (`streamed`).
 */
import { type Caller, callerOf, type ServedSocket } from "./caller.ts";
import { CARRIER_HEADER } from "./carrier.ts";
import {
  carriersIn,
  GRPC_CHANNEL,
  type GrpcMetadata,
  type GrpcStatus,
  withCarrierIn,
} from "./grpc-types.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { MethodPatches } from "./method-patches.ts";
import {
  failMessage,
  type HookContext,
  isForeign,
  receiveMessage,
  type StampedMessage,
  stampMessage,
} from "./stamping.ts";

/** On a request's stream: what its reply may carry. */
const REPLY: unique symbol = Symbol("retroscope.reply");
/** On a call, while a message is being sent. */
const IN_MESSAGE: unique symbol = Symbol("retroscope.in-message");

interface Reply {
  readonly peer: string;
  /**
   * `stamp`: the request had one. `own`: not; what the host stamped by hand may stand, but no stamp that it
   * copied from elsewhere. `none`: a stranger, who sees neither.
   */
  readonly duty: "stamp" | "own" | "none";
}

interface RequestStream {
  readonly destroyed: boolean;
  readonly closed: boolean;
  readonly session?: { readonly socket: ServedSocket };
  [REPLY]?: Reply;
}

interface ServerCall {
  readonly stream: RequestStream;
  /** The request's. */
  readonly metadata: GrpcMetadata;
  readonly handler?: { readonly type?: string };
  readonly metadataSent?: boolean;
  readonly cancelled?: boolean;
  [IN_MESSAGE]?: boolean;
}

export interface ServerInterceptorExports {
  readonly BaseServerInterceptingCall: { readonly prototype: object };
  readonly getServerInterceptingCall: unknown;
}

type GetServerCall = (
  interceptors: unknown,
  stream: RequestStream,
  headers: Readonly<Record<string, unknown>>,
  ...rest: unknown[]
) => unknown;
type SendMetadata = (this: ServerCall, metadata: GrpcMetadata, ...rest: unknown[]) => unknown;
type SendStatus = (this: ServerCall, status: GrpcStatus, ...rest: unknown[]) => unknown;
type SendMessage = (this: ServerCall, ...args: unknown[]) => unknown;

/** @param exports of `server-interceptors.js` */
export function stampReplies(
  exports: ServerInterceptorExports,
  context: HookContext,
  guard: HookGuard,
  patches: MethodPatches,
): void {
  const { recorder, senders, refused, spent } = context;
  const { prototype } = exports.BaseServerInterceptingCall;

  patches.wrap<GetServerCall>(exports, "getServerInterceptingCall", (original) => {
    return function (this: unknown, interceptors, stream, headers, ...rest) {
      if (guard.isOn) {
        try {
          onRequest(stream, headers);
        } catch (error) {
          guard.caught(error);
        }
      }
      return original.call(this, interceptors, stream, headers, ...rest);
    };
  });

  patches.wrap<SendMessage>(prototype, "sendMessage", (original) => {
    return function (this: ServerCall, ...args) {
      this[IN_MESSAGE] = true;
      try {
        return original.apply(this, args);
      } finally {
        this[IN_MESSAGE] = false;
      }
    };
  });

  patches.wrap<SendMetadata>(prototype, "sendMetadata", (original) => {
    return function (this: ServerCall, metadata, ...rest) {
      const head = guard.isOn ? replyHead(this, metadata, headIsStreamed(this)) : null;
      if (head === null) return original.call(this, metadata, ...rest);
      return sending(head.message, () => original.call(this, head.metadata, ...rest));
    };
  });

  patches.wrap<SendStatus>(prototype, "sendStatus", (original) => {
    return function (this: ServerCall, status, ...rest) {
      const head = guard.isOn ? replyHead(this, status.metadata, false) : null;
      if (head === null) return original.call(this, status, ...rest);
      return sending(head.message, () =>
        original.call(this, { ...status, metadata: head.metadata }, ...rest),
      );
    };
  });

  function onRequest(stream: RequestStream, headers: Readonly<Record<string, unknown>>): void {
    const values = headerValues(headers[CARRIER_HEADER]);
    const caller = callerOfStream(stream);
    if (caller === undefined || !(caller.isPipe || senders.allows(caller.host))) {
      // Strangers without a stamp are the outside world; one with a stamp is not believed.
      const host = caller?.host ?? "unknown";
      if (values !== undefined) {
        recorder.unstamped(host, "in");
        refused.add(values);
      }
      stream[REPLY] = { peer: host, duty: "none" };
      return;
    }
    const { peer } = caller;
    const stamp = receiveMessage(context, GRPC_CHANNEL, values, peer, caller.host);
    stream[REPLY] = { peer, duty: stamp === undefined ? "own" : "stamp" };
  }

  /**
   * The metadata that should leave instead; null: what the host gave.
   * @param metadata of the head, or of the trailers, with or without a head before them
   */
  function replyHead(
    call: ServerCall,
    metadata: GrpcMetadata | null | undefined,
    streamed: boolean,
  ): { readonly metadata: GrpcMetadata; readonly message: StampedMessage | null } | null {
    try {
      const { stream } = call;
      const reply = stream[REPLY];
      if (reply === undefined) return null;
      if (call.cancelled === true || stream.destroyed || stream.closed) return null; // nothing leaves
      const present = carriersIn(metadata)?.[0];
      if (reply.duty !== "stamp" || call.metadataSent === true) {
        // Of trailers: no stamp that the head has already.
        if (present === undefined || !metadata) return null;
        if (reply.duty === "own" && !isForeign(recorder, present)) return null;
        return { metadata: withCarrierIn(metadata, null), message: null };
      }
      const message = stampMessage(recorder, GRPC_CHANNEL, reply.peer, streamed, present, spent);
      if (message === null) return null;
      return { metadata: withCarrierIn(metadata ?? emptyMetadata(call), message.text), message };
    } catch (error) {
      guard.caught(error);
      return null;
    }
  }

  function sending<T>(message: StampedMessage | null, send: () => T): T {
    try {
      return send();
    } catch (error) {
      if (message !== null) failMessage(recorder, GRPC_CHANNEL, message);
      throw error;
    }
  }
}

/** One of the same copy of the package. */
function emptyMetadata(call: ServerCall): GrpcMetadata {
  const Metadata = call.metadata.constructor as new () => GrpcMetadata;
  return new Metadata();
}

/** Whether messages follow the head that were not made when it left. */
function headIsStreamed(call: ServerCall): boolean {
  const type = call.handler?.type;
  return !(call[IN_MESSAGE] === true && (type === "unary" || type === "clientStream"));
}

function headerValues(value: unknown): string | readonly string[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.map(String) : String(value);
}

/** undefined: the connection has gone already. */
function callerOfStream(stream: RequestStream): Caller | undefined {
  try {
    return callerOf(stream.session?.socket);
  } catch {
    return undefined; // Node throws where the session gave its socket back
  }
}
