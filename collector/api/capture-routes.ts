/** Asks on-demand nodes for their windows, and tells what came: `/api/captures`. */
import { Router } from "express";
import { addMs, type Hlc, RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { nearestNames } from "../cut/selection.ts";
import { MAX_REASON_LENGTH } from "../ingest/agent-word.ts";
import { MAX_NODES_PER_CAPTURE } from "../ingest/capture-nodes.ts";
import { type Capture, stateOf } from "../ingest/capture-record.ts";
import type { CaptureAsk, Captures } from "../ingest/captures.ts";
import { type Answering, closingOf } from "./answering.ts";
import { bad, timeOf } from "./json-body.ts";
import { Params } from "./params.ts";
import type { CaptureJson, CapturesJson } from "./shapes.ts";
import { hJson } from "./time-json.ts";

/** Bytes of a request's JSON. */
export const MAX_CAPTURE_BODY_BYTES: number = 1024 * 1024;
/** A capture's range is no longer. */
export const MAX_RANGE_MS = 3_600_000;
/** It may end so far ahead: nodes ship when that time has come. */
export const MAX_AHEAD_MS = 60_000;
const DEFAULT_LISTED = 100;
const MAX_LISTED = 1_000;
const FIELDS = ["from", "to", "nodes", "reason"];
const NAMES_SHOWN = 10;

export function captureRoutes({
  history,
  now,
  captures,
}: Answering & { readonly captures: Captures }): Router {
  const router = Router();

  router.post("/api/captures", async (request, response) => {
    const asked = now();
    new Params(request.originalUrl, [], asked);
    const ask = readAsk(request.body, asked);
    const known = new Set(history.nodes().map(({ node }) => node));
    for (const node of ask.nodes ?? []) if (!known.has(node)) throw unknownNode(node, [...known]);
    const capture = captureJson(await captures.ask(ask));
    response.status(capture.state === "asked" ? 202 : 200).json(capture);
  });

  router.get("/api/captures", (request, response) => {
    const params = new Params(request.originalUrl, ["limit"], now());
    const bounds = { min: 1, max: MAX_LISTED, otherwise: DEFAULT_LISTED };
    const list = captures.list(params.integer("limit", bounds)).map(captureJson);
    const answer: CapturesJson = { captures: list, triggers: { ...captures.triggerCounts } };
    response.json(answer);
  });

  router.get("/api/captures/:id", async (request, response) => {
    const params = new Params(request.originalUrl, ["wait"], now());
    const waitMs = params.waitMs();
    const { id } = request.params;
    const capture = await captures.whenSettled(id, waitMs, closingOf(response));
    if (capture === undefined) throw noCapture(id, captures);
    response.json(captureJson(capture));
  });

  return router;
}

function captureJson(capture: Capture): CaptureJson {
  const { id, from, to, reason, triggers, nodes, unasked } = capture;
  const [first] = triggers;
  return {
    id,
    state: stateOf(capture),
    from: hJson(from),
    to: hJson(to),
    ...(reason === undefined ? {} : { reason }),
    ...(first === undefined
      ? {}
      : { trigger: { node: first.node, at: hJson(first.t), count: triggers.length } }),
    nodes: nodes.map((one) => ({
      node: one.node,
      state: one.state,
      ...(one.from === undefined ? {} : { from: hJson(one.from) }),
      ...(one.to === undefined ? {} : { to: hJson(one.to) }),
      ...(one.why === undefined ? {} : { why: one.why }),
    })),
    ...(unasked === 0 ? {} : { unasked }),
  };
}

/** @throws RetroError `bad-parameter`, `bad-time` */
function readAsk(body: unknown, now: Hlc): CaptureAsk {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw bad("the body is no object", 'Send {"from": "-5s", "to": "now"}.');
  }
  const fields = body as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined) {
    const near = nearestNames(stranger, FIELDS);
    throw new RetroError("bad-parameter", `unknown field ${quoted(stranger)}`, {
      hint: `A capture takes ${near.join(", ")}.`,
      details: { accepted: near },
    });
  }
  const from = timeOf(fields, "from", now);
  const to = timeOf(fields, "to", now);
  if (from >= to) throw bad("from is not earlier than to", "Give the earlier time first.");
  if (to - from > MAX_RANGE_MS * TICKS_PER_MS) {
    throw bad("the range is longer than 1 h", "Ask for less: windows hold a minute or so.");
  }
  if (to > addMs(now, MAX_AHEAD_MS)) {
    throw bad("to is more than 60 s in the future", "Ask again when it is nearer.");
  }
  const nodes = nodesOf(fields["nodes"]);
  const reason = reasonOf(fields["reason"]);
  return {
    from,
    to,
    ...(nodes === undefined ? {} : { nodes }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function nodesOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
  if (!isList || value.length === 0 || value.length > MAX_NODES_PER_CAPTURE) {
    throw bad(
      `nodes is no list of 1 to ${MAX_NODES_PER_CAPTURE} names`,
      "Leave it out to ask all nodes.",
    );
  }
  return [...new Set(value as string[])];
}

function reasonOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length <= MAX_REASON_LENGTH) return value;
  throw bad(`reason is no text of up to ${MAX_REASON_LENGTH} characters`, "Say it shorter.");
}

function unknownNode(name: string, known: readonly string[]): RetroError {
  const nearest = nearestNames(name, known).slice(0, NAMES_SHOWN);
  const list = nearest.length === 0 ? "none is known yet" : `known: ${nearest.join(", ")}`;
  const more = known.length - nearest.length;
  return new RetroError("unknown-node", `unknown node ${JSON.stringify(name.slice(0, 256))}`, {
    hint: more > 0 ? `${list} and ${more} more` : list,
    details: { known: nearest },
  });
}

function noCapture(id: string, captures: Captures): RetroError {
  const latest = captures.list(NAMES_SHOWN).map((one) => one.id);
  const list = latest.length === 0 ? "there is none" : `the latest are ${latest.join(", ")}`;
  return new RetroError("not-found", `there is no capture ${quoted(id)}`, { hint: `${list}.` });
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
