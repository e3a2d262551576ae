/**
 * The timeline's files, as Vite built them: `assets/` have a hash in their names and never change,
 * `index.html` names them and must be asked for anew. A checkout without a built UI says so.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import express, { type RequestHandler, Router } from "express";

const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

const NOT_BUILT = `Retroscope's collector is running, but its timeline is not built.

Run "npm run build" in the checkout and start the collector again.
The HTTP API works all the same: /api/nodes, /api/cut?at=-5s
`;

/** Serves `directory`; for paths that are not in it the next handler is asked. */
export function staticUi(directory: string): RequestHandler {
  const router = Router();
  router.use(
    "/assets",
    express.static(join(directory, "assets"), { immutable: true, maxAge: YEAR_MS, index: false }),
  );
  router.use(
    express.static(directory, {
      setHeaders: (response) => response.setHeader("cache-control", "no-cache"),
      cacheControl: false,
    }),
  );
  router.get("/", (_request, response, next) => {
    // Asked at each request: the UI may be built while the collector runs.
    if (existsSync(join(directory, "index.html"))) return next();
    response.status(503).type("text/plain").send(NOT_BUILT);
  });
  return router;
}
