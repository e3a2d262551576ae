/**
 * For supervisors: `/healthz` says that the process answers, `/readyz` that it can store and answer.
 * Open to everybody, so without detail.
 */
import { Router } from "express";
import type { HealthJson } from "./shapes.ts";

export function healthRoutes(isReady: () => boolean): Router {
  const router = Router();
  const ok: HealthJson = { status: "ok" };
  const degraded: HealthJson = { status: "degraded" };
  router.get("/healthz", (_request, response) => {
    response.json(ok);
  });
  router.get("/readyz", (_request, response) => {
    if (isReady()) response.json(ok);
    else response.status(503).set("retry-after", "1").json(degraded);
  });
  return router;
}
