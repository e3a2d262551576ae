/** An event in one line that needs no other word beside it. */
import type { Json } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import { microsText } from "../scale/time-words.ts";
import type { TimelineFacts } from "./timeline-facts.ts";
import { valueText } from "./value-text.ts";

/** `receiver` is who is known to have got a send: the line itself often names only an address. */
export function describeEvent(line: EventLineJson, receiver?: string): string {
  const text = (field: string) => String(line[field] ?? "");
  const value = () => valueText(line["value"] as Json | undefined);
  const variable = `${text("log")} / ${text("key")}`;
  switch (line.kind) {
    case "set":
      return `${variable} = ${value()}`;
    case "delete":
      return `${variable} deleted`;
    case "add":
      return `${variable} gained ${value()}`;
    case "remove":
      return `${variable} lost ${value()}`;
    case "send":
      return `send to ${receiver || text("to") || text("peer") || "unknown"}`;
    case "receive":
      return `receive from ${senderOf(line)}`;
    case "request":
      return `request ${text("operation")}, ${microsText(Number(line["residenceUs"] ?? 0))}, ${text("outcome")}`;
    case "mark":
      return `mark: ${text("text")}`;
    case "keyframe":
      return `keyframe of ${text("log")}`;
    case "join":
      return "joined";
    case "leave":
      return "left";
    default:
      return line.kind;
  }
}

/** `from` is a node's name, or names the send event by (node, epoch, seq). */
function senderOf(line: EventLineJson): string {
  const from = line["from"] as Json | undefined;
  if (typeof from === "string") return from;
  if (from !== null && typeof from === "object" && "node" in from) return String(from.node);
  return String(line["peer"] ?? "an unstamped channel");
}

const receivers = new WeakMap<TimelineFacts, ReadonlyMap<string, string>>();

/** The node that received a send, as far as the timeline on screen knows. */
export function receiverOf(
  line: EventLineJson,
  timeline: TimelineFacts | null,
): string | undefined {
  if (line.kind !== "send" || timeline === null || !timeline.exact) return undefined;
  let known = receivers.get(timeline);
  if (known === undefined) {
    known = new Map(
      timeline.messages.flatMap(({ from, to, sentAt, count }) =>
        to === null || count > 1 ? [] : [[`${from}\n${sentAt}`, to] as const],
      ),
    );
    receivers.set(timeline, known);
  }
  return known.get(`${line.node}\n${ticksOf(line.t)}`);
}
