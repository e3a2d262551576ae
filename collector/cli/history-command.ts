/**
 * `history`: the values of one variable. From the beginning on, or the last few of them (`--tail`):
 * those are found by stepping back, so that their cost follows what is printed, not the history.
 */
import type { Command } from "commander";
import { type Hlc, RetroError, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import type { NodesJson, StepsJson, VariableHistoryJson } from "../api/shapes.ts";
import { askedTime, TIME_FORMS } from "./asked-times.ts";
import { captureCommandText } from "./capture-hint.ts";
import type { CollectorClient, Query } from "./client.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  runs,
  show,
  single,
  wholeNumber,
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { type PagedRows, pages } from "./pages.ts";
import { type RunEnds, unknownOf, versionsText } from "./show-changes.ts";
import { listed } from "./text.ts";
import { ticksOf } from "./times.ts";
import { knownKeys, unknownKeysText } from "./unknown-keys.ts";

const MAX_VERSIONS = 1_000_000;
const MAX_TAIL = 1_000;

/** Names of known variables in a refusal. */
const NAMED = 8;

type Version = VariableHistoryJson["values"][number];
type FewRows = Omit<PagedRows<Version>, "first">;

export function historyCommand(context: CliContext): Command {
  const command = newCommand(
    "history",
    "Prints the values of one variable, one after the other.",
    "retroscope history cart-1 stock apples --tail 20",
  )
    .argument("<node>", "The node's id")
    .argument("<log>", "The log's name")
    .argument("<key>", "The variable's name")
    .addOption(single("--from <time>", `Begin here: ${TIME_FORMS}`, "the beginning"))
    .addOption(single("--to <time>", "End here", "now"))
    .addOption(single("--limit <number>", "Print at most so many values, the oldest first", "1000"))
    .addOption(single("--tail <number>", `Print only the last so many, at most ${MAX_TAIL}`));
  return runs(askingOptions(command), context, async ([node = "", log = "", key = ""], options) => {
    const { io } = context;
    const bounds = { min: 1, max: MAX_VERSIONS, otherwise: 1_000 };
    const limit = wholeNumber(options, "limit", bounds);
    const tail = wholeNumber(options, "tail", { min: 1, max: MAX_TAIL, otherwise: 0 });
    const time = (name: string) => {
      const word = options[name] as string | undefined;
      return word === undefined ? undefined : askedTime(word, `--${name}`, io.nowMs());
    };
    const client = clientOf(options, io);
    const query = { node, log, key, from: time("from"), to: time("to") };
    const page =
      tail === 0 ? await versions(client, query, limit) : await lastOnes(client, query, tail);
    const ends = page.rows.some(({ deleted }) => deleted)
      ? runEndsOf(await client.ask<NodesJson>("/api/nodes"), node)
      : new Map<string, string>();
    if (page.rows.length === 0) await refuseUnknown(client, { node, log, key });
    const answer = { values: page.rows, ...page.rest };
    show(answer, options, io, ({ values }) => {
      const more = page.isCutShort
        ? `More than ${limit}: see the rest with --limit, the latest with --tail.\n`
        : "";
      const shown = { nowMs: io.nowMs(), columns: io.columns };
      return versionsText(values, shown, ends) + more + hintFor(values, node, io.nowMs());
    });
    if (page.rows.every(({ value }) => value === undefined)) {
      io.err(await unknownKeysText(client, { node: [node], log: [log], key: [key] }));
    }
    return EXIT.done;
  });
}

/**
 * A variable that never was is refused like a log that never was. One that once was, or that a loss may
 * hide, merely had no value in the range.
 * @throws RetroError `unknown-variable`
 */
async function refuseUnknown(
  client: CollectorClient,
  name: { readonly node: string; readonly log: string; readonly key: string },
): Promise<void> {
  const { values } = await client.ask<VariableHistoryJson>("/api/history", { ...name, limit: 1 });
  if (values.length > 0) return;
  const known = await knownKeys(client, { node: [name.node], log: [name.log] });
  const names = known.length === 0 ? "none is there now" : `known: ${listed(known, NAMED)}`;
  throw new RetroError("unknown-variable", `unknown variable ${JSON.stringify(name.key)}`, {
    hint: `${name.node} never had it in ${name.log}; ${names}`,
  });
}

/** The command that asks for the last stretch that was not captured. */
function hintFor(values: readonly Version[], node: string, nowMs: number): string {
  const last = values.findLastIndex((one) => unknownOf(one) === "not-captured");
  const version = values[last];
  if (version === undefined) return "";
  const end = values[last + 1]?.at;
  const to = end === undefined ? ticksFromUnixMs(nowMs) : ticksOf(end);
  const from = Math.min(ticksOf(version.at), to) as Hlc;
  return captureCommandText(from, to, [node]);
}

function versions(client: CollectorClient, query: Query, limit: number): Promise<FewRows> {
  return pages(
    client,
    "/api/history",
    query,
    limit,
    (answer: VariableHistoryJson) => answer.values,
  );
}

async function lastOnes(client: CollectorClient, query: Query, count: number): Promise<FewRows> {
  const { node, log, key, from, to = "now" } = query;
  const stepping = { from: to, direction: "prev", count, node, log, key };
  const { steps } = await client.ask<StepsJson>("/api/step", stepping);
  const first = steps.at(-1)?.at.hlc;
  // Where `from` is given it may be later than that: the collector tells, so the range is asked whole.
  const asked = from === undefined ? { ...query, from: first } : query;
  const { rows } = await versions(client, asked, MAX_VERSIONS);
  return { rows: rows.slice(-count), isCutShort: false, rest: {} };
}

/** Times at which a variable vanished with its process, and what became of that. */
function runEndsOf({ nodes }: NodesJson, node: string): RunEnds {
  const ends = new Map<string, string>();
  const summary = nodes.find((one) => one.node === node);
  summary?.epochs.forEach(({ joined, end }, i) => {
    if (i > 0) ends.set(joined.hlc, "restarted");
    if (end === null) return;
    const isLast = i === summary.epochs.length - 1;
    ends.set(
      end.hlc,
      isLast && summary.status === "expired" ? "process gone silent" : "process left",
    );
  });
  return ends;
}
