/**
 * Where alerts may be sent: hosts that the collector was started with, and no others. Whoever may make a
 * monitor could otherwise have the collector call anything that it can reach.
 */
import { RetroError } from "../../agent/kernel/index.ts";

/** Sends one alert. A port: node-webhooks.ts is the adapter. */
export interface WebhookSender {
  /** Whether it was taken (2xx). Never rejects; gives up after some seconds, and when `signal` aborts. */
  send(url: string, body: string, signal: AbortSignal): Promise<boolean>;
}

const MAX_URL_LENGTH = 2_048;

/**
 * A URL that may be called. `hosts`: names, or names with a port (`alerts.example:8080`); a name alone allows
 * its every port.
 * @throws RetroError `bad-parameter` for what is no URL, `forbidden` for another host
 */
export function checkWebhook(url: string, hosts: readonly string[]): void {
  const isUrl = url.length <= MAX_URL_LENGTH && URL.canParse(url);
  const { protocol, host, hostname, username, password } = new URL(isUrl ? url : "none:");
  if (!/^https?:$/.test(protocol) || username !== "" || password !== "") {
    throw new RetroError("bad-parameter", "webhook is no http or https address", {
      hint: "Give one without a user, such as http://alerts.example:8080/retroscope.",
    });
  }
  const allowed = hosts.map((one) => one.toLowerCase());
  if (allowed.includes(host) || allowed.includes(hostname)) return;
  throw new RetroError("forbidden", `webhooks may not call ${host}`, {
    hint: "Start the collector with --webhook-hosts and that host.",
  });
}
