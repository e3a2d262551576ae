/** Questions about the answers: `/api/causality`, `/api/explain`. */
import { Router } from "express";
import { type Answering, closingOf } from "./answering.ts";
import { causalityJson, explainJson } from "./audit-json.ts";
import { explain } from "./explain.ts";
import type { IngestCountsView } from "./nodes-routes.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { refuseBeforeHistory, wholeRange } from "./retained.ts";

export function auditRoutes({
  history,
  now,
  ingestCounts,
}: Answering & { readonly ingestCounts?: IngestCountsView }): Router {
  const router = Router();

  router.get("/api/causality", async (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["from", "to", "node", "service"], asked);
    const range = params.range(wholeRange(history, asked));
    const audit = await history.causality(range, params.selection(), closingOf(response));
    const refused = ingestCounts && {
      batches: ingestCounts.refusedCounts.get("bad-batch") ?? 0,
      conflicts: ingestCounts.conflictCount,
    };
    response.json(causalityJson(audit, refused ?? null));
  });

  router.get("/api/explain", async (request, response) => {
    const params = new Params(request.originalUrl, ["at", ...SELECTION_PARAMS, "wait"], now());
    const at = params.requiredTime("at");
    const selection = params.selection();
    const waitMs = params.waitMs();
    refuseBeforeHistory(history, at, selection);
    const cut =
      waitMs === 0
        ? await history.cutInTurns(at, selection, closingOf(response))
        : await history.waitForCut(at, selection, waitMs, closingOf(response));
    response.json(explainJson(cut, explain(cut, history.nodes())));
  });

  return router;
}
