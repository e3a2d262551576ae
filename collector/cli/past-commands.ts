/** The questions about the past: `snapshot`, `diff`, `step`, `history`. */
import type { Command } from "commander";
import { parseDurationMs, RetroError } from "../../agent/kernel/index.ts";
import type { CutJson, DiffJson, StepsJson, VariableHistoryJson } from "../api/shapes.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  needed,
  newCommand,
  runs,
  selectionOf,
  selectionOptions,
  show,
  single,
  wholeNumber,
} from "./command.ts";
import { EXIT, errorLines } from "./exit.ts";
import { pages } from "./pages.ts";
import { diffText, stepsText, versionsText } from "./show-changes.ts";
import { cutText, type ShowOptions } from "./show-cut.ts";

const TIME = "ISO 8601, Unix ms, hex stamp, now, or relative: -5s, -250ms";
const MAX_STEPS = 1_000;
const MAX_VERSIONS = 1_000_000;

export function pastCommands(context: CliContext): Command[] {
  return [
    snapshotCommand(context),
    diffCommand(context),
    stepCommand(context),
    historyCommand(context),
  ];
}

function showOptions({ io }: CliContext): ShowOptions {
  return { nowMs: io.nowMs(), columns: io.columns };
}

function snapshotCommand(context: CliContext): Command {
  const command = newCommand(
    "snapshot",
    "Prints the state of every node at a past time, and whether the answer is complete.",
    "retroscope snapshot --at -5s --log stock",
  ).addOption(single("--at <time>", TIME));
  selectionOptions(command)
    .addOption(single("--wait <duration>", "Wait so long for late nodes, at most 60s"))
    .option("--strict", "Exit 1 if the cut is incomplete or inconsistent");
  return runs(askingOptions(command), context, async (_words, options) => {
    const wait = options["wait"] as string | undefined;
    const query = { at: needed(options, "at"), ...selectionOf(options), wait };
    const waitMs = wait === undefined ? 0 : parseDurationMs(wait);
    const cut = await clientOf(options, context.io).ask<CutJson>("/api/cut", query, waitMs);
    show(cut, options, context.io, (answer) => cutText(answer, showOptions(context)));
    if (options["strict"] !== true || (cut.complete && cut.consistent)) return EXIT.done;
    const code = cut.complete ? "inconsistent" : "incomplete";
    const hint = "Ask with --wait 5s for nodes that are only late.";
    context.io.err(errorLines(new RetroError(code, `the cut is ${code}`, { hint })));
    return EXIT.no;
  });
}

function diffCommand(context: CliContext): Command {
  const command = newCommand(
    "diff",
    "Prints what changed between two past times.",
    "retroscope diff -5s -1s --node cart-1",
  )
    .argument("<from>", `The earlier time: ${TIME}`)
    .argument("<to>", "The later time");
  selectionOptions(command).option("--all", "Also variables that changed and changed back");
  return runs(askingOptions(command), context, async ([from, to], options) => {
    const query = { from, to, ...selectionOf(options), all: options["all"] === true };
    const diff = await clientOf(options, context.io).ask<DiffJson>("/api/diff", query);
    show(diff, options, context.io, (answer) => diffText(answer, showOptions(context)));
    return EXIT.done;
  });
}

function stepCommand(context: CliContext): Command {
  const command = newCommand(
    "step",
    "Prints the next change after a time, or the one before it.",
    "retroscope step --from -5s --prev --count 3",
  ).addOption(single("--from <time>", TIME));
  selectionOptions(command)
    .option("--prev", "Backwards: the change at or before the time first")
    .addOption(single("--count <number>", `How many steps, at most ${MAX_STEPS}`, "1"));
  return runs(askingOptions(command), context, async (_words, options) => {
    const direction = options["prev"] === true ? "prev" : "next";
    const count = wholeNumber(options, "count", { min: 1, max: MAX_STEPS, otherwise: 1 });
    const query = { from: needed(options, "from"), direction, count, ...selectionOf(options) };
    const steps = await clientOf(options, context.io).ask<StepsJson>("/api/step", query);
    show(steps, options, context.io, (answer) =>
      stepsText(answer, showOptions(context), direction),
    );
    return EXIT.done;
  });
}

function historyCommand(context: CliContext): Command {
  const command = newCommand(
    "history",
    "Prints the values of one variable, one after the other.",
    "retroscope history cart-1 stock apples --from -1m",
  )
    .argument("<node>", "The node's id")
    .argument("<log>", "The log's name")
    .argument("<key>", "The variable's name")
    .addOption(single("--from <time>", `Begin here: ${TIME}`, "the beginning"))
    .addOption(single("--to <time>", "End here", "now"))
    .addOption(single("--limit <number>", "Print at most so many values", "1000"));
  return runs(askingOptions(command), context, async ([node, log, key], options) => {
    const bounds = { min: 1, max: MAX_VERSIONS, otherwise: 1_000 };
    const limit = wholeNumber(options, "limit", bounds);
    const { from, to } = options as { from?: string; to?: string };
    const page = await pages(
      clientOf(options, context.io),
      "/api/history",
      { node, log, key, from, to },
      limit,
      (answer: VariableHistoryJson) => answer.values,
    );
    const answer = { values: page.rows, ...page.rest };
    show(answer, options, context.io, ({ values }) => {
      const more = page.isCutShort ? `More than ${limit}: see the rest with --limit.\n` : "";
      return versionsText(values, showOptions(context)) + more;
    });
    return EXIT.done;
  });
}
