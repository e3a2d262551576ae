/**
 * The transport port: how encoded batches leave the process. Adapters: http-transport.ts,
 * memory-transport.ts. Chosen in runtime.ts alone.
 */
import type { IngestReply } from "../kernel/index.ts";

export interface SendOptions {
  /** Give up after so long, and abandon the connection. */
  readonly timeoutMs: number;
  /** The collector may keep the reply open for so long (heartbeats). 0: not at all. */
  readonly holdMs: number;
}

/** What came back. Never an exception: a network failure is a `failed` reply. */
export type TransportReply =
  | { readonly kind: "acked"; readonly reply: IngestReply }
  /** Refused for good (400, or 413 for a batch that cannot be split): never send these bytes again. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** 413: send less at a time. */
  | { readonly kind: "too-large" }
  /** 401, 403: try once a minute. */
  | { readonly kind: "unauthorized"; readonly status: number }
  /** 429, 503, or any failure of network or time-out: send the same bytes again later. */
  | { readonly kind: "failed"; readonly retryAfterMs: number | null; readonly message: string };

/**
 * A way out for batches. `retroscope/testing` has one in memory; a service may bring its own, which then
 * owes the promises below: they are checked at each call, and a transport that breaks them counts as down.
 */
export interface Transport {
  /** For the start line and errors: where batches go. */
  readonly target: string;
  /** Sends one or more encoded batches in one request. Never rejects. */
  send(batches: readonly Uint8Array[], options: SendOptions): Promise<TransportReply>;
  /** Ends open connections and what waits on them. May be called twice; a later `send` opens others. */
  close(): void;
}
