/** Sends alerts over HTTP. An adapter: it owns the timer of a call. */
import type { WebhookSender } from "./webhooks.ts";

/** So long a host may take to answer. */
const TIMEOUT_MS = 5_000;

export const nodeWebhooks: WebhookSender = {
  async send(url, body, signal) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        // Another host might stand behind it.
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  },
};
