/**
 * Tells the request timer what Node's http servers, http clients and `fetch` do, by their diagnostics
 * channels and a `close` listener on each response: nothing of the host's is patched.
 *
 *     http.server.request.start    UA, before the handler      http.client.request.start    DS, a socket is at hand
 *     http.server.response.finish  UD                          response `close`             DR, end of the body
 *     response `close` without it  UD, aborted                 http.client.request.error    DR, none came
 *
 *     undici:request:create        whose call it is            undici:request:trailers, :error    DR
 *     undici:client:sendHeaders    DS: a call that waited for a connection is sent on behalf of who had it before
 */
import { type Channel, channel } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { OperationNames } from "./operation-names.ts";
import type { OpenCall, OpenRequest, RequestTimer } from "./request-timer.ts";

/** Keeps our own shipping out: see agent/propagation/stamping.ts. */
const UNTRACED = Symbol.for("retroscope.untraced");
const CALL: unique symbol = Symbol("retroscope.call");
const CALLER: unique symbol = Symbol("retroscope.caller");
const REQUEST: unique symbol = Symbol("retroscope.request");

interface TimedResponse extends ServerResponse {
  [REQUEST]?: OpenRequest;
}

interface TimedReply extends IncomingMessage {
  [CALL]?: OpenCall;
}

/** What express leaves on a request that it routed. */
interface RoutedRequest extends IncomingMessage {
  readonly baseUrl?: unknown;
  readonly route?: { readonly path?: unknown };
}

interface TimedCall {
  [CALL]?: OpenCall | undefined;
  /** The request that makes it; null: none. */
  [CALLER]?: OpenRequest | null;
}

interface TimedRequest extends ClientRequest, TimedCall {
  readonly agent?: unknown;
}

/**
 * Starts the timing.
 * @param onError takes what went wrong here; never the host's
 * @returns ends it
 */
export function timeHttp(
  timer: RequestTimer,
  names: OperationNames,
  onError: (error: unknown) => void,
): () => void {
  const handlers: Readonly<Record<string, (published: never) => void>> = {
    "http.server.request.start": ({ response }: { response: TimedResponse }) => {
      response[REQUEST] = timer.arrived();
      response.on("close", onResponseClose);
    },
    "http.server.response.finish": (published: {
      request: RoutedRequest;
      response: TimedResponse;
    }) => {
      const { request, response } = published;
      const open = response[REQUEST];
      if (open === undefined) return;
      timer.departed(open, operationOf(request, names), response.statusCode < 500 ? "ok" : "error");
    },
    "http.client.request.start": ({ request }: { request: TimedRequest }) => {
      if (isUntraced(request) || isUntraced(request.agent)) return;
      const caller = timer.caller();
      if (caller !== undefined) {
        request[CALL] = timer.callStarted(
          String(request.getHeader("host") ?? request.host),
          caller,
        );
      }
    },
    "http.client.response.finish": (published: { request: TimedCall; response: TimedReply }) => {
      const call = published.request[CALL];
      if (call === undefined) return;
      published.response[CALL] = call;
      published.response.on("close", onReplyClose);
    },
    "http.client.request.error": ({ request }: { request: TimedCall }) => end(request),
    "undici:request:create": ({ request }: { request: TimedCall }) => {
      request[CALLER] = isUntraced(request) ? null : (timer.caller() ?? null);
    },
    "undici:client:sendHeaders": ({ request }: { request: TimedCall & { origin?: unknown } }) => {
      const caller = request[CALLER];
      if (caller) request[CALL] = timer.callStarted(hostOf(request.origin), caller);
    },
    "undici:request:trailers": ({ request }: { request: TimedCall }) => end(request),
    "undici:request:error": ({ request }: { request: TimedCall }) => end(request),
  };

  // One function for all, put in by `on`: a function of each response's own, taken out again by `once`, costs
  // more than the rest of the timing. Neither may throw into the host.
  function onResponseClose(this: TimedResponse): void {
    const open = this[REQUEST];
    if (open?.isOpen !== true) return;
    try {
      timer.departed(open, operationOf(this.req, names), "aborted");
    } catch (error) {
      onError(error);
    }
  }

  function onReplyClose(this: TimedReply): void {
    try {
      end(this);
    } catch (error) {
      onError(error);
    }
  }

  function end(holder: { readonly [CALL]?: OpenCall | undefined }): void {
    const call = holder[CALL];
    if (call !== undefined) timer.callEnded(call);
  }

  const ends = Object.entries(handlers).map(([name, handle]) => {
    const on: Channel = channel(name);
    const listener = (published: unknown): void => {
      try {
        handle(published as never);
      } catch (error) {
        onError(error);
      }
    };
    on.subscribe(listener);
    return () => on.unsubscribe(listener);
  });
  return () => {
    for (const each of ends) each();
  };
}

/** What express says of the route that it took. */
function operationOf(request: RoutedRequest, names: OperationNames): string {
  const path = request.route?.path;
  const pattern = typeof path === "string" ? path : undefined;
  return names.nameOf(request.method ?? "GET", pattern, Boolean(request.baseUrl));
}

function hostOf(origin: unknown): string {
  const text = String(origin);
  return URL.canParse(text) ? new URL(text).host : text;
}

function isUntraced(thing: unknown): boolean {
  return (thing as { [UNTRACED]?: unknown } | null | undefined)?.[UNTRACED] === true;
}
