/** Searches every cut of a range: `query`. */
import type { Command } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import type { EndLine, ResultLine, RowLine } from "../api/query-shapes.ts";
import { alertsOf } from "./alerts.ts";
import { askedTime, TIME_FORMS } from "./asked-times.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  runs,
  single,
  type Words,
} from "./command.ts";
import { EXIT, errorLines } from "./exit.ts";
import type { CliIo } from "./io.ts";
import { bytesOfFile } from "./named-file.ts";
import {
  alertText,
  endText,
  placedText,
  planText,
  rowsText,
  startText,
  unwatchedText,
  warningText,
  watchedText,
} from "./show-query.ts";

/** A text is at most 16 KiB; what is longer is refused by the collector, not read to its end here. */
const MAX_READ_BYTES = 64 * 1024;
/** Rows that are lined up together. */
const PAGE = 100;

export function queryCommand(context: CliContext): Command {
  const command = newCommand(
    "query",
    "Searches every cut of the past for a condition, in RQL.",
    `retroscope query 'SELECT leader FROM raft WHEN Cardinality(leader) > 1 ON TIME "-10m" TO "now"'`,
  )
    .argument("<rql>", "The text; - reads standard input, @FILE a file")
    .addOption(single("--from <time>", `Without ON TIME: begin here; ${TIME_FORMS}`))
    .addOption(single("--to <time>", "Without ON TIME: end here"))
    .option("--explain", "Print what would be read and how, in place of rows")
    .option("--live", "Watch from now on, until interrupted: rows as they open and close")
    .option("--fail-on-match", "Exit 1 if anything is found");
  return runs(askingOptions(command), context, async ([word = ""], options) => {
    const { io } = context;
    const rql = await textOf(word, io);
    const ending = new AbortController();
    void io.interrupted().then(() => ending.abort());
    if (options["live"] === true) return watched(rql, options, io, ending.signal);
    const question = {
      rql,
      ...(options["explain"] === true ? { explain: true } : {}),
      ...timeOption("from", options["from"], io),
      ...timeOption("to", options["to"], io),
    };
    const shown = new Shown(io, options["json"] === true);
    try {
      const lines = clientOf(options, io).lines("/api/query", question, ending.signal);
      for await (const line of lines) if (line !== "") shown.take(line);
    } catch (error) {
      if (!ending.signal.aborted) return refused(error, io);
    } finally {
      shown.tellRows();
    }
    if (ending.signal.aborted) return interrupted(io);
    return shown.exitCode(options["failOnMatch"] === true);
  });
}

/** `--live`: a monitor for as long as somebody looks. An interrupt is how it ends, and no failure. */
async function watched(
  rql: string,
  options: Words,
  io: CliIo,
  signal: AbortSignal,
): Promise<number> {
  const strange = ["from", "to", "explain"].find((name) => options[name] !== undefined);
  if (strange !== undefined) {
    throw new RetroError("bad-usage", `--live does not go with --${strange}`, {
      hint: "It begins now, and goes on until it is interrupted.",
    });
  }
  const isJson = options["json"] === true;
  const client = clientOf(options, io);
  const startedMs = io.nowMs();
  let alerts = 0;
  try {
    for await (const alert of alertsOf(client, rql, signal, (made) => io.err(watchedText(made)))) {
      alerts += 1;
      io.out(isJson ? `${JSON.stringify(alert)}\n` : alertText(alert, io.columns));
      if (options["failOnMatch"] === true) return EXIT.no;
    }
    io.err(unwatchedText(alerts, io.nowMs() - startedMs));
    return EXIT.done;
  } catch (error) {
    return refused(error, io);
  }
}

/** A text that is wrong is told with its place. @throws whatever else it is */
function refused(error: unknown, io: CliIo): number {
  const refusal = refusalOf(error);
  if (refusal === undefined) throw error;
  io.err(`retroscope: ${refusal}`);
  return EXIT.usage;
}

function interrupted(io: CliIo): number {
  io.err(
    errorLines(new RetroError("cancelled", "interrupted: what was found so far stands above")),
  );
  return EXIT.failed;
}

/** What was typed; or what a file or standard input holds. */
async function textOf(word: string, io: CliIo): Promise<string> {
  if (word === "-") return readAll(io.stdin);
  if (!word.startsWith("@")) return word;
  const hint = "Name a file after the @, or give the text itself in quotes.";
  return readAll(bytesOfFile(word.slice(1), hint));
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of input) {
    bytes += piece.length;
    text += decoder.decode(piece, { stream: true });
    if (bytes > MAX_READ_BYTES) break;
  }
  return text + decoder.decode();
}

/** What it means the collector's clock says, as for all other commands. */
function timeOption(name: "from" | "to", word: unknown, io: CliIo): { [name: string]: string } {
  if (typeof word !== "string") return {};
  return { [name]: askedTime(word, `--${name}`, io.nowMs()) };
}

/** The text of a refusal with a place; undefined: another error. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof RetroError)) return undefined;
  const { line, column, excerpt } = error.details ?? {};
  if (typeof line !== "number" || typeof column !== "number" || typeof excerpt !== "string") {
    return undefined;
  }
  const { code, message, hint } = error;
  return placedText({ code, message, hint, line, column, excerpt });
}

/** Prints lines as they come, and remembers how it ended. */
class Shown {
  readonly #io: CliIo;
  readonly #isJson: boolean;
  readonly #ends: EndLine[] = [];
  #columns: readonly string[] = [];
  #page: RowLine[] = [];
  #isFirstPage = true;
  #isExplained = false;
  #isLast = false;

  constructor(io: CliIo, isJson: boolean) {
    this.#io = io;
    this.#isJson = isJson;
  }

  take(text: string): void {
    const line = readLine(text);
    this.#isLast = line.type === "end";
    if (line.type === "end") this.#ends.push(line);
    if (this.#isJson) this.#io.out(`${text}\n`);
    else this.#tell(line);
  }

  /** @throws RetroError `unreachable` if the answer broke off */
  exitCode(failOnMatch: boolean): number {
    if (!this.#isLast) {
      throw new RetroError("unreachable", "the answer broke off before its end", {
        retriable: true,
        hint: "Was the collector stopped? Ask again.",
      });
    }
    if (this.#ends.some(({ status }) => status !== "done")) return EXIT.failed;
    const isMatch = this.#ends.some(({ matches }) => matches > 0);
    return failOnMatch && isMatch ? EXIT.no : EXIT.done;
  }

  #tell(line: ResultLine): void {
    const { out, err, isWatched } = this.#io;
    if (line.type === "row") {
      this.#page.push(line);
      if (this.#page.length >= PAGE) this.tellRows();
      return;
    }
    if (line.type === "hit") return;
    this.tellRows();
    if (line.type === "start") {
      this.#columns = line.columns;
      this.#isFirstPage = true;
      this.#isExplained = false;
      out(startText(line));
    } else if (line.type === "plan") {
      this.#isExplained = true;
      out(planText(line));
    } else if (line.type === "warning") err(warningText(line));
    else if (line.type === "error") {
      err(errorLines(new RetroError("internal", line.message, { hint: line.hint })));
    } else if (line.type === "end") out(endText(line, this.#isExplained));
    else if (isWatched) err(`searched ${(line.fraction * 100).toFixed(0)} %\n`);
  }

  /** Rows that wait for others to be lined up with: when nothing comes any more, they are told. */
  tellRows(): void {
    const page = this.#page;
    this.#page = [];
    if (page.length === 0) return;
    this.#io.out(rowsText(page, this.#columns, this.#isFirstPage, this.#io.columns));
    this.#isFirstPage = false;
  }
}

function readLine(text: string): ResultLine {
  try {
    return JSON.parse(text) as ResultLine;
  } catch (error) {
    throw new RetroError("unreachable", "the answer is no NDJSON", {
      hint: "Is there a proxy on the way?",
      cause: error,
    });
  }
}
