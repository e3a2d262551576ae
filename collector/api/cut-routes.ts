/** The state of all nodes at a past time: `/api/cut`. */
import { Router } from "express";
import { RetroError } from "../../agent/kernel/index.ts";
import type { Cut } from "../cut/history.ts";
import type { SavedCuts } from "../retention/saved-cuts.ts";
import { type Answering, closingOf } from "./answering.ts";
import { errorBody } from "./errors.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { refuseBeforeHistory } from "./retained.ts";
import { narrowed, unpackedCut } from "./saved-cut-json.ts";
import { cutJson } from "./to-json.ts";

export function cutRoutes({
  history,
  now,
  saved,
}: Answering & { readonly saved?: SavedCuts | undefined }): Router {
  const router = Router();

  router.get("/api/cut", async (request, response) => {
    const accepted = ["at", ...SELECTION_PARAMS, "wait", "strict"];
    const params = new Params(request.originalUrl, accepted, now());
    const at = params.requiredTime("at");
    const selection = params.selection();
    const waitMs = params.waitMs();
    const isStrict = params.flag("strict");
    const answered = async (): Promise<Cut> => {
      refuseBeforeHistory(history, at, selection);
      return waitMs === 0
        ? history.cutAt(at, selection)
        : await history.waitForCut(at, selection, waitMs, closingOf(response));
    };
    const kept = saved?.at(at);
    if (saved !== undefined && kept !== undefined && (await isOutside(answered))) {
      response.json(narrowed(await unpackedCut(saved, kept), selection));
      return;
    }
    const cut = await answered();
    const flaw = isStrict ? flawOf(cut) : undefined;
    if (flaw === undefined) response.json(cutJson(cut));
    else response.status(409).json({ ...cutJson(cut), ...errorBody(flaw) });
  });

  return router;
}

/** Whether retention has taken something of the answer: then a saved cut of that time is a better one. */
async function isOutside(answered: () => Promise<Cut>): Promise<boolean> {
  try {
    const { incomplete } = await answered();
    return incomplete.some(({ reason }) => reason === "outside-retention");
  } catch (error) {
    const isNamed = error instanceof RetroError && error.code === "unknown-node";
    if (error instanceof RetroError && (isNamed || error.code === "outside-retention")) return true;
    throw error;
  }
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
