/** An event in one line. */
import type { Json } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { microsText } from "../scale/time-words.ts";
import { valueText } from "./value-text.ts";

export function describeEvent(line: EventLineJson): string {
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
      return `send to ${text("to") || text("peer") || "unknown"}`;
    case "receive":
      return `receive from ${senderOf(line)}`;
    case "request":
      return `${text("operation")}, ${microsText(Number(line["residenceUs"] ?? 0))}, ${text("outcome")}`;
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
