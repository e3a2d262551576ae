/** What changed: `/api/diff` between two cuts, `/api/step` by step, `/api/history` of one variable. */
import { Router } from "express";
import { type Answering, closingOf } from "./answering.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { refuseBeforeHistory, wholeRange } from "./retained.ts";
import { diffJson, stepsJson, variableHistoryJson } from "./to-json.ts";

export const MAX_STEPS = 1_000;

export function changeRoutes({ history, now }: Answering): Router {
  const router = Router();

  router.get("/api/diff", async (request, response) => {
    const accepted = ["from", "to", ...SELECTION_PARAMS, "all"];
    const params = new Params(request.originalUrl, accepted, now());
    const { from, to } = params.requiredRange();
    const selection = params.selection();
    const all = params.flag("all");
    refuseBeforeHistory(history, from, selection);
    const closing = closingOf(response);
    response.json(diffJson(await history.diff(from, to, selection, { all }, closing)));
  });

  router.get("/api/step", async (request, response) => {
    const accepted = ["from", "direction", ...SELECTION_PARAMS, "count"];
    const params = new Params(request.originalUrl, accepted, now());
    const from = params.requiredTime("from");
    const direction = params.oneOf("direction", ["next", "prev"], "next");
    const count = params.integer("count", { min: 1, max: MAX_STEPS, otherwise: 1 });
    const closing = closingOf(response);
    const steps = await history.step(from, direction, count, params.selection(), closing);
    response.json(stepsJson(steps));
  });

  router.get("/api/history", async (request, response) => {
    const accepted = ["node", "log", "key", "from", "to", "limit", "cursor"];
    const asked = now();
    const params = new Params(request.originalUrl, accepted, asked);
    const [node, log, key] = ["node", "log", "key"].map((name) => params.single(name)) as [
      string,
      string,
      string,
    ];
    const range = params.range(wholeRange(history, asked));
    // A page ends before a moment; the next begins at it.
    const from = params.timeCursor() ?? range.from;
    const asking = { from, to: range.to };
    const closing = closingOf(response);
    const page = await history.variable(node, log, key, asking, params.limit(), closing);
    response.json(variableHistoryJson(page));
  });

  return router;
}
