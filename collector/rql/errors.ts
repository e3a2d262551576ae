/**
 * What is wrong with a text, and where. One class for what the lexer, the parser and the checker
 * refuse; warnings have the same form and stop nothing.
 *
 *     unknown-function at 1:30: there is no function "Cardnality"
 *       SELECT leader FROM raft WHEN Cardnality(leader) > 1
 *                                    ^^^^^^^^^^
 *       did you mean Cardinality?
 *
 * Apart from `RetroError`: its codes belong to the whole house, these to the language, and every one
 * has a place in a text. The API answers them with 400.
 */
import type { Span } from "./text/span.ts";

/** Stable, kebab-case, in the order of the phases. */
export type RqlErrorCode =
  // the size of the text
  | "text-too-long"
  // reading characters
  | "unexpected-character"
  | "unterminated-string"
  | "unterminated-name"
  | "unterminated-comment"
  | "empty-name"
  | "bad-escape"
  | "bad-number"
  | "number-too-large"
  | "unknown-unit"
  // reading words
  | "syntax"
  | "chained-comparison"
  | "nesting-too-deep"
  | "too-many-queries"
  | "too-many-logs"
  | "too-many-nodes"
  | "set-too-large"
  | "bad-count"
  // checking
  | "unknown-function"
  | "unknown-log"
  | "ambiguous-name"
  | "wrong-arguments"
  | "wrong-kind"
  | "one-value-per-node"
  | "not-a-truth"
  | "not-a-loop-variable"
  | "too-many-columns"
  | "too-many-loop-variables"
  | "duplicate-column"
  | "undeclared"
  | "declared-twice"
  | "no-kind"
  | "misplaced-assignment"
  | "misplaced-age"
  | "misplaced-became"
  | "only-in-on-time"
  | "bad-time"
  | "empty-range"
  | "conflicting-clauses"
  | "not-for-monitors";

/** Said, and nothing stops. Those of the second half come while a query runs, once per place. */
export type RqlWarningCode =
  | "unknown-variable"
  | "unknown-node"
  | "log-before-field"
  | "shadowed-name"
  | "sequential"
  // running
  | "kinds-differ"
  | "not-a-number"
  | "not-a-set"
  | "not-a-truth-value"
  | "division-by-zero"
  | "overflow"
  | "out-of-range"
  | "subset-too-large";

/** A place in a text, for programs and for people. */
export interface RqlPlace {
  /** Which query of the text, from 0. */
  readonly query: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** From 0, in UTF-16 units. */
  readonly offset: number;
  /** In UTF-16 units. */
  readonly length: number;
  /** The line of the text (its part around the place, if it is long), and a line of carets below. */
  readonly excerpt: string;
}

/** A message about a place. */
export interface RqlWarning extends RqlPlace {
  readonly code: RqlWarningCode;
  readonly message: string;
  readonly hint?: string;
  /** The names there are, nearest first, where a name was not found. */
  readonly names?: readonly string[];
}

/** A text that is refused. Nothing of it runs. */
export class RqlError extends Error implements RqlPlace {
  override readonly name = "RqlError";
  /** Stable, for programs. */
  readonly code: RqlErrorCode;
  /** What to do next, in a sentence. */
  readonly hint: string | undefined;
  /** Which query of the text, from 0. */
  readonly query: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** From 0, in UTF-16 units. */
  readonly offset: number;
  /** In UTF-16 units. */
  readonly length: number;
  /** The line and its carets. */
  readonly excerpt: string;

  constructor(code: RqlErrorCode, message: string, place: RqlPlace, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.query = place.query;
    this.line = place.line;
    this.column = place.column;
    this.offset = place.offset;
    this.length = place.length;
    this.excerpt = place.excerpt;
  }

  /** For people: the code and place, the excerpt with carets, the hint. */
  override toString(): string {
    return describePlaced(this);
  }
}

/** An error or a warning as the four lines that people read. */
export function describePlaced(
  said: Pick<RqlError, "code" | "message" | "hint" | "line" | "column" | "excerpt"> | RqlWarning,
): string {
  const excerpt = said.excerpt.replaceAll(/^/gm, "  ");
  const hint = said.hint === undefined ? "" : `\n  ${said.hint}`;
  return `${said.code} at ${said.line}:${said.column}: ${said.message}\n${excerpt}${hint}`;
}

/** Refuses at a stretch of the text. Each phase is given one. */
export type Refuse = (code: RqlErrorCode, message: string, at: Span, hint?: string) => never;
