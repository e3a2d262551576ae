/** What is recorded, as it is: `events`, `nodes`. */
import type { Command } from "commander";
import { KindCode } from "../../agent/kernel/index.ts";
import type { EventsJson, NodesJson } from "../api/shapes.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  repeated,
  runs,
  selectionOf,
  selectionOptions,
  show,
  single,
  wholeNumber,
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { pages } from "./pages.ts";
import { recentRange, recentRangeOf } from "./recent-range.ts";
import { eventsText, missingEventsText } from "./show-events.ts";
import { nodesText } from "./show-nodes.ts";
import { plain } from "./text.ts";

const MAX_EVENTS = 1_000_000;

/** Keyframes hold no news: the agents repeat in them what is known. */
const ALL_BUT_KEYFRAMES = Object.keys(KindCode).filter((kind) => kind !== "keyframe");

export function recordCommands(context: CliContext): Command[] {
  return [eventsCommand(context), nodesCommand(context)];
}

function eventsCommand(context: CliContext): Command {
  const command = recentRange(
    newCommand(
      "events",
      "Prints recorded events in time order.",
      "retroscope events --from -5s --kind send --kind receive",
    ),
  );
  selectionOptions(command)
    .addOption(repeated("--kind <kind>", "Only events of this kind; default: all but keyframes"))
    .addOption(single("--limit <number>", "Print at most so many", "1000"));
  return runs(askingOptions(command), context, async (_words, options) => {
    const nowMs = context.io.nowMs();
    const { from, to: until } = recentRangeOf(options, nowMs);
    // Unless told otherwise what clocks ahead of ours have stamped is shown too.
    const to = options["to"] === undefined ? undefined : until;
    const kind = (options["kind"] as readonly string[] | undefined) ?? ALL_BUT_KEYFRAMES;
    const limit = wholeNumber(options, "limit", { min: 1, max: MAX_EVENTS, otherwise: 1_000 });
    const page = await pages(
      clientOf(options, context.io),
      "/api/events",
      { from, to, kind, ...selectionOf(options) },
      limit,
      (answer: EventsJson) => answer.events,
    );
    const { first } = page;
    const answer = { ...withoutNext(first), events: page.rows, ...page.rest };
    const shown = { nowMs, columns: context.io.columns };
    show(answer, options, context.io, ({ events, incomplete }) => {
      const missing = missingEventsText(incomplete, first, shown);
      if (events.length === 0) {
        const isDefault = options["from"] === undefined ? " (the default)" : "";
        return `No such event from ${plain(from)}${isDefault} to ${plain(until)}. Choose with --from and --to; \`retroscope nodes\` prints how far history reaches.\n${missing}`;
      }
      const more = page.isCutShort ? `More than ${limit}: see the rest with --limit.\n` : "";
      return eventsText(events, shown) + more + missing;
    });
    return EXIT.done;
  });
}

/** Where the first page ended is nobody's business. */
function withoutNext({ next: _next, ...rest }: EventsJson): Omit<EventsJson, "next"> {
  return rest;
}

function nodesCommand(context: CliContext): Command {
  const command = newCommand(
    "nodes",
    "Prints every node, its status, and until when nothing is missing from it.",
    "retroscope nodes --json",
  );
  return runs(askingOptions(command), context, async (_words, options) => {
    const nodes = await clientOf(options, context.io).ask<NodesJson>("/api/nodes");
    const { io } = context;
    show(nodes, options, io, (answer) =>
      nodesText(answer, { nowMs: io.nowMs(), columns: io.columns }),
    );
    return EXIT.done;
  });
}
