/** The state of all nodes at a past time: `/api/cut`. */
import { Router } from "express";
import { RetroError } from "../../agent/kernel/index.ts";
import type { Cut } from "../cut/history.ts";
import { type Answering, closingOf } from "./answering.ts";
import { errorBody } from "./errors.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { refuseBeforeHistory } from "./retained.ts";
import { cutJson } from "./to-json.ts";

export function cutRoutes({ history, now }: Answering): Router {
  const router = Router();

  router.get("/api/cut", async (request, response) => {
    const accepted = ["at", ...SELECTION_PARAMS, "wait", "strict"];
    const params = new Params(request.originalUrl, accepted, now());
    const at = params.requiredTime("at");
    const selection = params.selection();
    const waitMs = params.waitMs();
    const isStrict = params.flag("strict");
    refuseBeforeHistory(history, at, selection);
    const cut =
      waitMs === 0
        ? history.cutAt(at, selection)
        : await history.waitForCut(at, selection, waitMs, closingOf(response));
    const flaw = isStrict ? flawOf(cut) : undefined;
    if (flaw === undefined) response.json(cutJson(cut));
    else response.status(409).json({ ...cutJson(cut), ...errorBody(flaw) });
  });

  return router;
}

/** Why a strict question is answered with no. */
function flawOf(cut: Cut): RetroError | undefined {
  if (!cut.complete) {
    const nodes = [...new Set(cut.incomplete.map(({ node, reason }) => `${node} (${reason})`))];
    return new RetroError("incomplete", `the cut is incomplete: ${nodes.join(", ")}`, {
      hint: "Ask with wait=5s for nodes that are only late; without strict for what is known.",
    });
  }
  if (cut.consistent) return undefined;
  return new RetroError(
    "inconsistent",
    `the cut holds ${cut.violations.length} messages received but not sent`,
    { hint: "See `violations`: some clock was not merged on those channels." },
  );
}
