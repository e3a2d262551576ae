/** Standing queries: `/api/monitors`. What they find is told on `/api/live` too, as `alert`. */
import { Router } from "express";
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import { nearestNames } from "../cut/selection.ts";
import { MONITOR_LIMITS } from "../monitor/limits.ts";
import type { Monitors } from "../monitor/monitors.ts";
import type { MadeMonitorJson, MonitorJson, MonitorRecord } from "../monitor/shapes.ts";
import { bad } from "./json-body.ts";
import { Params } from "./params.ts";
import { hJson } from "./time-json.ts";

const FIELDS = ["rql", "name", "webhook"];
const NAMES_SHOWN = 10;

export interface MonitorRouteOptions {
  readonly monitors: Monitors;
  readonly now: () => Hlc;
}

export function monitorRoutes({ monitors, now }: MonitorRouteOptions): Router {
  const router = Router();

  router.get("/api/monitors", (request, response) => {
    new Params(request.originalUrl, [], now());
    response.json({ monitors: monitors.list().map(monitorJson) });
  });

  router.post("/api/monitors", async (request, response) => {
    new Params(request.originalUrl, [], now());
    const { rql, name, webhook } = readAsked(request.body);
    const { warnings, nodes, ...record } = await monitors.create(rql, name, webhook);
    const made: MadeMonitorJson = { ...monitorJson(record), warnings, nodes };
    response.status(201).json(made);
  });

  router.delete("/api/monitors/:id", async (request, response) => {
    new Params(request.originalUrl, [], now());
    const { id } = request.params;
    const removed = await monitors.remove(id);
    if (removed === undefined) throw noMonitor(id, monitors);
    response.json(monitorJson(removed));
  });

  return router;
}

function monitorJson(record: MonitorRecord): MonitorJson {
  const { id, name, rql, webhook, since, evaluatedTo, rows, alerts, trouble } = record;
  const undelivered = webhook === null ? 0 : record.nextAlert - 1 - record.delivered;
  const open = rows.filter(({ to }) => to === null).map(({ row }) => row);
  return {
    ...{
      id,
      name,
      rql,
      webhook,
      undelivered,
      since: hJson(since),
      evaluatedTo: hJson(evaluatedTo),
    },
    ...{ open, alerts, trouble },
  };
}

/** @throws RetroError `bad-parameter` */
function readAsked(body: unknown): {
  readonly rql: string;
  readonly name: string | null;
  readonly webhook: string | null;
} {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw bad("the body is no object", 'Send {"rql": "SELECT leader FROM raft WHEN .."}.');
  }
  const fields = body as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined) {
    throw new RetroError(
      "bad-parameter",
      `unknown field ${JSON.stringify(stranger.slice(0, 80))}`,
      {
        hint: `A monitor takes ${nearestNames(stranger, FIELDS).join(", ")}.`,
        details: { accepted: FIELDS },
      },
    );
  }
  const { rql, name = null, webhook = null } = fields;
  if (typeof rql !== "string") throw bad("rql is no text", "Send the query as a string.");
  const isName =
    name === null || (typeof name === "string" && name.length <= MONITOR_LIMITS.nameLength);
  if (!isName) {
    throw bad(
      `name is no text of up to ${MONITOR_LIMITS.nameLength} characters`,
      "Say it shorter.",
    );
  }
  if (webhook !== null && typeof webhook !== "string") {
    throw bad("webhook is no text", "Send an address that alerts are posted to.");
  }
  return { rql, name: name as string | null, webhook };
}

function noMonitor(id: string, monitors: Monitors): RetroError {
  const known = nearestNames(
    id,
    monitors.list().map((one) => one.id),
  ).slice(0, NAMES_SHOWN);
  const list = known.length === 0 ? "there is none" : `there are ${known.join(", ")}`;
  return new RetroError("not-found", `there is no monitor ${JSON.stringify(id.slice(0, 80))}`, {
    hint: `${list}.`,
  });
}
