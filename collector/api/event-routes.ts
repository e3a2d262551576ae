/** Single events in time order: `/api/events`, page by page. */
import { Router } from "express";
import type { NodeEvent } from "../cut/history.ts";
import { type Answering, closingOf } from "./answering.ts";
import { formatCursor, parseCursor } from "./event-cursor.ts";
import { Params, SELECTION_PARAMS } from "./params.ts";
import { wholeRange } from "./retained.ts";
import { eventsJson } from "./to-json.ts";

export function eventRoutes({ history, now }: Answering): Router {
  const router = Router();

  router.get("/api/events", async (request, response) => {
    const accepted = ["from", "to", ...SELECTION_PARAMS, "kind", "limit", "cursor"];
    const asked = now();
    const params = new Params(request.originalUrl, accepted, asked);
    const cursor = params.text("cursor");
    const query = {
      ...params.range(wholeRange(history, asked)),
      selection: params.selection(),
      kinds: params.kinds(),
      limit: params.limit(),
      ...(cursor === undefined ? {} : { after: parseCursor(cursor) }),
    };
    const page = await history.events(query, closingOf(response));
    const last = page.events.at(-1);
    response.json({
      ...eventsJson(page, query),
      ...(page.more && last !== undefined ? { next: nextOf(last) } : {}),
    });
  });

  return router;
}

function nextOf({ node, epoch, event }: NodeEvent): string {
  return formatCursor({ node, epoch, seq: event.seq, t: event.t });
}
