/** Bounds on what a text may ask for, and on what a run may cost. Each is told when it is met. */

/** On a text: beyond them it is refused before anything runs. */
export interface TextLimits {
  /** UTF-8 bytes of one text. */
  readonly textBytes: number;
  readonly queries: number;
  /** FROM logs of one query. */
  readonly logs: number;
  readonly columns: number;
  /** Parentheses, calls, sets, NOTs and minus signs inside each other. */
  readonly nesting: number;
  /** Levels of the tree: a chain such as a + b + c + .. is as high as it is long. AND and OR chains are flat. */
  readonly treeHeight: number;
  /** Loop variables that are bound at one place. */
  readonly loopVariables: number;
  readonly setLiteral: number;
  /** Nodes listed by AT NODES. */
  readonly nodesListed: number;
}

export const TEXT_LIMITS: TextLimits = {
  textBytes: 16 * 1024,
  queries: 16,
  logs: 16,
  columns: 256,
  nesting: 64,
  treeHeight: 256,
  loopVariables: 4,
  setLiteral: 1_000,
  nodesListed: 1_000,
};

/** On a run: beyond them it ends with a status that says so, and the rows so far stand. */
export interface RunLimits {
  /** One per cut, plus one per quantifier body or member visited. Beyond: status `budget`. */
  readonly steps: number;
  /** Beyond: status `truncated`. */
  readonly rows: number;
  /** Bytes of the values of one row; a value beyond is replaced by `{"$truncated": its bytes}`. */
  readonly rowBytes: number;
  /** Bytes of one GLOBAL. Beyond: error `global-too-large`. */
  readonly globalBytes: number;
  /** Distinct values that Subset makes a power set of. Beyond: unknown, and a warning. */
  readonly subsetMembers: number;
  /** Starts that wait for a THEN or NOT FOLLOWED BY to be decided. Beyond: status `truncated`. */
  readonly waiting: number;
}

export const RUN_LIMITS: RunLimits = {
  steps: 5e9,
  rows: 100_000,
  rowBytes: 64 * 1024,
  globalBytes: 1024 * 1024,
  subsetMembers: 12,
  waiting: 100_000,
};
