/** Who there is and what is recorded: `/api/nodes`, `/api/schema`. */
import { Router } from "express";
import type { Retention } from "../retention/retention.ts";
import { packageVersion } from "../version.ts";
import { type Answering, closingOf } from "./answering.ts";
import { nodeOffsetsJson } from "./audit-json.ts";
import { Params } from "./params.ts";
import type { QueryGate } from "./query-gate.ts";
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
  readonly limitCounts: ReadonlyMap<string, number>;
}

/** Ranges not captured that are listed per node: of a node on demand there may be a thousand. */
const LATEST_RANGES = 16;

export function nodesRoutes({
  history,
  now,
  ingestCounts,
  retention,
  gate,
}: Answering & {
  readonly ingestCounts?: IngestCountsView;
  readonly retention?: Retention | undefined;
  readonly gate?: QueryGate;
}): Router {
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
    response.json({
      ...answer,
      ...(ingest === undefined ? {} : { ingest }),
      ...(retention === undefined ? {} : { retention: retentionJson(retention) }),
      ...(gate === undefined ? {} : { questions: gate.counts }),
    });
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

function retentionJson(retention: Retention): NonNullable<NodesJson["retention"]> {
  const { retentionMs, maxBytes } = retention.settings;
  const { usedBytes, fileBytes } = retention.usage();
  const { pieceCount, forgottenCount, jumpCount, failureCount } = retention.counts;
  return {
    retentionMs: retentionMs ?? null,
    maxBytes: maxBytes ?? null,
    usedBytes,
    fileBytes,
    paused: retention.isPaused,
    removed: pieceCount,
    forgotten: forgottenCount,
    clockJumps: jumpCount,
    failures: failureCount,
  };
}

function ingestJson(counts: IngestCountsView): NonNullable<NodesJson["ingest"]> {
  return {
    stored: counts.eventCount,
    repeated: counts.repeatedCount,
    conflicts: counts.conflictCount,
    uncompared: counts.uncomparedCount,
    expired: counts.expiredCount,
    refused: Object.fromEntries(counts.refusedCounts),
    limits: Object.fromEntries(counts.limitCounts),
  };
}
