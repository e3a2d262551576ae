/** Who there is and what is recorded: `/api/nodes`, `/api/schema`. */
import { Router } from "express";
import type { Answering } from "./answering.ts";
import { Params } from "./params.ts";
import { wholeRange } from "./retained.ts";
import { nodesJson, schemaJson } from "./to-json.ts";

export function nodesRoutes({ history, now }: Answering): Router {
  const router = Router();

  router.get("/api/nodes", (request, response) => {
    const asked = now();
    new Params(request.originalUrl, [], asked);
    response.json(
      nodesJson({
        now: asked,
        extent: history.extent(),
        watermark: history.liveWatermark(),
        nodes: history.nodes(),
      }),
    );
  });

  router.get("/api/schema", (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["from", "to"], asked);
    const range = params.range(wholeRange(history, asked));
    const isWhole = params.text("from") === undefined && params.text("to") === undefined;
    response.json(schemaJson(history.nodes(), history.schema(isWhole ? undefined : range)));
  });

  return router;
}
