/** What a link says of a query: the question, and the row that was gone to. */
import type { Viewport } from "../scale/time-scale.ts";

/** A text, and where queries without ON TIME begin and end to search; null: everything known. */
export interface AskedQuery {
  readonly text: string;
  readonly range: Viewport | null;
}

/** Names a row across runs of the same text. */
export interface RowName {
  readonly query: number;
  /** "" unless grouped by service. */
  readonly service: string;
  /** From 1. */
  readonly n: number;
}

export function sameRow(a: RowName | null, b: RowName | null): boolean {
  if (a === null || b === null) return a === b;
  return a.query === b.query && a.service === b.service && a.n === b.n;
}

export function sameQuestion(a: AskedQuery | null, b: AskedQuery | null): boolean {
  if (a === null || b === null) return a === b;
  return a.text === b.text && a.range?.from === b.range?.from && a.range?.to === b.range?.to;
}
