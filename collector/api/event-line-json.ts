/**
 * One event as `/api/events` gives it: an event line (../interop/README.md) with epoch and seq, and its
 * time as H. What export writes and import reads is the same line with the time as text.
 */
import { eventLineFields } from "../../agent/kernel/index.ts";
import type { NodeEvent } from "../cut/history.ts";
import type { EventLineJson } from "./shapes.ts";
import { hJson } from "./time-json.ts";

export function eventLineJson({ node, service, epoch, event }: NodeEvent): EventLineJson {
  const { seq, t, kind } = event;
  const fields = eventLineFields(event, { node, epoch, seq });
  return { node, service, epoch, seq, t: hJson(t), kind, ...fields } as EventLineJson;
}
