/**
 * The HTTP API and the timeline's files as one express application. The ingest door is not in here:
 * `/v1/batches` is served by the same node:http server before express (collector.ts).
 *
 *     request -> security headers -> Host and Origin -> body -> gate -> route -> JSON
 *                                          \______________\_______\________\____> errors.ts -> status, {"error": ...}
 */
import express, { type ErrorRequestHandler, type Express } from "express";
import { RetroError, unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { EpisodeActions } from "../bottleneck/episode-actions.ts";
import type { EpisodeWatch } from "../bottleneck/episode-watch.ts";
import { nearestNames } from "../cut/selection.ts";
import type { CutTimers } from "../cut/timers.ts";
import type { Captures } from "../ingest/captures.ts";
import type { Monitors } from "../monitor/monitors.ts";
import type { Keeping } from "../retention/keeping.ts";
import type { QueryRunner } from "../rql/run/query-runner.ts";
import type { Answering } from "./answering.ts";
import { auditRoutes } from "./audit-routes.ts";
import { bottleneckRoutes } from "./bottleneck-routes.ts";
import { captureRoutes, MAX_CAPTURE_BODY_BYTES } from "./capture-routes.ts";
import { changeRoutes } from "./change-routes.ts";
import { cutRoutes } from "./cut-routes.ts";
import { dataRoutes } from "./data-routes.ts";
import { answerError, type ReportFailure } from "./errors.ts";
import { eventRoutes } from "./event-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { JsonBodies, type JsonBodyLimits } from "./json-bodies.ts";
import type { LiveHub } from "./live-hub.ts";
import { liveRoutes } from "./live-routes.ts";
import { monitorRoutes } from "./monitor-routes.ts";
import { type IngestCountsView, nodesRoutes } from "./nodes-routes.ts";
import type { QueryGate } from "./query-gate.ts";
import { MAX_QUERY_BODY_BYTES, queryRoutes } from "./query-routes.ts";
import { MAX_SAVED_BODY_BYTES, savedRoutes } from "./saved-routes.ts";
import { checkOrigin, securityHeaders } from "./security.ts";
import { staticUi } from "./static-ui.ts";
import { timelineRoutes } from "./timeline-routes.ts";

export interface AppOptions extends Answering {
  /** Without it there is no /api/captures. */
  readonly captures?: Captures;
  /** How many questions at a time, and for how long. Without it there is no bound. */
  readonly gate?: QueryGate;
  /** Without it there is no /api/saved and nothing can be erased. */
  readonly wallMs?: () => number;
  readonly keeping?: Pick<Keeping, "saved" | "eraser" | "retention">;
  /** Without it there is no /api/query. */
  readonly queries?: Pick<QueryRunner, "answer">;
  /** Without it there is no /api/monitors. */
  readonly monitors?: Monitors;
  /** Live detection; without it /api/bottlenecks answers from history alone. */
  readonly watch?: EpisodeWatch;
  readonly actions?: EpisodeActions;
  /** Whether not even a question may be begun (ingest/memory-gate.ts). */
  readonly isOutOfMemory?: () => boolean;
  /** For the deadlines of bodies, and of lines that nobody takes. Without it there are none. */
  readonly after?: CutTimers["after"];
  readonly bodyLimits?: Partial<JsonBodyLimits>;
  /** See `UNTAKEN_MS` of query-routes.ts. */
  readonly untakenMs?: number;
  /** Without it there is no /api/live. */
  readonly live?: LiveHub;
  /** Whether the collector can store and answer. */
  readonly isReady: () => boolean;
  /** What ingest has done since the start, shown by /api/nodes. */
  readonly ingestCounts?: IngestCountsView;
  /** The folder of the built timeline; it need not exist. */
  readonly uiDirectory: string;
  readonly report: ReportFailure;
}

/** Every path under /api, for the answer to an unknown one. */
export const API_PATHS: readonly string[] = [
  "/api/bottlenecks",
  "/api/captures",
  "/api/causality",
  "/api/cut",
  "/api/data",
  "/api/diff",
  "/api/events",
  "/api/explain",
  "/api/history",
  "/api/latency",
  "/api/live",
  "/api/monitors",
  "/api/nodes",
  "/api/query",
  "/api/saved",
  "/api/schema",
  "/api/step",
  "/api/timeline",
];

/** Paths whose POST has a body, beside queries, and its bytes at most. */
const BODIES: readonly (readonly [path: string, mostBytes: number])[] = [
  ["/api/captures", MAX_CAPTURE_BODY_BYTES],
  ["/api/monitors", MAX_QUERY_BODY_BYTES],
  ["/api/saved", MAX_SAVED_BODY_BYTES],
];

export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // hashing a large answer costs more than sending it over loopback
  app.set("query parser", false); // params.ts reads the search itself
  app.use(securityHeaders());
  app.use((request, _response, next) => {
    checkOrigin(request);
    next();
  });
  app.use("/api", (_request, response, next) => {
    response.setHeader("cache-control", "no-store"); // late batches may change any answer
    next();
  });
  app.use((request, _response, next) => {
    // Express would answer with a list of methods, in plain text.
    if (request.method === "OPTIONS") throw unknownPath(request.method, request.path);
    next();
  });
  app.use(healthRoutes(options.isReady));
  const { gate, live } = options;
  // Before the gate: it bounds how long a question may take, and its listeners stay.
  if (live !== undefined) app.use(liveRoutes({ ...options, live }));
  // A search may take longer than a question; it has its own bounds.
  const { queries, now, isOutOfMemory = () => false, after = () => () => {}, untakenMs } = options;
  const bodies = new JsonBodies(after, options.bodyLimits);
  if (queries !== undefined) {
    const readJson = bodies.reader(MAX_QUERY_BODY_BYTES);
    app.use(queryRoutes({ queries, readJson, now, isOutOfMemory, after, untakenMs }));
  }
  // Before the gate: who is slow to send it takes no place of those who ask.
  for (const [path, mostBytes] of BODIES) app.post(path, bodies.reader(mostBytes));
  if (gate !== undefined) app.use("/api", gate.handler);
  const { keeping } = options;
  app.use(nodesRoutes({ ...options, retention: keeping?.retention }));
  app.use(cutRoutes({ ...options, saved: keeping?.saved }));
  app.use(changeRoutes(options));
  app.use(eventRoutes(options));
  app.use(timelineRoutes(options));
  app.use(auditRoutes(options));
  app.use(bottleneckRoutes(options));
  const { captures, monitors } = options;
  if (monitors !== undefined) app.use(monitorRoutes({ monitors, now: options.now }));
  if (captures !== undefined) app.use(captureRoutes({ ...options, captures }));
  if (keeping !== undefined) {
    const { saved, eraser } = keeping;
    const { wallMs = () => unixMsFromTicks(options.now()) } = options;
    app.use(savedRoutes({ ...options, saved, wallMs }));
    app.use(dataRoutes({ ...options, eraser }));
  }
  app.all(["/api", "/api/*splat", "/v1/*splat"], (request) => {
    throw unknownPath(request.method, request.path);
  });
  app.use(staticUi(options.uiDirectory));
  app.use((request) => {
    throw unknownPath(request.method, request.path);
  });
  app.use(errorHandler(options.report));
  return app;
}

function unknownPath(method: string, path: string): RetroError {
  const shown = path.slice(0, 80);
  if (path === "/api/captures") {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: "Ask for a capture with POST; see what came with GET.",
    });
  }
  if (path === "/api/saved") {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: "Save a cut with POST, list them with GET; DELETE takes the id behind the path.",
    });
  }
  if (path === "/api/monitors") {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: "Make a monitor with POST, list them with GET; DELETE takes the id behind the path.",
    });
  }
  if (path === "/api/query") {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: 'Ask it with POST: {"rql": "SELECT .. FROM .."}.',
    });
  }
  if (path === "/api/data") {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: "Erase history with DELETE; read it with /api/cut or /api/events.",
    });
  }
  if (API_PATHS.includes(path)) {
    return new RetroError("not-found", `${shown} does not take ${method}`, {
      hint: `Ask it with GET.`,
    });
  }
  const near = nearestNames(path, API_PATHS);
  return new RetroError("not-found", `there is no ${shown}`, {
    hint: `There are ${near.join(", ")}.`,
    details: { paths: near },
  });
}

function errorHandler(report: ReportFailure): ErrorRequestHandler {
  return (error, _request, response, next) => {
    // Half an answer is out: all that is left is to break the connection, so that it is noticed.
    if (response.headersSent) return next(error);
    const { status, headers, body } = answerError(error, report);
    // Files have set a type of their own before they failed.
    response.status(status).type("application/json").set(headers).json(body);
  };
}
