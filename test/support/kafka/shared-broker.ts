/**
 * One broker for all test files of a run. Vitest runs files in processes of their own, so the broker
 * is kept by the process that started them (global-setup.ts), and started when the first file asks.
 *
 * `RETROSCOPE_TEST_KAFKA=host:port` names a broker to use instead; topics and groups of tests have
 * random names, so it may be any.
 */
import { inject } from "vitest";
import { untilReady } from "./broker.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where global-setup.ts answers `{ address }` or `{ missing }`. */
    readonly kafkaDesk: string;
  }
}

export type SharedKafka =
  | { readonly address: string; readonly missing?: undefined }
  | { readonly address?: undefined; readonly missing: string };

const ANSWER_TIMEOUT_MS = 300_000;

/** The broker's address, or why there is none: skip under that name. Rejects if it did not start. */
export async function sharedKafka(): Promise<SharedKafka> {
  const given = process.env["RETROSCOPE_TEST_KAFKA"];
  if (given !== undefined && given !== "") {
    await untilReady(given);
    return { address: given };
  }
  const reply = await fetch(inject("kafkaDesk"), {
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  if (!reply.ok) throw new Error(await reply.text());
  return (await reply.json()) as SharedKafka;
}

/** The words a skipped suite carries: the reason, and what to install. */
export function skipNote(kafka: SharedKafka): string {
  return kafka.missing === undefined ? "" : ` (skipped: ${kafka.missing})`;
}
