/**
 * What goes wrong outside of us: bad input, a full disk, a silent peer. One class for all, with a
 * stable code and a `retriable` flag for programs, a message and a hint for people.
 *
 * The API turns it into `{"error": {...}}` and a status (collector/api), the command line into two
 * lines and an exit code (collector/cli). Inside the host the agent's edge catches and counts it.
 */

/** Stable, kebab-case, grouped by when it occurs. */
export type RetroCode =
  // reading what somebody typed
  | "bad-time"
  | "bad-parameter"
  | "bad-config"
  | "bad-usage"
  // reading bytes
  | "bad-batch"
  | "bad-line"
  | "too-large"
  | "unsupported-version"
  | "unsupported-encoding"
  | "unsupported-media-type"
  // admission
  | "forbidden"
  | "too-old"
  | "too-far-ahead"
  | "overloaded"
  | "too-many"
  | "disk-full"
  // asking
  | "unknown-node"
  | "unknown-log"
  | "unknown-variable"
  | "not-found"
  | "name-taken"
  | "outside-retention"
  | "outside-window"
  | "incomplete"
  | "inconsistent"
  | "cancelled"
  | "predicate-failed"
  | "not-monotone"
  // running
  | "port-in-use"
  | "data-in-use"
  | "data-unusable"
  | "data-damaged"
  | "unreachable"
  | "timed-out"
  | "closed"
  | "internal";

export interface RetroErrorOptions {
  /** Whether the same call may succeed later, unchanged. Default: no. */
  readonly retriable?: boolean;
  /** What to do next, in a sentence. */
  readonly hint?: string;
  /** Facts for programs: shown beside `code` in the API's error body. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * What went wrong outside: `code`, `retriable` for programs; `message`, `hint` for people.
 *
 * @example
 * try {
 *   agent.snapshot({ at: "-10m" });
 * } catch (error) {
 *   if (error instanceof RetroError && error.code === "outside-window") console.error(error.hint);
 * }
 */
export class RetroError extends Error {
  override readonly name = "RetroError";
  /** Stable, for programs. */
  readonly code: RetroCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retriable: boolean;
  /** What to do next, in a sentence. */
  readonly hint: string | undefined;
  /** Facts for programs: the field, the earliest time, ... */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: RetroCode, message: string, options: RetroErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retriable = options.retriable ?? false;
    this.hint = options.hint;
    this.details = options.details;
  }

  /** With the hint, unless the message ends with it. */
  override toString(): string {
    const { hint, message } = this;
    const told = `${this.name}: ${message}`;
    return hint === undefined || message.endsWith(hint) ? told : `${told}. ${hint}`;
  }
}
