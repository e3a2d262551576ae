/**
 * Asks a collector over HTTP. What goes wrong comes out as RetroError: the collector's own error as it
 * said it, or `unreachable` with what to do.
 */
import { type RetroCode, RetroError } from "../../agent/kernel/index.ts";

export const DEFAULT_URL = "http://127.0.0.1:7700";
/** How long an answer may take beside the time that it was asked to wait. */
const ANSWER_MS = 60_000;
/** What OpenSSL says of bytes that are no TLS; which of them depends on its version. */
const NOT_TLS: ReadonlySet<string> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
]);

export type QueryValue = string | number | boolean | readonly string[] | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export class CollectorClient {
  readonly url: string;

  /** @throws RetroError `bad-usage` if `url` is none */
  constructor(url: string) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new RetroError("bad-usage", `not the address of a collector: ${JSON.stringify(url)}`, {
        hint: `Use --url ${DEFAULT_URL} or RETROSCOPE_URL.`,
      });
    }
    this.url = url.replace(/\/+$/, "");
  }

  /**
   * Asks and returns the JSON of a good answer.
   * @throws RetroError with the collector's code; `unreachable`, `timed-out`
   */
  async ask<Answer>(path: string, query: Query = {}, waitMs = 0): Promise<Answer> {
    const response = await this.send(path + searchOf(query), {}, waitMs);
    return (await this.#bodyOf(response)) as Answer;
  }

  /** As `ask`, with a body: a POST. */
  async post<Answer>(path: string, body: object, waitMs = 0): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await this.send(path, init, waitMs);
    return (await this.#bodyOf(response)) as Answer;
  }

  /** As `ask`, for what is to be removed. */
  async remove<Answer>(path: string, query: Query = {}): Promise<Answer> {
    const response = await this.send(path + searchOf(query), { method: "DELETE" });
    return (await this.#bodyOf(response)) as Answer;
  }

  /**
   * As `ask`, or with a body as `post`, for an answer of many lines, given as they come. It may take as long
   * as it takes; when `signal` aborts it ends.
   */
  async *lines(
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<string, void> {
    const headers = { "content-type": "application/json" };
    const posted = { method: "POST", headers, body: JSON.stringify(body) };
    let response: Response;
    try {
      response = await this.send(path, { ...(body === undefined ? {} : posted), signal });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (!response.ok || response.body === null) {
      await this.#bodyOf(response);
      throw this.#noCollector(response);
    }
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const bytes of response.body) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw this.#failure(error);
    }
  }

  /** As `fetch`, with failures of the network as RetroError. The answer may be a refusal. */
  async send(path: string, init: RequestInit, waitMs = 0): Promise<Response> {
    try {
      return await fetch(this.url + path, {
        signal: AbortSignal.timeout(ANSWER_MS + waitMs),
        ...init,
        redirect: "error",
      });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #bodyOf(response: Response): Promise<unknown> {
    let body: unknown;
    try {
      body = await response.json();
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#noCollector(response);
      throw this.#failure(error);
    }
    if (response.ok) return body;
    const told = errorOf(body);
    if (told === undefined || told.code === "not-found") throw this.#notFound(response, told);
    throw told;
  }

  /** No such path, or no collector; or an address that holds what is added here: `/api/api/nodes`. */
  #notFound(response: Response, told: RetroError | undefined): RetroError {
    const root = this.url.replace(/\/(api|v1)$/, "");
    if (response.status !== 404 || root === this.url) return told ?? this.#noCollector(response);
    const ending = this.url.slice(root.length);
    return new RetroError("bad-usage", `the address of a collector has no ${ending}: ${this.url}`, {
      hint: `Leave ${ending} out: --url ${root}`,
    });
  }

  #failure(error: unknown): RetroError {
    const name = (error as { name?: unknown } | null)?.name;
    if (name === "TimeoutError") {
      return new RetroError("timed-out", `the collector at ${this.url} did not answer in time`, {
        retriable: true,
        hint: "Ask for less: a shorter range, one node or log.",
        cause: error,
      });
    }
    const cause = (error as { cause?: { code?: string; message?: string } } | null)?.cause;
    const why = cause?.code ?? cause?.message ?? String(error);
    if (NOT_TLS.has(why)) return this.#notTls(error);
    return new RetroError("unreachable", `cannot reach a collector at ${this.url} (${why})`, {
      retriable: true,
      hint: "Start one with `npx retroscope collector`, or name another with --url or RETROSCOPE_URL.",
      cause: error,
    });
  }

  /** A collector itself never speaks TLS; a proxy before one may, so `https:` is no error of its own. */
  #notTls(cause: unknown): RetroError {
    const plain = this.url.replace(/^https:/i, "http:");
    return new RetroError("unreachable", `what answers at ${this.url} does not speak https`, {
      hint: `A collector speaks plain http: --url ${plain}`,
      cause,
    });
  }

  #noCollector(response: Response): RetroError {
    const kind = response.headers.get("content-type")?.split(";")[0] ?? "no content type";
    return new RetroError(
      "unreachable",
      `what answers at ${this.url} is not a collector (status ${response.status}, ${kind})`,
      {
        hint: "Is it another service, or a proxy on the way? Name the collector with --url or RETROSCOPE_URL.",
      },
    );
  }
}

/** The error in an error body; undefined if it holds none. */
export function errorOf(body: unknown): RetroError | undefined {
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message, hint, ...details } = error;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  return new RetroError(code as RetroCode, message, {
    details,
    ...(typeof hint === "string" ? { hint } : {}),
  });
}

export function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    const values = Array.isArray(value) ? (value as readonly string[]) : [String(value)];
    for (const one of values) search.append(name, one);
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
