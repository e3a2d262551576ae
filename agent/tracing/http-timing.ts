/**
 * Tells the request timer what Node's http servers, http clients and `fetch` do, by their diagnostics
 * channels and a `close` listener on each response: nothing of the host's is patched.
 *
 *     http.server.request.start    UA, before the handler      http.client.request.start    DS, a socket is at hand
 *     http.server.response.finish  UD                          http.client.response.finish  first byte (the head)
 *     response `close` without it  UD, aborted                 response `close`             DR, end of the body
 *                                                              http.client.request.error    DR, none came
 *     undici:request:create        whose call it is
 *     undici:client:sendHeaders    DS: a call that waited for a connection is sent on behalf of who had it before
 *     undici:request:headers       first byte                  undici:request:trailers, :error    DR
 *
 * From when a call is made (undici:request:create; http.client.request.created, where this Node has it) to DS it
 * waits for a connection: a pool wait, if it is long enough to be one.
 */
import { type Channel, channel } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { OperationNames } from "./operation-names.ts";
import type { CallStart, OpenCall, OpenRequest, Outcome, RequestTimer } from "./request-timer.ts";

/** Keeps our own shipping out: see agent/propagation/stamping.ts. */
const UNTRACED = Symbol.for("retroscope.untraced");
const CALL: unique symbol = Symbol("retroscope.call");
const CALLER: unique symbol = Symbol("retroscope.caller");
const CREATED: unique symbol = Symbol("retroscope.created");
const REQUEST: unique symbol = Symbol("retroscope.request");

/** A call that is sent sooner than this after it was made did not wait for a connection. */
export const MIN_POOL_WAIT_US = 500;
const STREAM_TYPE = "text/event-stream";

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
  /** When it was made, by the timer's clock. */
  [CREATED]?: number;
}

/** What is known of a call's message. */
export interface HttpTimingOptions {
  readonly timer: RequestTimer;
  readonly names: OperationNames;
  /** The timer's clock. */
  readonly nowUs: () => number;
  /** The `send` event of an http or undici request, and the lead at it; undefined: none was recorded. */
  readonly sendOf?: (request: object) => Pick<CallStart, "sendSeq" | "leadUs"> | undefined;
  /** Takes what went wrong here; never the host's. */
  readonly onError: (error: unknown) => void;
}

interface TimedRequest extends ClientRequest, TimedCall {
  readonly agent?: unknown;
}

/** Starts the timing; returns what ends it. */
export function timeHttp(options: HttpTimingOptions): () => void {
  const { timer, names, nowUs, sendOf, onError } = options;

  function made(request: TimedCall): void {
    request[CALLER] = timer.caller() ?? null;
    request[CREATED] = nowUs();
  }

  function sent(request: TimedCall & { method?: unknown }, to: string, caller: OpenRequest): void {
    const created = request[CREATED];
    if (created !== undefined && nowUs() - created >= MIN_POOL_WAIT_US) waited(to, caller, created);
    const operation = typeof request.method === "string" ? request.method : undefined;
    request[CALL] = timer.callStarted(to, caller, { operation, ...sendOf?.(request) });
  }

  function waited(to: string, caller: OpenRequest, sinceUs: number): void {
    const pool = { name: `connections to ${to}`, kind: "pool", downstream: to } as const;
    const wait = timer.waitStarted(pool, caller, sinceUs);
    if (wait !== undefined) timer.waitEnded(wait);
  }

  function answered(holder: { readonly [CALL]?: OpenCall | undefined }, status: unknown): void {
    const call = holder[CALL];
    const isError = typeof status === "number" && status >= 500;
    if (call !== undefined) timer.callAnswered(call, isError ? "error" : "ok");
  }

  function end(holder: { readonly [CALL]?: OpenCall | undefined }, outcome?: Outcome): void {
    const call = holder[CALL];
    if (call !== undefined) timer.callEnded(call, outcome);
  }

  const handlers: Readonly<Record<string, (published: never) => void>> = {
    "http.server.request.start": ({ response }: { response: TimedResponse }) => {
      response[REQUEST] = timer.arrived(response);
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
    "http.client.request.created": ({ request }: { request: TimedCall }) => made(request),
    "http.client.request.start": ({ request }: { request: TimedRequest }) => {
      if (isUntraced(request) || isUntraced(request.agent)) return;
      const caller = request[CALLER] ?? timer.caller();
      if (caller !== undefined) {
        sent(request, String(request.getHeader("host") ?? request.host), caller);
      }
    },
    "http.client.response.finish": (published: { request: TimedCall; response: TimedReply }) => {
      const { request, response } = published;
      const call = request[CALL];
      if (call === undefined) return;
      answered(request, response.statusCode);
      response[CALL] = call;
      response.on("close", onReplyClose);
    },
    "http.client.request.error": ({ request }: { request: TimedCall }) => end(request, "error"),
    "undici:request:create": ({ request }: { request: TimedCall }) => {
      if (isUntraced(request)) request[CALLER] = null;
      else made(request);
    },
    "undici:client:sendHeaders": ({ request }: { request: TimedCall & { origin?: unknown } }) => {
      const caller = request[CALLER];
      if (caller) sent(request, hostOf(request.origin), caller);
    },
    "undici:request:headers": (published: {
      request: TimedCall;
      response: { readonly statusCode?: unknown };
    }) => answered(published.request, published.response?.statusCode),
    "undici:request:trailers": ({ request }: { request: TimedCall }) => end(request),
    "undici:request:error": ({ request }: { request: TimedCall & { origin?: unknown } }) => {
      const caller = request[CALLER];
      const created = request[CREATED];
      const isUnsent = request[CALL] === undefined && caller && created !== undefined;
      if (isUnsent) waited(hostOf(request.origin), caller, created);
      else end(request, "error");
    },
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
      end(this, this.complete ? undefined : "aborted");
    } catch (error) {
      onError(error);
    }
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
 * The operation of a response that is still open, as far as a router has said it: express does, before the handler.
 * undefined: it is an event stream, open for as long as somebody listens, or no response.
 */
export function openOperationOf(response: unknown, names: OperationNames): string | undefined {
  const { req, getHeader } = response as Partial<ServerResponse>;
  if (req === undefined || getHeader === undefined) return undefined;
  const type = (response as ServerResponse).getHeader("content-type");
  if (typeof type === "string" && type.startsWith(STREAM_TYPE)) return undefined;
  return operationOf(req, names);
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
