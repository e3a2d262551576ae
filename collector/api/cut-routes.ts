/** The state of all nodes at a past time: `/api/cut`. */
import { Router } from "express";
import { RetroError } from "../../agent/kernel/index.ts";
import type { Cut, History, Selection } from "../cut/history.ts";
import type { SavedCuts } from "../retention/saved-cuts.ts";
import { type Answering, closingOf } from "./answering.ts";
import { errorBody } from "./errors.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { refuseBeforeHistory } from "./retained.ts";
import { knows, narrowed, unpackedCut } from "./saved-cut-json.ts";
import type { CutJson } from "./shapes.ts";
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
        ? await history.cutInTurns(at, selection, closingOf(response))
        : await history.waitForCut(at, selection, waitMs, closingOf(response));
    };
    const kept = saved?.at(at);
    const cut =
      saved === undefined || kept === undefined
        ? cutJson(await answered())
        : await keptOr(answered, () => unpackedCut(saved, kept), selection, history);
    const flaw = isStrict ? flawOf(cut) : undefined;
    if (flaw === undefined) response.json(cut);
    else response.status(409).json({ ...cut, ...errorBody(flaw) });
  });

  return router;
}

/** Why history refuses what a saved cut may hold: it was forgotten, whole or in part. */
const MAY_BE_KEPT: ReadonlySet<string> = new Set([
  "unknown-node",
  "unknown-log",
  "outside-retention",
]);

/**
 * The answer of history, or the saved one where retention has taken something of it: of what the saved cut
 * knows, and only of that.
 */
async function keptOr(
  answered: () => Promise<Cut>,
  unpacked: () => Promise<CutJson>,
  selection: Selection,
  history: History,
): Promise<CutJson> {
  let cut: Cut | undefined;
  let refusal: unknown;
  try {
    cut = await answered();
    if (!cut.incomplete.some(({ reason }) => reason === "outside-retention")) return cutJson(cut);
  } catch (error) {
    if (!(error instanceof RetroError) || !MAY_BE_KEPT.has(error.code)) throw error;
    refusal = error;
  }
  const kept = await unpacked();
  if (knows(kept, selection, () => history.logNames())) return narrowed(kept, selection);
  if (cut === undefined) throw refusal;
  return cutJson(cut);
}

/** Why a strict question is answered with no. */
function flawOf(cut: CutJson): RetroError | undefined {
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
