/** Stretches of a text: where a word or a tree stands. How that is shown is in place.ts. */

/** From `start` up to, not including, `end`; UTF-16 units from 0. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The stretch from the beginning of one to the end of the other. */
export function spanOver(first: Span, last: Span): Span {
  return { start: first.start, end: last.end };
}
