/**
 * A text as the engine reads it: the editor uses the engine's own lexer and parser, so that what is
 * underlined here is what the collector would refuse, at the same place and in the same words. It
 * loads with the editor, not with the page. Names and kinds are the collector's to check: only it
 * knows the history.
 */
import { RqlError } from "../../../collector/rql/errors.ts";
import type { Program } from "../../../collector/rql/text/ast.ts";
import { parseProgram } from "../../../collector/rql/text/parse.ts";

export type Reading =
  | { readonly program: Program; readonly error: null }
  | { readonly program: null; readonly error: RqlError };

/** Never throws for any text. Cost: linear in the text, at most 16 KiB of which are read. */
export function readText(text: string): Reading {
  try {
    return { program: parseProgram(text), error: null };
  } catch (error) {
    if (error instanceof RqlError) return { program: null, error };
    throw error;
  }
}
