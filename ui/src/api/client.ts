/**
 * The way to the collector: relative paths of the page's own origin, JSON answers, failures as
 * `ApiFailure`. Times cross this border as 16 hex digits only; inside the page they are ticks.
 */
import { formatHlc, type Hlc, parseHlc } from "../../../agent/kernel/index.ts";
import type { H } from "../../../collector/api/shapes.ts";
import type { Host } from "../host.ts";

/** A stretch of a text: which query of it, line and column from 1, length in UTF-16 units. */
export interface TextPlace {
  readonly query: number;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** Text that names a failed request's cause and the way on. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  /** The collector's own code, or `unreachable`, `timeout`, `bad-answer`. */
  readonly code: string;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly hint: string | undefined;
  /** The earliest time still retained, where a 410 names it. */
  readonly earliest: Hlc | undefined;
  /** Where in an RQL text, for a text that was refused. */
  readonly place: TextPlace | undefined;

  constructor(
    code: string,
    status: number,
    message: string,
    more: {
      hint?: string | undefined;
      earliest?: Hlc | undefined;
      place?: TextPlace | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.code = code;
    this.status = status;
    this.hint = more.hint;
    this.earliest = more.earliest;
    this.place = more.place;
  }

  /** Whether no collector answered at all. */
  get isLost(): boolean {
    return this.status === 0;
  }
}

export type Query = { readonly [name: string]: string | number | readonly string[] | undefined };

/** What a stream is asked with: a body makes it a POST. */
export interface StreamAsked {
  readonly accept: string;
  readonly body?: object;
  /** The last event that was read of a stream that broke. */
  readonly lastEventId?: string | undefined;
}

/** What those need that only ask. */
export interface ApiReader {
  /** @throws ApiFailure; an abort by the caller rejects with the signal's reason. */
  get<Answer>(path: string, query: Query, signal: AbortSignal): Promise<Answer>;
}

export interface ApiClient extends ApiReader {
  /** The body as it came, for a worker to read. @throws ApiFailure like `get` */
  getBytes(path: string, query: Query, signal: AbortSignal): Promise<ArrayBuffer>;
  /** Sends JSON; else like `get`. */
  post<Answer>(path: string, body: object, signal: AbortSignal): Promise<Answer>;
  remove<Answer>(path: string, signal: AbortSignal): Promise<Answer>;
  /** An answer that is read as it comes; its status is good. Throws like `get`. */
  open(path: string, asked: StreamAsked, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** The bearer token that the person typed; kept in memory only, never in the address. */
  setToken(token: string): void;
}

export function createClient(host: Host): ApiClient {
  let token = "";
  const send = async (path: string, init: RequestInit, signal: AbortSignal): Promise<Response> => {
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(init.body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(init.headers as Record<string, string> | undefined),
    };
    try {
      return await host.fetch(path, { ...init, headers, signal });
    } catch (cause) {
      throw signal.aborted ? signal.reason : unreachable(cause);
    }
  };
  const ask = async <Answer>(
    path: string,
    init: RequestInit,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const response = await send(path, init, signal);
    const body = await readJson(response, signal);
    if (!response.ok) throw failureOf(response.status, body);
    return body as Answer;
  };
  return {
    setToken(typed) {
      token = typed.trim();
    },
    get: (path, query, signal) => ask(path + searchOf(query), {}, signal),
    async getBytes(path, query, signal) {
      const response = await send(path + searchOf(query), {}, signal);
      if (!response.ok) throw failureOf(response.status, await readJson(response, signal));
      try {
        return await response.arrayBuffer();
      } catch (cause) {
        throw signal.aborted ? signal.reason : unreachable(cause);
      }
    },
    post: (path, body, signal) => ask(path, { method: "POST", body: JSON.stringify(body) }, signal),
    remove: (path, signal) => ask(path, { method: "DELETE" }, signal),
    async open(path, { accept, body, lastEventId }, signal) {
      const headers = {
        accept,
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      };
      const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const response = await send(path, { ...post, headers }, signal);
      if (!response.ok) throw failureOf(response.status, await readJson(response, signal));
      if (response.body === null) throw failureOf(response.status, undefined);
      return response.body;
    },
  };
}

function unreachable(cause: unknown): ApiFailure {
  return new ApiFailure("unreachable", 0, "The collector does not answer.", {
    hint: "Is it still running? The page keeps trying.",
    cause,
  });
}

async function readJson(response: Response, signal: AbortSignal): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new ApiFailure(
      "bad-answer",
      response.status,
      `The collector answered ${response.status} without readable JSON.`,
      { hint: "Does this address belong to a Retroscope collector of the same version?", cause },
    );
  }
}

function failureOf(status: number, body: unknown): ApiFailure {
  const { error, earliest } = (body ?? {}) as {
    error?: { code?: string; message?: string; hint?: string; earliest?: H } & Partial<TextPlace>;
    earliest?: H;
  };
  const limit = earliest ?? error?.earliest;
  return new ApiFailure(
    error?.code ?? "refused",
    status,
    error?.message ?? `The collector answered ${status}.`,
    {
      hint: error?.hint,
      earliest: limit === undefined ? undefined : ticksOf(limit),
      place: placeIn(error ?? {}),
    },
  );
}

function placeIn({ query, line, column, length }: Partial<TextPlace>): TextPlace | undefined {
  const isPlace = line !== undefined && column !== undefined && length !== undefined;
  return isPlace ? { query: query ?? 0, line, column, length } : undefined;
}

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

/** The ticks of a time in an answer. */
export function ticksOf(time: H): Hlc {
  const t = parseHlc(time.hlc);
  if (t === undefined) {
    throw new ApiFailure("bad-answer", 200, `The collector sent a time that is none: ${time.hlc}`);
  }
  return t;
}

/** A time as the API takes it: exact. */
export const hexOf: (t: Hlc) => string = formatHlc;
