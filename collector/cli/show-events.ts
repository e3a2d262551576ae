/** Single events in words, and what of their range may be missing. */
import type { EventLineJson, EventsJson, H, IncompleteJson } from "../api/shapes.ts";
import { captureHint } from "./capture-hint.ts";
import { reasonText } from "./show-cut.ts";
import { counted, listed, type ShowOptions, table, valueText } from "./text.ts";
import { beforeOrAfter, ticksOf } from "./times.ts";

/** Nodes tell about once a second how far they are known: this far behind is none of their faults. */
const YOUNG_TICKS = 1_500 * 4096;
const NAMED = 10;

export function eventsText(events: EventsJson["events"], options: ShowOptions): string {
  const rows = events.map((event) => [event.t.time, event.node, event.kind, whatHappened(event)]);
  return table(rows, { columns: options.columns });
}

/** What an event says beside its time, node and kind. */
function whatHappened(event: EventLineJson): string {
  const field = (name: string) => event[name];
  switch (event.kind) {
    case "set":
    case "add":
    case "remove":
      return `${field("log")} ${field("key")} ${valueText(field("value"))}`;
    case "delete":
      return `${field("log")} ${field("key")}`;
    case "send":
      return `to ${field("to") ?? field("peer") ?? "unknown"}${wayOf(event)}`;
    case "receive":
      return `from ${field("from") ?? field("peer") ?? "unknown"}${wayOf(event)}`;
    case "request":
      return `${field("operation")} ${field("residenceUs")} us, ${field("outcome")}`;
    case "mark":
      return String(field("text"));
    case "keyframe": {
      const state = field("state");
      const size = state !== null && typeof state === "object" ? Object.keys(state).length : 0;
      return `${field("log")}, ${counted(size, "variable")}`;
    }
    default:
      return "";
  }
}

/** Over which channel it went, and whether the message was one of a stream. */
function wayOf({ channel, streamed }: EventLineJson): string {
  const over = typeof channel === "string" ? `, ${channel}` : "";
  return streamed === true ? `${over}, streamed` : over;
}

/** What may be missing; nodes that were heard of a moment ago in one line. Empty: nothing. */
export function missingEventsText(
  incomplete: readonly IncompleteJson[],
  range: { readonly from: H; readonly to: H },
  { columns }: Pick<ShowOptions, "columns">,
): string {
  const isYoung = ({ reason, after }: IncompleteJson) =>
    reason === "lagging" && after !== undefined && ticksOf(range.to) - ticksOf(after) < YOUNG_TICKS;
  const young = incomplete.filter(isYoung);
  const rest = incomplete.filter((entry) => !isYoung(entry));
  const rows = rest.map((entry) => [entry.node, entry.reason, reasonText(entry, { at: range.to })]);
  return [
    rows.length === 0
      ? ""
      : `INCOMPLETE: events may be missing.\n${table(rows, { indent: 2, columns })}`,
    youngText(young, range.to),
    captureHint(rest, range),
  ].join("");
}

function youngText(young: readonly IncompleteJson[], to: H): string {
  const times = young.flatMap(({ after }) => (after === undefined ? [] : [after]));
  const [earliest] = times.sort((a, b) => ticksOf(a) - ticksOf(b));
  if (earliest === undefined) return "";
  const names = listed([...new Set(young.map(({ node }) => node))], NAMED);
  return `Known only until ${beforeOrAfter(earliest, to)} the end: ${names}. Ask again for what came later.\n`;
}
