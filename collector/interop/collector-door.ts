/** What import and export need of a collector: a port, so that they know nothing of HTTP. */
import type { IngestReply } from "../../agent/kernel/index.ts";

export type DoorQuery = Readonly<Record<string, string | number | undefined>>;

export interface CollectorDoor {
  /** Asks one of the /api questions. @throws RetroError */
  ask<Answer>(path: string, query: DoorQuery): Promise<Answer>;
  /** Posts encoded batches; resolves when they are durable. Retries what may pass. @throws RetroError */
  post(body: Uint8Array): Promise<IngestReply>;
}
