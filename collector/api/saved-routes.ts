/** Cuts kept under a name, outside retention: `/api/saved`. */
import { Router } from "express";
import { parseDurationMs, RetroError } from "../../agent/kernel/index.ts";
import { nearestNames } from "../cut/selection.ts";
import { MAX_NAME_LENGTH, type SavedCut, type SavedCuts } from "../retention/saved-cuts.ts";
import { type Answering, closingOf, holdOpen } from "./answering.ts";
import { bad, timeOf } from "./json-body.ts";
import { MAX_WAIT_MS, Params } from "./params.ts";
import { refuseBeforeHistory } from "./retained.ts";
import { packedCut, savedJson, unpackedCut } from "./saved-cut-json.ts";
import type { SavedCutJson, SavedListJson } from "./shapes.ts";

/** Bytes of a request's JSON. */
export const MAX_SAVED_BODY_BYTES: number = 16 * 1024;
const FIELDS = ["name", "at", "wait"];
const NAMES_SHOWN = 10;

export function savedRoutes({
  history,
  now,
  wallMs,
  saved,
}: Answering & { readonly saved: SavedCuts; readonly wallMs: () => number }): Router {
  const router = Router();

  router.get("/api/saved", (request, response) => {
    new Params(request.originalUrl, [], now());
    const list = saved.list();
    const bytes = list.reduce((sum, { byteCount }) => sum + byteCount, 0);
    const answer: SavedListJson = {
      saved: list.map(savedJson),
      bytes,
      givenUp: saved.givenUpCount,
    };
    response.json(answer);
  });

  router.get("/api/saved/:id", async (request, response) => {
    new Params(request.originalUrl, [], now());
    const one = found(saved, request.params.id);
    const answer: SavedCutJson = { ...savedJson(one), cut: await unpackedCut(saved, one) };
    response.json(answer);
  });

  router.post("/api/saved", async (request, response) => {
    const asked = now();
    new Params(request.originalUrl, [], asked);
    const fields = fieldsOf(request.body);
    const name = nameOf(fields["name"]);
    const at = timeOf(fields, "at", asked);
    const waitMs = waitOf(fields["wait"]);
    refuseBeforeHistory(history, at, {});
    const since = saved.erasedCount;
    if (waitMs > 0) holdOpen(response);
    const cut =
      waitMs === 0
        ? await history.cutInTurns(at, {}, closingOf(response))
        : await history.waitForCut(at, {}, waitMs, closingOf(response));
    const { complete, consistent, members } = cut;
    const label = {
      name,
      at,
      savedMs: wallMs(),
      complete,
      consistent,
      memberCount: members.length,
    };
    response.status(201).json(savedJson(await saved.save(label, await packedCut(cut), since)));
  });

  router.delete("/api/saved/:id", async (request, response) => {
    new Params(request.originalUrl, [], now());
    const one = found(saved, request.params.id);
    await saved.remove(one);
    response.json(savedJson(one));
  });

  return router;
}

/** By id, or by name. */
function found(saved: SavedCuts, id: string): SavedCut {
  const one = saved.find(id);
  if (one !== undefined) return one;
  const names = saved.list().flatMap((each) => [each.id, each.name]);
  const near = nearestNames(id, names).slice(0, NAMES_SHOWN);
  const list = near.length === 0 ? "none is saved" : `there are ${near.join(", ")}`;
  throw new RetroError("not-found", `there is no saved cut ${JSON.stringify(id.slice(0, 80))}`, {
    hint: `${list}.`,
  });
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw bad("the body is no object", 'Send {"name": "before the deploy", "at": "-5s"}.');
  }
  const fields = body as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger === undefined) return fields;
  throw bad(
    `unknown field ${JSON.stringify(stranger.slice(0, 80))}`,
    `A saved cut takes ${FIELDS.join(", ")}.`,
  );
}

function nameOf(value: unknown): string {
  const isName = typeof value === "string" && value.trim() === value && value !== "";
  if (isName && value.length <= MAX_NAME_LENGTH) return value;
  throw bad(
    `name is no text of 1 to ${MAX_NAME_LENGTH} characters`,
    "Say what the moment was: before the deploy.",
  );
}

function waitOf(value: unknown): number {
  if (value === undefined) return 0;
  const waitMs = typeof value === "string" ? parseDurationMs(value) : Number.NaN;
  if (waitMs <= MAX_WAIT_MS) return waitMs;
  throw bad("wait is no duration of at most 60s", 'Use "wait": "2s", or leave it out.');
}
