/** `save`: keeps a cut under a name, past retention; lists them and lets them go. */
import type { Command } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import type { SavedJson, SavedListJson } from "../api/shapes.ts";
import { askedDurationMs, askedTime, TIME_FORMS } from "./asked-times.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  runs,
  show,
  single,
  type Words,
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { counted, plain, table } from "./text.ts";
import { absoluteAndAgo } from "./times.ts";

export function saveCommand(context: CliContext): Command {
  const command = newCommand(
    "save",
    "Keeps the cut at a past time under a name, past retention; or lists and deletes saved cuts.",
    'retroscope save "before the deploy" --at -5s',
  )
    .argument("[name]", "What to call it")
    .addOption(single("--at <time>", TIME_FORMS))
    .addOption(single("--wait <duration>", "Wait so long for nodes that are late"))
    .option("--list", "Print the saved cuts instead")
    .addOption(single("--delete <id>", "Delete a saved cut instead, by its id or name"));
  return runs(askingOptions(command), context, async ([name], options) => {
    const { io } = context;
    const client = clientOf(options, io);
    const shown = { nowMs: io.nowMs(), columns: io.columns };
    const {
      at,
      wait,
      delete: removed,
    } = options as { at?: string; wait?: string; delete?: string };
    checkWords(name, options);
    if (options["list"] === true) {
      const list = await client.ask<SavedListJson>("/api/saved");
      show(list, options, io, (answer) => listText(answer, shown));
    } else if (removed !== undefined) {
      const path = `/api/saved/${encodeURIComponent(removed)}`;
      const gone = await client.remove<SavedJson>(path);
      show(gone, options, io, (one) => `deleted ${one.id} ${plain(one.name)}\n`);
    } else {
      const waitMs = wait === undefined ? 0 : askedDurationMs(wait, "wait");
      const asked = {
        name,
        at: askedTime(at ?? "now", "--at", io.nowMs()),
        ...(waitMs === 0 ? {} : { wait: `${waitMs}ms` }),
      };
      const saved = await client.post<SavedJson>("/api/saved", asked, waitMs);
      show(saved, options, io, (one) => savedText(one, shown));
    }
    return EXIT.done;
  });
}

/** One thing at a time: a name that would be ignored is a mistake. */
function checkWords(name: string | undefined, options: Words): void {
  const isList = options["list"] === true;
  const isDelete = options["delete"] !== undefined;
  const asked = [name !== undefined, isList, isDelete].filter(Boolean).length;
  const isTimed = options["at"] !== undefined || options["wait"] !== undefined;
  if (asked === 1 && (name !== undefined ? options["at"] !== undefined : !isTimed)) return;
  throw new RetroError("bad-usage", "save takes a name and --at, or --list, or --delete", {
    hint: 'Try `retroscope save "before the deploy" --at -5s`.',
  });
}

interface Shown {
  readonly nowMs: number;
  readonly columns: number | undefined;
}

function savedText(saved: SavedJson, { nowMs }: Shown): string {
  const { id, name, at, memberCount, bytes } = saved;
  return (
    `saved ${id} ${plain(name)}: ${absoluteAndAgo(at, nowMs)}, ${counted(memberCount, "node")}, ` +
    `${flaws(saved)}, ${bytes} bytes\n`
  );
}

function listText({ saved, bytes, givenUp }: SavedListJson, { nowMs, columns }: Shown): string {
  const lost = givenUp === 0 ? "" : `${counted(givenUp, "saved cut")} given up for room.\n`;
  if (saved.length === 0) return `${lost}No cut is saved.\n`;
  const rows = saved.map((one) => [
    one.id,
    one.name,
    absoluteAndAgo(one.at, nowMs),
    counted(one.memberCount, "node"),
    flaws(one),
  ]);
  return `${lost}${counted(saved.length, "saved cut")}, ${bytes} bytes\n\n${table(rows, { columns })}`;
}

function flaws({ complete, consistent }: SavedJson): string {
  if (complete) return consistent ? "complete" : "complete, not consistent";
  return consistent ? "incomplete" : "incomplete, not consistent";
}
