/** Sends the alerts of a monitor to its webhook, until each is taken. */
import type { CutTimers } from "../cut/timers.ts";
import type { Alert, MonitorRecord } from "./shapes.ts";
import { checkWebhook, type WebhookSender } from "./webhooks.ts";

export interface Delivery {
  /** The monitor as it is now; undefined: it is gone. */
  record(): MonitorRecord | undefined;
  /** An alert of that number was taken; resolves when that is durable. */
  taken(number: number): Promise<void>;
  readonly webhooks: WebhookSender;
  readonly webhookHosts: readonly string[];
  readonly timers: CutTimers;
  readonly signal: AbortSignal;
  readonly retryMs: number;
  readonly mostRetryMs: number;
}

/**
 * One alert after the other; resolves when none is left. That one was taken is noted after it was: a collector
 * that is killed in between sends it again, under the same id.
 * @throws RetroError `forbidden` if its host is not allowed (any more)
 */
export async function deliverAlerts(delivery: Delivery): Promise<void> {
  const { webhooks, webhookHosts, signal, retryMs, mostRetryMs } = delivery;
  let pauseMs = retryMs;
  while (!signal.aborted) {
    const { webhook = null, alerts = [], delivered = 0 } = delivery.record() ?? {};
    const alert = alerts.find((one) => numberOf(one) > delivered);
    if (webhook === null || alert === undefined) return;
    checkWebhook(webhook, webhookHosts);
    if (await webhooks.send(webhook, JSON.stringify(alert), signal)) {
      pauseMs = retryMs;
      await delivery.taken(numberOf(alert));
    } else {
      await pause(delivery, pauseMs);
      pauseMs = Math.min(2 * pauseMs, mostRetryMs);
    }
  }
}

/** From 1. */
function numberOf({ id }: Alert): number {
  return Number(id.slice(id.lastIndexOf("/") + 1));
}

/** Ends early when the signal aborts. */
function pause({ timers, signal }: Delivery, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
