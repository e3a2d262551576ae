/** Who there is and what is recorded: `/api/nodes`, `/api/schema`. */
import { Router } from "express";
import { packageVersion } from "../version.ts";
import { type Answering, closingOf } from "./answering.ts";
import { nodeOffsetsJson } from "./audit-json.ts";
import { Params } from "./params.ts";
import { wholeRange } from "./retained.ts";
import type { NodesJson } from "./shapes.ts";
import { nodesJson, schemaJson } from "./to-json.ts";

/** What /api/nodes says of ingest; collector/ingest counts it. */
export interface IngestCountsView {
  readonly eventCount: number;
  readonly repeatedCount: number;
  readonly conflictCount: number;
  readonly uncomparedCount: number;
  readonly expiredCount: number;
  readonly refusedCounts: ReadonlyMap<string, number>;
}

/** Ranges not captured that are listed per node: of a node on demand there may be a thousand. */
const LATEST_RANGES = 16;

export function nodesRoutes({
  history,
  now,
  ingestCounts,
}: Answering & { readonly ingestCounts?: IngestCountsView }): Router {
  const router = Router();

  router.get("/api/nodes", (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["ranges"], asked);
    const isAll = params.oneOf("ranges", ["latest", "all"], "latest") === "all";
    const offsets = history.offsets();
    const answer = {
      version: packageVersion(),
      ...nodesJson({
        now: asked,
        extent: history.extent(),
        watermark: history.liveWatermark(),
        nodes: history.nodes(),
        offsetsOf: (node) => nodeOffsetsJson(node, offsets),
        listed: isAll ? Number.POSITIVE_INFINITY : LATEST_RANGES,
      }),
    };
    const ingest = ingestCounts && ingestJson(ingestCounts);
    response.json(ingest === undefined ? answer : { ...answer, ingest });
  });

  router.get("/api/schema", async (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["from", "to"], asked);
    const range = params.range(wholeRange(history, asked));
    const isWhole = params.text("from") === undefined && params.text("to") === undefined;
    response.json(
      schemaJson(
        history.nodes(),
        await history.schema(isWhole ? undefined : range, closingOf(response)),
      ),
    );
  });

  return router;
}

function ingestJson(counts: IngestCountsView): NonNullable<NodesJson["ingest"]> {
  return {
    stored: counts.eventCount,
    repeated: counts.repeatedCount,
    conflicts: counts.conflictCount,
    uncompared: counts.uncomparedCount,
    expired: counts.expiredCount,
    refused: Object.fromEntries(counts.refusedCounts),
  };
}
