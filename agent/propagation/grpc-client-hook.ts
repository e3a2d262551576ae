/**
 * The client's half of the gRPC hook.
 *
 *     getInterceptingCall        a call begins                 -> is its request a stream?
 *     Subchannel.createCall      an attempt's head is written  -> record the send, set the metadata
 *       listener.onReceiveMetadata  initial metadata arrived   -> merge, record the receive,
 *       listener.onReceiveStatus    trailers, without those       before interceptors and callers
 *
 * `createCall` is as late as grpc-js allows: name resolution, load balancing, credentials and waiting for
 * a connection are over. It runs once per attempt, so a retry or a hedge is a message of its own, with a
 * stamp of its own; and a call that never found a connection is none, since nothing was written.
 */

import { type GrpcSubchannel, peerOfSubchannel } from "./grpc-target.ts";
import {
  carriersIn,
  GRPC_CHANNEL,
  type GrpcMetadata,
  type GrpcStatus,
  withCarrierIn,
} from "./grpc-types.ts";
import type { HookGuard } from "./hook-guard.ts";
import type { MethodPatches } from "./method-patches.ts";
import { failMessage, type HookContext, receiveMessage, stampMessage } from "./stamping.ts";

/** Methods whose kind is remembered between the two points; when full, all are forgotten. */
const MAX_REMEMBERED_METHODS = 4_096;
/** "Refused prior to performing any application processing", RFC 9113, section 8.7. */
const REFUSED_STREAM = 0x7;

interface Listener {
  onReceiveMetadata(metadata: GrpcMetadata): void;
  onReceiveMessage(message: unknown): void;
  onReceiveStatus(status: GrpcStatus): void;
}

type CreateCall = (
  this: GrpcSubchannel,
  metadata: GrpcMetadata,
  host: string,
  method: string,
  listener: Listener,
  ...rest: unknown[]
) => unknown;

type GetInterceptingCall = (
  interceptors: unknown,
  definition: { readonly path: string; readonly requestStream: boolean },
  ...rest: unknown[]
) => unknown;

/** Whether a method's request is a stream, by path. Both points see the same paths, in any copy. */
const requestStreams = new Map<string, boolean>();

/** @param exports of `client-interceptors.js` */
export function noteMethods(exports: object, guard: HookGuard, patches: MethodPatches): void {
  patches.wrap<GetInterceptingCall>(exports, "getInterceptingCall", (original) => {
    return function (this: unknown, interceptors, definition, ...rest) {
      if (guard.isOn) {
        try {
          if (requestStreams.size >= MAX_REMEMBERED_METHODS) requestStreams.clear();
          requestStreams.set(definition.path, definition.requestStream);
        } catch (error) {
          guard.caught(error);
        }
      }
      return original.call(this, interceptors, definition, ...rest);
    };
  });
}

/** @param prototype of `Subchannel` */
export function stampCalls(
  prototype: object,
  context: HookContext,
  guard: HookGuard,
  patches: MethodPatches,
): void {
  patches.wrap<CreateCall>(prototype, "createCall", (original) => {
    return function (this: GrpcSubchannel, metadata, host, method, listener, ...rest) {
      const attempt = guard.isOn ? beginAttempt(this, metadata, method, listener) : undefined;
      if (attempt === undefined) {
        return original.call(this, metadata, host, method, listener, ...rest);
      }
      try {
        return original.call(this, attempt.metadata, host, method, attempt.listener, ...rest);
      } catch (error) {
        attempt.onNotWritten();
        throw error;
      }
    };
  });

  function beginAttempt(
    subchannel: GrpcSubchannel,
    metadata: GrpcMetadata,
    method: string,
    listener: Listener,
  ): Attempt | undefined {
    try {
      return stampAttempt(subchannel, metadata, method, listener);
    } catch (error) {
      guard.caught(error);
      return undefined;
    }
  }

  function stampAttempt(
    subchannel: GrpcSubchannel,
    metadata: GrpcMetadata,
    method: string,
    listener: Listener,
  ): Attempt | undefined {
    const { recorder, destinations, spent } = context;
    const peer = peerOfSubchannel(subchannel);
    const present = carriersIn(metadata)?.[0];
    if (!destinations.allows(peer.host, peer.port)) {
      recorder.unstamped(peer.address, "out");
      // A server that forwards metadata must not show our stamps to strangers.
      if (present === undefined) return undefined;
      return { metadata: withCarrierIn(metadata, null), listener, onNotWritten: () => undefined };
    }
    const streamed = requestStreams.get(method) ?? true;
    const message = stampMessage(recorder, GRPC_CHANNEL, peer.address, streamed, present, spent);
    if (message === null) return undefined;

    /** @param isReply it surely comes from the server; else only if it has our header */
    const onReply = (reply: GrpcMetadata | null | undefined, isReply: boolean): void => {
      if (!guard.isOn || message.settled) return;
      try {
        const values = carriersIn(reply);
        if (values === undefined && !isReply) return;
        message.settled = true;
        receiveMessage(context, GRPC_CHANNEL, values, peer.address, peer.address);
      } catch (error) {
        guard.caught(error);
      }
    };
    const onNotWritten = (): void => {
      if (!guard.isOn) return;
      try {
        failMessage(recorder, GRPC_CHANNEL, message);
      } catch (error) {
        guard.caught(error);
      }
    };
    return {
      metadata: withCarrierIn(metadata, message.text),
      listener: {
        onReceiveMetadata: (reply) => {
          onReply(reply, true);
          listener.onReceiveMetadata(reply);
        },
        onReceiveMessage: (body) => listener.onReceiveMessage(body),
        onReceiveStatus: (status) => {
          if (status.rstCode === REFUSED_STREAM) onNotWritten();
          else onReply(status.metadata, false);
          listener.onReceiveStatus(status);
        },
      },
      onNotWritten,
    };
  }
}

interface Attempt {
  readonly metadata: GrpcMetadata;
  readonly listener: Listener;
  /** It threw before anything went out. */
  readonly onNotWritten: () => void;
}
