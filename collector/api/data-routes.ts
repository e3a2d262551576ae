/** Erases history: `DELETE /api/data`. For admins, as soon as there are tokens. */
import { Router } from "express";
import { RetroError } from "../../agent/kernel/index.ts";
import { nearestNames } from "../cut/selection.ts";
import type { Eraser } from "../retention/eraser.ts";
import type { Answering } from "./answering.ts";
import { Params } from "./params.ts";
import type { ErasedJson } from "./shapes.ts";
import { hJson } from "./time-json.ts";

const NAMES_SHOWN = 10;

export function dataRoutes({
  history,
  now,
  eraser,
}: Answering & { readonly eraser: Eraser }): Router {
  const router = Router();

  router.delete("/api/data", async (request, response) => {
    const params = new Params(request.originalUrl, ["node", "before", "log"], now());
    const before = params.time("before");
    const node = params.texts("node").length === 0 ? undefined : params.single("node");
    const logs = params.texts("log");
    if (before === undefined && node === undefined && logs.length === 0) {
      throw new RetroError("bad-parameter", "nothing says what to erase", {
        hint: "Name a node, a log, a time with before=, or several of these.",
      });
    }
    const known = history.nodes().map((one) => one.node);
    if (node !== undefined && !known.includes(node)) throw unknownNode(node, known);
    const names = eraser.logNames(node);
    for (const log of logs) if (!names.has(log)) throw unknownLog(log, [...names]);
    const erased = await eraser.erase({ node, before, logs: logs.length > 0 ? logs : undefined });
    const answer: ErasedJson = {
      pieces: erased.pieceCount,
      epochs: erased.epochCount,
      saved: erased.savedCount,
      nodes: [...erased.nodes].map(([name, from]) => ({
        node: name,
        retainedFrom: from === null ? null : hJson(from),
      })),
    };
    response.json(answer);
  });

  return router;
}

const unknownNode = (name: string, known: readonly string[]): RetroError =>
  unknown("node", name, known);
const unknownLog = (name: string, known: readonly string[]): RetroError =>
  unknown("log", name, known);

function unknown(what: "node" | "log", name: string, known: readonly string[]): RetroError {
  const near = nearestNames(name, known).slice(0, NAMES_SHOWN);
  return new RetroError(
    `unknown-${what}`,
    `unknown ${what} ${JSON.stringify(name.slice(0, 256))}`,
    {
      hint: near.length === 0 ? "none is known yet" : `known: ${near.join(", ")}`,
      details: { known: near },
    },
  );
}
