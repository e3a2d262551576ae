/**
 * What the omnibox offers for what is typed:
 *
 *     > words   commands          = text   a query          anything else: a time in any form of the
 *                                                           command line, nodes, variables, logs, marks
 *
 * A find is words and what choosing it does. Nothing is asked here: names and marks are handed in.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { CommandName } from "../input/command-names.ts";
import { COMMANDS } from "../input/commands.ts";
import { keysOf } from "../input/key-map.ts";
import { bookmarksOf } from "../model/bookmarks.ts";
import { readTypedTime } from "../model/typed-time.ts";
import type { KnownNames } from "../query/known-names.ts";
import { clockText, dateText, exactClockText, plural } from "../scale/time-words.ts";
import { COMMAND_WORDS, keyText } from "./command-words.ts";
import { fitting } from "./match.ts";
import { showLog, showNode, showVariable } from "./show.ts";

export interface Find {
  /** Tells it apart from all other finds. */
  readonly id: string;
  readonly name: string;
  /** What else is known of it. */
  readonly beside: string;
  /** Keys that do the same. */
  readonly keys?: readonly string[];
  readonly run: (app: App) => void;
}

export interface FindGroup {
  readonly title: string;
  readonly finds: readonly Find[];
  /** That fit too, and are not among `finds`. */
  readonly moreCount: number;
}

export interface Known {
  readonly names: KnownNames;
  /** Marks of the history, as far as they have been read. */
  readonly marks: readonly EventLineJson[];
}

/** Offered at once of a kind; typing more narrows them down. */
const MOST_OF_A_KIND = 6;

export function findsFor(app: App, typed: string, known: Known): readonly FindGroup[] {
  const text = typed.trim();
  if (text.startsWith(">")) return some("Commands", commandFinds(app, text.slice(1)), Infinity);
  if (text.startsWith("=")) return some("Query", queryFinds(text.slice(1).trim()));
  if (text === "") return some("Bookmarks", bookmarkFinds(app));
  return [
    ...some("Time", timeFinds(app, text)),
    ...some("Nodes", nodeFinds(app, text)),
    ...some("Variables", variableFinds(known.names, text)),
    ...some("Logs", logFinds(known.names, text)),
    ...some("Marks", markFinds(known.marks, text)),
  ];
}

/** Whether somebody means a time: what is wrong with it is then worth saying. */
export function looksLikeTime(typed: string): boolean {
  return /^[-+\d]/.test(typed.trim());
}

function some(title: string, finds: readonly Find[], most = MOST_OF_A_KIND): readonly FindGroup[] {
  const moreCount = Math.max(0, finds.length - most);
  return finds.length === 0 ? [] : [{ title, finds: finds.slice(0, most), moreCount }];
}

function commandFinds({ keyChoices }: App, typed: string): readonly Find[] {
  const names = Object.keys(COMMAND_WORDS) as CommandName[];
  return fitting(names, typed, (name) => COMMAND_WORDS[name]).map((name) => ({
    id: `command-${name}`,
    name: COMMAND_WORDS[name],
    beside: "",
    keys: keysOf(name, keyChoices.value).map(keyText),
    run: COMMANDS[name].run,
  }));
}

function queryFinds(rql: string): readonly Find[] {
  if (rql === "") return [];
  const put = ({ query, verbs }: App): void => {
    verbs.openTab("query");
    query.open();
    query.type(rql);
  };
  return [
    {
      ...{ id: "query-run", name: "Run the query", beside: rql },
      run: (app) => {
        put(app);
        app.query.submit();
      },
    },
    { id: "query-edit", name: "Open it in the editor", beside: "without running it", run: put },
  ];
}

function timeFinds({ choices, watch }: App, text: string): readonly Find[] {
  const typed = readTypedTime(text, choices.cut.value, watch.facts.value?.now);
  if (!("t" in typed)) return [];
  const { t } = typed;
  return [{ ...timeFind("time", t), name: `Cut to ${exactClockText(t)}` }];
}

function timeFind(id: string, t: Hlc): Find {
  const run = ({ verbs }: App) => verbs.moveCut(t, true);
  return { id, name: clockText(t), beside: `${dateText(t)} UTC`, run };
}

function bookmarkFinds({ choices }: App): readonly Find[] {
  return bookmarksOf(choices).map(({ t, isKept }, place) => ({
    ...timeFind(`bookmark-${place}`, t),
    name: `Cut to the bookmark at ${clockText(t)}`,
    ...(!isKept && { beside: "not kept" }),
  }));
}

function nodeFinds({ watch }: App, text: string): readonly Find[] {
  const nodes = watch.facts.value?.nodes ?? [];
  return fitting(nodes, text, ({ node, service }) => `${node} ${service}`).map((one) => ({
    id: `node-${one.node}`,
    name: one.node,
    beside: one.service === one.node ? one.status : `${one.service}, ${one.status}`,
    run: (app) => showNode(app, one),
  }));
}

function variableFinds({ logs }: KnownNames, text: string): readonly Find[] {
  const all = [...logs.values()].flatMap(({ log, nodes, variables }) =>
    [...variables].map(([key, type]) => ({ log, key, type, nodes })),
  );
  return fitting(all, text, ({ log, key }) => `${key} ${log} / ${key}`).map((one) => ({
    id: `variable-${one.log}/${one.key}`,
    name: `${one.log} / ${one.key}`,
    beside: [one.type, plural(one.nodes.length, "node")].filter((part) => part !== "").join(", "),
    run: (app) => showVariable(app, one),
  }));
}

function logFinds({ logs }: KnownNames, text: string): readonly Find[] {
  return fitting(logs.values(), text, ({ log }) => log).map(({ log, nodes, variables }) => ({
    id: `log-${log}`,
    name: log,
    beside: `${plural(variables.size, "variable")} on ${plural(nodes.length, "node")}`,
    run: (app) => showLog(app, log),
  }));
}

function markFinds(marks: readonly EventLineJson[], text: string): readonly Find[] {
  return fitting(marks, text, (line) => `${line["text"]}`).map((line) => {
    const { node, epoch, seq } = line;
    const t = ticksOf(line.t);
    return {
      id: `mark-${node}/${epoch}/${seq}`,
      name: String(line["text"]),
      beside: `${node}, ${clockText(t)}`,
      run: ({ verbs }: App) => {
        verbs.moveCut(t, true);
        verbs.selectEvent({ node, epoch, seq, t });
      },
    };
  });
}
