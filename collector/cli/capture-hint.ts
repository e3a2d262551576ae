/**
 * What was not captured may still lie in the windows of its nodes: the command that asks for it. Times are
 * in the exact display form: what is asked for ends at the very stamp that was looked at.
 */
import { addMs, formatHlcDisplay, type Hlc } from "../../agent/kernel/index.ts";
import type { H, IncompleteJson } from "../api/shapes.ts";
import { plain } from "./text.ts";
import { ticksOf } from "./times.ts";

/** A capture may be so long; the later part is the one that may still be held. */
const MAX_CAPTURE_MS = 3_600_000;
/** For one moment this much before it is asked for. */
const MOMENT_MS = 1_000;
const NODES_NAMED = 10;

/** Empty unless something was not captured. Without `from`, `range` is the one moment `to`. */
export function captureHint(
  incomplete: readonly IncompleteJson[],
  range: { readonly from?: H; readonly to: H },
): string {
  const missing = incomplete.filter(({ reason }) => reason === "not-captured");
  const nodes = [...new Set(missing.map(({ node }) => node))];
  if (nodes.length === 0) return "";
  const to = ticksOf(range.to);
  const known = missing.flatMap(({ from }) => (from === undefined ? [] : [ticksOf(from)]));
  // What a value depends on may lie before the range, but a capture begins with the whole state.
  const from = range.from === undefined ? addMs(to, -MOMENT_MS) : ticksOf(range.from);
  const first = range.from === undefined ? from : Math.max(from, Math.min(to, ...known) - 1);
  return captureCommandText(first as Hlc, to, nodes);
}

export function captureCommandText(from: Hlc, to: Hlc, nodes: readonly string[]): string {
  const start = Math.max(from, addMs(to, -MAX_CAPTURE_MS), 0) as Hlc;
  const named = nodes.length > NODES_NAMED ? [] : nodes;
  const words = named.map((node) => ` --node ${shellWord(node)}`).join("");
  return `Not captured, and maybe still held: retroscope capture --from ${formatHlcDisplay(start)} --to ${formatHlcDisplay(to)}${words}\n`;
}

/** A name as one word of a shell. */
function shellWord(name: string): string {
  const text = plain(name);
  return /^[\w.:@/-]+$/.test(text) && !text.startsWith("-")
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
