/** Questions about the answers: `causality`, `explain`. */
import type { Command } from "commander";
import type { CausalityJson, ExplainJson } from "../api/audit-shapes.ts";
import { askedTime, TIME_FORMS, WAIT_DEFAULT, WAIT_HELP, waitMsFor } from "./asked-times.ts";
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
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { recentRange, recentRangeOf } from "./recent-range.ts";
import { causalityText, explainText } from "./show-audit.ts";

export function auditCommands(context: CliContext): Command[] {
  return [causalityCommand(context), explainCommand(context)];
}

function causalityCommand(context: CliContext): Command {
  const command = recentRange(
    newCommand(
      "causality",
      "Prints what the messages of a range say of each other, and of the nodes' clocks.",
      "retroscope causality --from -5m",
    ),
  )
    .addOption(repeated("--node <id>", "Only what concerns this node"))
    .addOption(repeated("--service <name>", "Only what concerns nodes of this service"))
    .option("--strict", "Exit 1 if some message was received before it was sent");
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const { node, service } = selectionOf(options);
    const audit = await clientOf(options, io).ask<CausalityJson>("/api/causality", {
      ...recentRangeOf(options, io.nowMs()),
      node,
      service,
    });
    show(audit, options, io, (answer) => causalityText(answer, { columns: io.columns }));
    const isOrdered = audit.violationCount === 0 && audit.backward.length === 0;
    return options["strict"] === true && !isOrdered ? EXIT.no : EXIT.done;
  });
}

function explainCommand(context: CliContext): Command {
  const command = newCommand(
    "explain",
    "Prints why the cut at a time is incomplete or inconsistent, node by node, and what to do about it.",
    "retroscope explain --at -5s",
  ).addOption(single("--at <time>", TIME_FORMS, "now"));
  selectionOptions(command).addOption(single("--wait <duration>", WAIT_HELP, WAIT_DEFAULT));
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const { at: word = "now", wait } = options as { at?: string; wait?: string };
    const at = askedTime(word, "--at", io.nowMs());
    const waitMs = waitMsFor(at, wait, io.nowMs());
    const query = {
      at,
      ...selectionOf(options),
      wait: waitMs === 0 ? undefined : `${waitMs}ms`,
    };
    const answer = await clientOf(options, io).ask<ExplainJson>("/api/explain", query, waitMs);
    show(answer, options, io, explainText);
    return EXIT.done;
  });
}
