/** One step of "why this value" in words. */
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import { clockText, durationText } from "../scale/time-words.ts";
import { reasonSentence } from "./reasons.ts";
import type { Before } from "./why.ts";

/** How an event is tied to the message before it. */
export function tieWords(before: Before): string {
  switch (before.type) {
    case "send":
      return "its send";
    case "request":
      return `in this request, ${String(before.request["operation"] ?? "")}`;
    case "latest":
      return "latest message before: order, not proof";
    default:
      return "";
  }
}

/** Why the chain ends at `line`; null where it goes on. */
export function endWords(line: EventLineJson, before: Before): string | null {
  const t = ticksOf(line.t);
  switch (before.type) {
    case "none":
      return `No message reached ${line.node} before this, in this run of it: the chain begins here.`;
    case "unstamped":
      return `This message came from ${before.peer}, which carries no timestamp of ours: what was before it is not recorded.`;
    case "missing": {
      const { receive, missing } = before;
      const known =
        receive === null
          ? ""
          : ` The latest message that is known was received ${durationText(t - ticksOf(receive.t))} before.`;
      return `${missing.node} ${reasonSentence(missing, t)}: the message that mattered may be among them.${known}`;
    }
    case "far":
      return `No message was found back to ${clockText(before.from)}; the search ends there.`;
    default:
      return null;
  }
}
