/** One round of a monitor: an ordinary query over the range in which its rows may differ from what was told. */
import { type Hlc, parseHlc, RetroError } from "../../agent/kernel/index.ts";
import type { ResultLine, RowLine } from "../rql/interpret/lines.ts";
import type { QueryRunner } from "../rql/run/query-runner.ts";
import type { MonitorRecord } from "./shapes.ts";
import type { Round } from "./told-rows.ts";

export interface RoundAsked {
  /** The monitor looks at nothing that is earlier. */
  readonly base: Hlc;
  /** What is known has changed after this. */
  readonly changedFrom: Hlc;
  readonly to: Hlc;
  readonly signal: AbortSignal;
}

/** @throws RqlError if the text is refused by now; RetroError `cancelled` */
export async function searchRound(
  runner: Pick<QueryRunner, "checkMonitor" | "prepare">,
  record: MonitorRecord,
  { base, changedFrom, to, signal }: RoundAsked,
): Promise<Round & { readonly trouble: MonitorRecord["trouble"] }> {
  const query = await runner.checkMonitor(record.rql, signal);
  const windowTicks = Math.ceil(query.window?.ticks ?? 0);
  // What was open or undecided then, and what changed at that very tick, lies behind this.
  const back = Math.max(base, changedFrom - windowTicks - 2) as Hlc;
  // What is carried from cut to cut is carried from the beginning.
  const from = query.sequential === undefined ? back : record.since;
  const rows: RowLine[] = [];
  const others: ResultLine[] = [];
  const prepared = await runner.prepare({ rql: record.rql, from, to }, signal);
  await prepared.run(async (text) => {
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const said = JSON.parse(line) as ResultLine;
      if (said.type === "row") rows.push(said);
      else if (said.type === "end" || said.type === "error") others.push(said);
    }
  }, signal);
  const end = others.at(-1);
  if (end?.type !== "end") throw new RetroError("cancelled", "the round was ended");
  const isWatched = query.window !== undefined && query.window.kind !== "for-at-least";
  return {
    from,
    to: end.status === "done" ? to : hlcOf(end.searchedTo.hlc),
    since: base,
    areApart: isWatched || query.eachChange,
    rows: rows.filter((row) => isAfter(row, record.finalTo)),
    trouble: end.status === "done" ? null : troubleOf(end.status, others),
  };
}

function isAfter(row: RowLine, finalTo: Hlc): boolean {
  if ("at" in row) return hlcOf(row.at.hlc) > finalTo;
  return row.open || hlcOf(row.to.hlc) > finalTo;
}

function troubleOf(
  status: string,
  lines: readonly ResultLine[],
): { readonly code: string; readonly message: string } {
  const error = lines.find((line) => line.type === "error");
  if (error?.type === "error") return { code: error.code, message: error.message };
  return { code: status, message: `a round ended with ${status}` };
}

function hlcOf(hlc: string): Hlc {
  return (parseHlc(hlc) ?? Number.NaN) as Hlc;
}
