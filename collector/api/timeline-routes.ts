/** Lanes for drawing: `/api/timeline`. A page holds so many lanes, of the range as a whole. */
import { Router } from "express";
import { type Answering, closingOf } from "./answering.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { wholeRange } from "./retained.ts";
import { timelineJson } from "./to-json.ts";

export const MAX_PIXELS = 16_384;
const DEFAULT_PIXELS = 1_000;

export function timelineRoutes({ history, now }: Answering): Router {
  const router = Router();

  router.get("/api/timeline", async (request, response) => {
    const accepted = ["from", "to", "pixels", "limit", "cursor", ...SELECTION_PARAMS];
    const asked = now();
    const params = new Params(request.originalUrl, accepted, asked);
    const range = params.range(wholeRange(history, asked));
    const bounds = { min: 1, max: MAX_PIXELS, otherwise: DEFAULT_PIXELS };
    const pixels = params.integer("pixels", bounds);
    const page = { after: params.text("cursor"), limit: params.limit() };
    const closing = closingOf(response);
    const timeline = await history.timeline(range, pixels, params.selection(), closing, page);
    response.json(timelineJson(timeline));
  });

  return router;
}
