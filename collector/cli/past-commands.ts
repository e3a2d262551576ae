/** The questions about the past: `snapshot`, `diff`, `step`. */
import type { Command } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import type { CutJson, DiffJson, StepsJson } from "../api/shapes.ts";
import {
  askedTime,
  TIME_FORMS,
  WAIT_DEFAULT,
  WAIT_HELP,
  waitForRange,
  waitMsFor,
} from "./asked-times.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  runs,
  selectionOf,
  selectionOptions,
  show,
  single,
  wholeNumber,
} from "./command.ts";
import { EXIT, errorLines } from "./exit.ts";
import { historyCommand } from "./history-command.ts";
import { diffText, stepsText } from "./show-changes.ts";
import { cutText } from "./show-cut.ts";
import type { ShowOptions } from "./text.ts";
import { unknownKeysText } from "./unknown-keys.ts";

const MAX_STEPS = 10_000;

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
  ).addOption(single("--at <time>", TIME_FORMS, "now"));
  selectionOptions(command)
    .addOption(single("--wait <duration>", WAIT_HELP, WAIT_DEFAULT))
    .option("--strict", "Exit 1 if the cut is incomplete, inconsistent, or of no node at all");
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const { at: word = "now", wait } = options as { at?: string; wait?: string };
    const at = askedTime(word, "--at", io.nowMs());
    const waitMs = waitMsFor(at, wait, io.nowMs());
    const selection = selectionOf(options);
    const query = { at, ...selection, wait: waitMs === 0 ? undefined : `${waitMs}ms` };
    const client = clientOf(options, io);
    const cut = await client.ask<CutJson>("/api/cut", query, waitMs);
    show(cut, options, io, (answer) => cutText(answer, showOptions(context)));
    io.err(await unknownKeysText(client, options));
    const flaw = options["strict"] === true ? flawOf(cut) : undefined;
    if (flaw === undefined) return EXIT.done;
    io.err(errorLines(flaw));
    return EXIT.no;
  });
}

/** Why a strict question is answered with no. */
function flawOf(cut: CutJson): RetroError | undefined {
  if (!cut.complete) {
    const isUncaptured = cut.incomplete.every(({ reason }) => reason === "not-captured");
    const hint = isUncaptured
      ? "Nodes that record on demand give it when asked: `retroscope capture`."
      : "Ask with --wait 5s for nodes that are only late.";
    return new RetroError("incomplete", "the cut is incomplete", { hint });
  }
  if (!cut.consistent) {
    const hint = "A clock was not merged on the channels listed above.";
    return new RetroError("inconsistent", "the cut is inconsistent", { hint });
  }
  if (cut.members.length > 0) return undefined;
  const hint = "`retroscope nodes` prints who was there, and when.";
  return new RetroError("incomplete", "no node was there at that time", { hint });
}

function diffCommand(context: CliContext): Command {
  const command = newCommand(
    "diff",
    "Prints what changed between two past times.",
    "retroscope diff -5s -1s --node cart-1",
  )
    .argument("<from>", `The earlier time: ${TIME_FORMS}`)
    .argument("<to>", "The later time");
  selectionOptions(command)
    .addOption(single("--wait <duration>", WAIT_HELP, WAIT_DEFAULT))
    .option("--all", "Also variables that changed and changed back");
  return runs(askingOptions(command), context, async ([first = "", second = ""], options) => {
    const { io } = context;
    const words = [
      askedTime(first, "from", io.nowMs()),
      askedTime(second, "to", io.nowMs()),
    ] as const;
    const waitMs = waitMsFor(words[1], options["wait"] as string | undefined, io.nowMs());
    const selection = selectionOf(options);
    const client = clientOf(options, io);
    const [from, to] = waitMs === 0 ? words : await waitForRange(client, words, selection, waitMs);
    const query = { from, to, ...selection, all: options["all"] === true };
    const diff = await client.ask<DiffJson>("/api/diff", query);
    show(diff, options, io, (answer) => diffText(answer, showOptions(context)));
    io.err(await unknownKeysText(client, options));
    return EXIT.done;
  });
}

function stepCommand(context: CliContext): Command {
  const command = newCommand(
    "step",
    "Prints the next change after a time, or the one before it.",
    "retroscope step --from -5s --prev --count 3",
  ).addOption(single("--from <time>", TIME_FORMS, "now"));
  selectionOptions(command)
    .option("--prev", "Backwards: the change at or before the time first")
    .addOption(single("--count <number>", `How many steps, at most ${MAX_STEPS}`, "1"));
  return runs(askingOptions(command), context, async (_words, options) => {
    const direction = options["prev"] === true ? "prev" : "next";
    const count = wholeNumber(options, "count", { min: 1, max: MAX_STEPS, otherwise: 1 });
    const word = (options["from"] as string | undefined) ?? "now";
    const from = askedTime(word, "--from", context.io.nowMs());
    const query = { from, direction, count, ...selectionOf(options) };
    const client = clientOf(options, context.io);
    const steps = await client.ask<StepsJson>("/api/step", query);
    show(steps, options, context.io, (answer) =>
      stepsText(answer, showOptions(context), direction),
    );
    context.io.err(await unknownKeysText(client, options));
    return EXIT.done;
  });
}
