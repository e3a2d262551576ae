/** What changed: `/api/diff` between two cuts, `/api/step` by step, `/api/history` of one variable. */
import { Router } from "express";
import type { Hlc } from "../../agent/kernel/index.ts";
import type { History, Incomplete, Step } from "../cut/history.ts";
import { type Answering, closingOf } from "./answering.ts";
import { Params, SELECTION_PARAMS, type TimeRange } from "./params.ts";
import { refuseBeforeHistory, wholeRange } from "./retained.ts";
import type { IncompleteJson } from "./shapes.ts";
import { diffJson, incompleteJson, stepsJson, variableHistoryJson } from "./to-json.ts";

export const MAX_STEPS = 10_000;

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
    const selection = params.selection();
    const steps = await history.step(from, direction, count, selection, closing);
    response.json({
      ...stepsJson(steps),
      ...missingJson(
        history.missing(gone(history, from, direction, count, steps, now()), selection),
      ),
    });
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
    const to = page.next === undefined ? range.to : ((page.next - 1) as Hlc);
    const selection = { nodes: [node], logs: [log], keys: [key] };
    const missing = history.missing({ from, to: Math.max(from, to) as Hlc }, selection);
    response.json({ ...variableHistoryJson(page), ...missingJson(missing) });
  });

  return router;
}

/** The range that steps have gone through: to the last of them, or to its end where there are no more. */
function gone(
  history: History,
  from: Hlc,
  direction: "next" | "prev",
  count: number,
  steps: readonly Step[],
  now: Hlc,
): TimeRange {
  const { from: first, to: last } = wholeRange(history, now);
  const at = steps.length < count ? undefined : steps.at(-1)?.at;
  return direction === "next"
    ? { from, to: Math.max(from, at ?? last) as Hlc }
    : { from: Math.min(from, at ?? first) as Hlc, to: from };
}

function missingJson(missing: readonly Incomplete[]): {
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
} {
  return { complete: missing.length === 0, incomplete: missing.map(incompleteJson) };
}
