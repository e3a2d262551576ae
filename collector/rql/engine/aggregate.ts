/**
 * Aggregates that follow a variable change by change: the port between the cells and those that count,
 * add and compare. `node` is the index of the node in the cells.
 *
 * Numbers and everything else come apart, since nearly all variables that are aggregated hold numbers:
 * a text stands for any other value, canonical, so that equal values have equal texts.
 */

/** What is held instead of a number: the canonical text of a value. */
export type HeldText = string;

export interface Aggregate {
  /** A number takes the place of a number. Hot. */
  update(node: number, before: number, after: number): void;
  /** A node that held nothing holds this. */
  enter(node: number, value: number | HeldText): void;
  /** A node holds this no more. */
  leave(node: number, value: number | HeldText): void;
}
