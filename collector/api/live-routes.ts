/** `/api/live`: what happens, as it happens (live-hub.ts). */
import { Router } from "express";
import type { Answering } from "./answering.ts";
import type { LiveHub } from "./live-hub.ts";
import { Params } from "./params.ts";

export function liveRoutes({ now, live }: Answering & { readonly live: LiveHub }): Router {
  const router = Router();
  router.get("/api/live", (request, response) => {
    new Params(request.originalUrl, [], now());
    if (request.method === "HEAD") {
      // It would be held open for ever, and told nothing.
      response.type("text/event-stream").end();
      return;
    }
    live.add(response, request.get("last-event-id"));
  });
  return router;
}
