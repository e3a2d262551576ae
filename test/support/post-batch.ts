/** Sends one batch to a collector as an agent does, and fails with the collector's words if it is refused. */
import { type Batch, INGEST_PATH } from "../../agent/kernel/index.ts";
import { encodeBatch } from "../../agent/kernel/wire.ts";

export async function postBatch(url: string, batch: Batch): Promise<void> {
  const response = await fetch(url + INGEST_PATH, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(encodeBatch(batch)),
  });
  if (response.ok) return;
  throw new Error(`batch of ${batch.header.node}: ${response.status} ${await response.text()}`);
}
