/**
 * The collector as import and export see it, over HTTP. Batches are sent again while the collector is
 * too busy or away for a moment: it stores each event once, so that sending twice does no harm.
 *
 * An adapter: it owns a real timer, for the pauses between tries.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  BATCH_MEDIA_TYPE,
  INGEST_PATH,
  type IngestReply,
  RetroError,
} from "../../agent/kernel/index.ts";
import type { CollectorDoor } from "../interop/collector-door.ts";
import { type CollectorClient, errorOf } from "./client.ts";

const MAX_TRIES = 8;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
const RETRIED: readonly number[] = [408, 429, 502, 503, 504];

export function doorTo(client: CollectorClient): CollectorDoor {
  return {
    ask: (path, query) => client.ask(path, query),
    async post(body) {
      for (let tries = 1; ; tries += 1) {
        const outcome = await tryPost(client, body);
        if ("acks" in outcome) return outcome;
        const refusal = outcome;
        if (!refusal.error.retriable || tries === MAX_TRIES) throw refusal.error;
        const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
        await delay(Math.max(pauseMs, refusal.afterMs));
      }
    },
  };
}

/** The reply, or why the batches were not stored. */
async function tryPost(
  client: CollectorClient,
  body: Uint8Array,
): Promise<IngestReply | { readonly error: RetroError; readonly afterMs: number }> {
  let response: Response;
  try {
    const headers = { "content-type": BATCH_MEDIA_TYPE };
    response = await client.send(INGEST_PATH, {
      method: "POST",
      headers,
      body: body as Uint8Array<ArrayBuffer>, // never shared memory
    });
  } catch (error) {
    if (error instanceof RetroError) return { error, afterMs: 0 };
    throw error;
  }
  const answer = parsed(await response.text());
  if (response.ok && Array.isArray((answer as IngestReply | undefined)?.acks)) {
    return answer as IngestReply;
  }
  const told = errorOf(answer);
  const afterSeconds = Number(response.headers.get("retry-after") ?? 0);
  return {
    error: new RetroError(
      told?.code ?? "unreachable",
      told?.message ?? `the collector answered ${response.status}`,
      {
        retriable: RETRIED.includes(response.status),
        ...(told?.hint === undefined ? {} : { hint: told.hint }),
      },
    ),
    afterMs: Math.min(MAX_PAUSE_MS, (afterSeconds > 0 ? afterSeconds : 0) * 1_000),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
