/** A real collector over a temporary directory, for tests: LMDB, HTTP on a free port of loopback. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BATCH_MEDIA_TYPE,
  type Batch,
  encodeBatch,
  type Hlc,
  INGEST_PATH,
  parseHlc,
} from "../../agent/kernel/index.ts";
import type { CollectorOptions } from "../../collector/collector.ts";
import { createCollector } from "../../collector/collector.ts";

/** 2026-11-21T16:00:00Z: the machine's clock of these tests. */
export const NOW = parseHlc("01a1fed600000000") as Hlc;

export interface TestCollector {
  readonly url: string;
  readonly data: string;
  /** What was logged. */
  readonly log: string[];
  post(...batches: readonly Batch[]): Promise<Response>;
  get<Answer = unknown>(path: string): Promise<{ status: number; body: Answer }>;
  close(): Promise<void>;
  /** Ends it, and leaves its directory for another. */
  end(): Promise<void>;
  /** Removes the directory. */
  remove(): void;
}

export async function startCollector(
  options: Partial<CollectorOptions> = {},
): Promise<TestCollector> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "retroscope-test-"));
  const log: string[] = [];
  const collector = await createCollector({
    data,
    port: 0,
    clock: { now: () => NOW },
    log: { write: (line) => log.push(line) },
    ...options,
  });
  return {
    url: collector.url,
    data,
    log,
    async post(...batches) {
      return fetch(collector.url + INGEST_PATH, {
        method: "POST",
        headers: { "content-type": BATCH_MEDIA_TYPE },
        body: Buffer.concat(batches.map(encodeBatch)),
      });
    },
    async get<Answer>(path: string) {
      const response = await fetch(collector.url + path);
      return { status: response.status, body: (await response.json()) as Answer };
    },
    end: () => collector.close(),
    remove: () => rmSync(data, { recursive: true, force: true }),
    async close() {
      await collector.close();
      // A directory that was given is the giver's to remove.
      if (options.data === undefined) rmSync(data, { recursive: true, force: true });
    },
  };
}
