/**
 * What a running query has answered so far: its lines, folded into rows that can be drawn and walked.
 *
 *     start     a part per query of the text: columns, range, nodes
 *     hit       a row whose end is not known yet: it grows with `progress` until its `row` comes
 *     row       takes the place of its hit, under the same query, service and number
 *     end       totals, and what is missing
 *
 * Rows stand in the order of time whatever the order they came in (LAST goes backwards; several queries
 * and services answer in turn), so that N and P walk through all of them. The values of rows are the
 * only thing that may be large: beyond `MAX_KEPT_CHARS` they are left out, and that is counted; the
 * row itself, with its time, is always kept.
 */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type {
  EndLine,
  ErrorLine,
  HitLine,
  PlanLine,
  ResultLine,
  RowLine,
  ShortfallJson,
  WarningLine,
} from "../../../collector/api/query-shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { RowName } from "./names.ts";

/** Characters of row lines whose values are kept. */
export const MAX_KEPT_CHARS: number = 16 * 1024 * 1024;
/** Warnings that are listed; a query has one per place at most. */
export const MAX_WARNINGS = 50;

/** A row of a result, or a hit that will become one. */
export interface ResultRow {
  readonly query: number;
  /** "" unless grouped by service. */
  readonly service: string;
  /** From 1, in the order of time, per query and service. */
  readonly n: number;
  readonly from: Hlc;
  /** Exclusive. Of a single cut `from`; of a hit how far the search has come, at least. */
  readonly to: Hlc;
  /** `hit`: the end is still searched for; `cut`: EACH CHANGE, a moment without length. */
  readonly kind: "interval" | "cut" | "hit";
  /** It was true already where the range begins; it was true still where the range ends. */
  readonly sinceStart: boolean;
  readonly open: boolean;
  readonly complete: boolean;
  readonly incomplete: readonly ShortfallJson[];
  /** Nodes whose change at `from` touched the condition. */
  readonly by: readonly string[];
  /** Null where they were too many to keep. */
  readonly values: { readonly [column: string]: Json } | null;
}

/** What is known of one query of the text. */
export interface ResultPart {
  readonly query: number;
  readonly columns: readonly string[];
  readonly from: Hlc;
  readonly to: Hlc;
  readonly nodes: readonly string[];
  readonly searchedTo: Hlc | null;
  /** Of the range's time, from 0 to 1. */
  readonly fraction: number;
  readonly cuts: number;
  readonly rowCount: number;
  readonly plan: PlanLine | null;
  readonly error: ErrorLine | null;
  readonly end: EndLine | null;
}

export class RowBook {
  readonly #parts: ResultPart[] = [];
  readonly #warnings: WarningLine[] = [];
  readonly #places = new Map<string, number>();
  #rows: ResultRow[] = [];
  #isSorted = true;
  #keptChars = 0;
  #valuesLeftOut = 0;
  #warningCount = 0;
  #revision = 0;

  /** Counts what was taken: whoever derives something from the book keeps it per revision. */
  get revision(): number {
    return this.#revision;
  }
  get parts(): readonly ResultPart[] {
    return this.#parts;
  }
  get warnings(): readonly WarningLine[] {
    return this.#warnings;
  }
  get warningCount(): number {
    return this.#warningCount;
  }
  /** Rows of which only the time is kept. */
  get valuesLeftOut(): number {
    return this.#valuesLeftOut;
  }
  /** Whether every query has come to its end. */
  get isEnded(): boolean {
    return this.#parts.length > 0 && this.#parts.every(({ end }) => end !== null);
  }
  get rowCount(): number {
    return this.#rows.length;
  }

  /** In the order of time; of one time in the order of query, service and number. */
  get rows(): readonly ResultRow[] {
    if (!this.#isSorted) {
      this.#rows.sort(inTime);
      this.#isSorted = true;
      for (const [place, row] of this.#rows.entries()) this.#places.set(keyOf(row), place);
    }
    return this.#rows;
  }

  /** The place of a row among `rows`; undefined where there is none of that name. */
  placeOf(name: RowName): number | undefined {
    void this.rows;
    return this.#places.get(keyOf(name));
  }

  /** @param chars the length of the line as it came: what it costs to keep */
  take(line: ResultLine, chars: number): void {
    this.#revision += 1;
    switch (line.type) {
      case "start":
        this.#parts[line.query] = {
          query: line.query,
          columns: line.columns,
          from: ticksOf(line.from),
          to: ticksOf(line.to),
          nodes: line.nodes,
          ...{ searchedTo: null, fraction: 0, cuts: 0, rowCount: 0 },
          ...{ plan: null, error: null, end: null },
        };
        return;
      case "plan":
        this.#amend(line.query, { plan: line });
        return;
      case "warning":
        this.#warningCount += 1;
        if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(line);
        return;
      case "hit":
        this.#put(hitRow(line, this.#parts[line.query]), chars);
        return;
      case "row":
        this.#put(rowOf(line), chars);
        return;
      case "progress":
        this.#progress(line.query, ticksOf(line.searchedTo), line.fraction, line.cuts);
        return;
      case "error":
        this.#amend(line.query, { error: line });
        return;
      case "end":
        this.#amend(line.query, {
          end: line,
          searchedTo: ticksOf(line.searchedTo),
          fraction: 1,
          cuts: line.cuts,
        });
        return;
      default:
        // A line of a later version: what is known of the rest stays true.
        return;
    }
  }

  #put(row: ResultRow, chars: number): void {
    this.#keptChars += chars;
    const isKept = this.#keptChars <= MAX_KEPT_CHARS;
    const kept = isKept ? row : { ...row, values: null, incomplete: row.incomplete.slice(0, 1) };
    if (!isKept) this.#valuesLeftOut += 1;
    const place = this.#places.get(keyOf(row));
    if (place !== undefined) {
      this.#rows[place] = kept;
      return;
    }
    const last = this.#rows.at(-1);
    if (last !== undefined && inTime(last, kept) > 0) this.#isSorted = false;
    this.#places.set(keyOf(row), this.#rows.length);
    this.#rows.push(kept);
    const part = this.#parts[row.query];
    if (part !== undefined) this.#amend(row.query, { rowCount: part.rowCount + 1 });
  }

  #progress(query: number, searchedTo: Hlc, fraction: number, cuts: number): void {
    this.#amend(query, { searchedTo, fraction, cuts });
    // Hits are few: each query, or each of its services, has one at most.
    this.#rows.forEach((row, place) => {
      if (row.kind !== "hit" || row.query !== query || row.to >= searchedTo) return;
      this.#rows[place] = { ...row, to: searchedTo };
    });
  }

  #amend(query: number, more: Partial<ResultPart>): void {
    const part = this.#parts[query];
    if (part !== undefined) this.#parts[query] = { ...part, ...more };
  }
}

function hitRow(line: HitLine, part: ResultPart | undefined): ResultRow {
  const from = ticksOf(line.from);
  const searchedTo = part?.searchedTo ?? from;
  return {
    query: line.query,
    service: line.service ?? "",
    n: line.n,
    from,
    to: Math.max(from, searchedTo) as Hlc,
    kind: "hit",
    ...{ sinceStart: part !== undefined && from === part.from, open: false },
    ...{ complete: true, incomplete: [], by: [] },
    values: line.values,
  };
}

function rowOf(line: RowLine): ResultRow {
  const { query, n, service = "", complete, incomplete, by, values } = line;
  const rest = { query, n, service, complete, incomplete, by, values };
  if ("at" in line) {
    const at = ticksOf(line.at);
    return { ...rest, from: at, to: at, kind: "cut", sinceStart: false, open: false };
  }
  const { sinceStart, open } = line;
  const from = ticksOf(line.from);
  return { ...rest, from, to: ticksOf(line.to), kind: "interval", sinceStart, open };
}

function inTime(a: ResultRow, b: ResultRow): number {
  return (
    a.from - b.from ||
    a.query - b.query ||
    (a.service < b.service ? -1 : a.service > b.service ? 1 : 0) ||
    a.n - b.n
  );
}

function keyOf({ query, service, n }: RowName): string {
  return `${query}/${n}/${service}`;
}
