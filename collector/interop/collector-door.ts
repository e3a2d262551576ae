/** What import and export need of a collector: a port, so that they know nothing of HTTP. */
export interface CollectorDoor {
  /** Asks one of the /api questions. @throws RetroError */
  ask<Answer>(
    path: string,
    query: Readonly<Record<string, string | number | undefined>>,
  ): Promise<Answer>;
  /** Posts batches until they are stored; retries what is retriable. @throws RetroError */
  post(body: Uint8Array): Promise<void>;
}
