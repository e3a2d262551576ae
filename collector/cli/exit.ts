/**
 * Exit codes and error lines.
 *
 *     0  done
 *     1  the answer is no: --strict and incomplete, --fail-on-match and something found, verify found
 *        damage, a check failed
 *     2  usage: what was typed is not understood, or names what is not there
 *     3  could not reach, read or finish (a query that was truncated, over budget or failed, too)
 */
import { RetroError } from "../../agent/kernel/index.ts";
import { plain } from "./text.ts";

export const EXIT: { readonly done: 0; readonly no: 1; readonly usage: 2; readonly failed: 3 } = {
  done: 0,
  no: 1,
  usage: 2,
  failed: 3,
};

const CODES_OF_NO: ReadonlySet<string> = new Set(["incomplete", "inconsistent"]);
const CODES_OF_USAGE: ReadonlySet<string> = new Set([
  "bad-time",
  "bad-parameter",
  "bad-config",
  "bad-usage",
  "unknown-node",
  "unknown-log",
  "unknown-variable",
]);

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof RetroError)) return EXIT.failed;
  if (CODES_OF_NO.has(error.code)) return EXIT.no;
  return CODES_OF_USAGE.has(error.code) ? EXIT.usage : EXIT.failed;
}

/** What went wrong and what to do, two lines at most. A bug of ours keeps its stack. */
export function errorLines(error: unknown): string {
  if (!(error instanceof RetroError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `retroscope: ${text}\n  This is a bug: please report it with the lines above.\n`;
  }
  const hint = error.hint === undefined ? "" : `  ${plain(error.hint)}\n`;
  return `retroscope: ${plain(error.message)}\n${hint}`;
}
