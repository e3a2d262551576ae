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
import type { OpenCall, OpenRequest, RequestTimer } from "./request-timer.ts";

/** Keeps our own shipping out: see agent/propagation/stamping.ts. */
const UNTRACED = Symbol.for("retroscope.untraced");
const CALL: unique symbol = Symbol("retroscope.call");
const CALLER: unique symbol = Symbol("retroscope.caller");
const REQUEST: unique symbol = Symbol("retroscope.request");

interface TimedResponse extends ServerResponse {
  [REQUEST]?: OpenRequest;
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
export function timeHttp(timer: RequestTimer, onError: (error: unknown) => void): () => void {
  const handlers: Readonly<Record<string, (published: never) => void>> = {
    "http.server.request.start": (published: {
      request: RoutedRequest;
      response: TimedResponse;
    }) => {
      const { request, response } = published;
      const open = timer.arrived();
      response[REQUEST] = open;
      response.once("close", () => {
        if (open.isOpen) timer.departed(open, operationOf(request), "aborted");
      });
    },
    "http.server.response.finish": (published: {
      request: RoutedRequest;
      response: TimedResponse;
    }) => {
      const { request, response } = published;
      const open = response[REQUEST];
      if (open === undefined) return;
      timer.departed(open, operationOf(request), response.statusCode < 500 ? "ok" : "error");
    },
    "http.client.request.start": ({ request }: { request: TimedRequest }) => {
      if (isUntraced(request) || isUntraced(request.agent)) return;
      request[CALL] = timer.callStarted(String(request.getHeader("host") ?? request.host));
    },
    "http.client.response.finish": (published: {
      request: TimedCall;
      response: IncomingMessage;
    }) => {
      const call = published.request[CALL];
      if (call !== undefined) published.response.once("close", () => timer.callEnded(call));
    },
    "http.client.request.error": ({ request }: { request: TimedCall }) => end(request),
    "undici:request:create": ({ request }: { request: TimedCall }) => {
      request[CALLER] = isUntraced(request) ? null : (timer.current ?? null);
    },
    "undici:client:sendHeaders": ({ request }: { request: TimedCall & { origin?: unknown } }) => {
      const caller = request[CALLER];
      if (caller) request[CALL] = timer.callStarted(hostOf(request.origin), caller);
    },
    "undici:request:trailers": ({ request }: { request: TimedCall }) => end(request),
    "undici:request:error": ({ request }: { request: TimedCall }) => end(request),
  };

  function end(request: TimedCall): void {
    if (request[CALL] !== undefined) timer.callEnded(request[CALL]);
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

/**
 * Method and route pattern. Where no router said one, the method alone, and a star for where a router is
 * mounted: what stands there is the address, with whatever names and numbers it holds.
 */
function operationOf(request: RoutedRequest): string {
  const method = request.method ?? "GET";
  const path = request.route?.path;
  if (typeof path !== "string") return `${method} *`;
  return `${method} ${request.baseUrl ? "*" : ""}${path}`;
}

function hostOf(origin: unknown): string {
  const text = String(origin);
  return URL.canParse(text) ? new URL(text).host : text;
}

function isUntraced(thing: unknown): boolean {
  return (thing as { [UNTRACED]?: unknown } | null | undefined)?.[UNTRACED] === true;
}
