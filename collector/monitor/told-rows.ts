/**
 * What a round of a monitor changes: rows as they are now against rows as they were told.
 *
 *     told        [---- 3 ----]      [-- 4 ...            from: where the round begins to look
 *     found           ]  from      [-5-]  [-- 4 ------]
 *     alerts                       5 opens and closes; 4 closes
 *
 * Rows are known by their service and the tick at which they begin. One that lies over `from` begins
 * earlier than the round sees: it goes with the one that was told there. Where these two do not fit, what
 * was true at `from` has changed, and the round has to look from further back.
 */
import { type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { IntervalLine, RowLine } from "../rql/interpret/lines.ts";
import type { AlertEvent, AlertRow, ToldRow } from "./shapes.ts";

/** Where a round looked, and what it found. */
export interface Round {
  readonly from: Hlc;
  /** Up to here it was searched. */
  readonly to: Hlc;
  /** The monitor's: earlier than that it does not look. */
  readonly since: Hlc;
  /** THEN, NOT FOLLOWED BY and EACH CHANGE: rows do not lie over `from`. */
  readonly areApart: boolean;
  readonly rows: readonly RowLine[];
}

export interface Change {
  readonly event: AlertEvent;
  readonly n: number;
  /** Null: withdrawn. */
  readonly row: AlertRow | null;
}

export interface Outcome {
  readonly changes: readonly Change[];
  readonly rows: readonly ToldRow[];
  readonly nextN: number;
}

/** How the told rows change; or from where the round must look instead. */
export function compareRound(
  told: readonly ToldRow[],
  nextN: number,
  round: Round,
): Outcome | { readonly lookFrom: Hlc } {
  const before: ToldRow[] = [];
  const over = new Map<string, ToldRow>();
  const after = new Map<string, ToldRow>();
  for (const one of told) {
    if (one.from > round.from) after.set(keyOf(one), one);
    else if (!round.areApart && (one.to ?? Number.POSITIVE_INFINITY) > round.from) {
      over.set(one.service, one);
    } else before.push(one);
  }
  const found = round.rows.map(foundRow);
  const isOver = ({ from, row }: FoundRow): boolean =>
    !round.areApart && "sinceStart" in row && row.sinceStart && from === round.from;
  const isFirst = round.from <= round.since;
  const changes: Change[] = [];
  const rows: ToldRow[] = [...before];
  let n = nextN;
  const opened = (one: FoundRow): void => {
    changes.push({ event: "open", n, row: numbered(asOpen(one.row), n) });
    if (one.to !== null) changes.push({ event: "close", n, row: numbered(one.row, n) });
    rows.push({ n, ...one, row: numbered(one.row, n) });
    n += 1;
  };
  for (const one of found) {
    const known = isOver(one) ? over.get(one.service) : after.get(keyOf(one));
    if (isOver(one)) {
      over.delete(one.service);
      if (known === undefined && !isFirst) return { lookFrom: round.since };
    } else if (one.from <= round.from) continue;
    else after.delete(keyOf(one));
    if (known === undefined) {
      opened(one);
      continue;
    }
    const now = isOver(one)
      ? lengthened(known, one)
      : { ...one, n: known.n, row: numbered(one.row, known.n) };
    rows.push(now);
    if (known.to === null && now.to !== null)
      changes.push({ event: "close", n: now.n, row: now.row });
    else if (contentOf(known) !== contentOf(now)) {
      changes.push({ event: "amend", n: now.n, row: now.row });
    }
  }
  for (const one of over.values()) {
    if (!isFirst) return { lookFrom: Math.max(round.since, one.from - 1) as Hlc };
    changes.push({ event: "amend", n: one.n, row: null });
  }
  for (const one of after.values()) {
    if (one.from <= round.to) changes.push({ event: "amend", n: one.n, row: null });
    else rows.push(one);
  }
  rows.sort((a, b) => a.from - b.from || a.n - b.n);
  return { changes, rows, nextN: n };
}

interface FoundRow {
  readonly service: string;
  readonly from: Hlc;
  readonly to: Hlc | null;
  readonly row: AlertRow;
}

function foundRow(row: RowLine): FoundRow {
  const service = row.service ?? "";
  if ("at" in row) {
    const at = ticksOf(row.at.hlc);
    return { service, from: at, to: at, row };
  }
  const to = row.open ? null : ticksOf(row.to.hlc);
  return { service, from: ticksOf(row.from.hlc), to, row: row.open ? asOpen(row) : row };
}

function ticksOf(hlc: string): Hlc {
  return parseHlc(hlc) ?? (Number.NaN as Hlc);
}

function keyOf({ service, from }: { readonly service: string; readonly from: Hlc }): string {
  return `${from} ${service}`;
}

/** An interval as it was when it began. A single cut is what it is. */
function asOpen(row: AlertRow): AlertRow {
  if ("at" in row) return row;
  return { ...row, to: null, durationMs: null, open: true };
}

function numbered(row: AlertRow, n: number): AlertRow {
  return { ...row, n };
}

/** The row that was told, as far as the round has seen it now. */
function lengthened(known: ToldRow, { to, row }: FoundRow): ToldRow {
  if ("at" in known.row || "at" in row) return known;
  const incomplete = [
    ...new Map(
      [...known.row.incomplete, ...row.incomplete].map(
        (one) => [JSON.stringify(one), one] as const,
      ),
    ).values(),
  ];
  const told = { ...known.row, incomplete, complete: incomplete.length === 0 };
  if (to === null || row.to === null) {
    return { ...known, to: null, row: asOpen(told as IntervalLine) };
  }
  const durationMs = Math.round(((to - known.from) / TICKS_PER_MS) * 1_000) / 1_000;
  return { ...known, to, row: { ...told, to: row.to, durationMs, open: false } };
}

/** What an amendment is about. Of an open row what is missing may still come. */
function contentOf({ to, row }: ToldRow): string {
  const { values, by, complete } = row;
  return JSON.stringify([to, values, by, to === null ? null : complete]);
}
