/**
 * Values in one line, for people: a small object as `value 4844 · version 234`, a set in braces, all
 * else as JSON. Hostile or huge values are cut, and say so. `jsonText` is the value itself.
 */
import type { Json } from "../../../agent/kernel/index.ts";
import type { BeforeAfterJson, UnknownJson } from "../../../collector/api/shapes.ts";

/** Characters of a value shown in a row. */
export const MAX_VALUE_CHARS = 400;
/** Characters of a value shown alone. */
const MAX_JSON_CHARS = 20_000;
/** An object with more fields, or with a field that is no plain word, is shown as JSON. */
const MAX_PLAIN_FIELDS = 6;
const PLAIN_FIELD = /^[\p{L}_][\p{L}\p{N}_.-]{0,39}$/u;

export function valueText(value: Json | undefined): string {
  if (value === undefined) return "absent";
  const text = isSet(value) ? setText(value.$set) : (plainText(value) ?? spaced(value));
  return cutTo(text, MAX_VALUE_CHARS);
}

/** What stands where a value is not known. */
export function unknownWords(why: UnknownJson): string {
  return why === "lost" ? "not known: its events were lost" : "not known: not captured";
}

/** What a diff shows of one side. */
export function sideText(value: Json | undefined, unknown: UnknownJson | undefined): string {
  return unknown === undefined ? valueText(value) : unknownWords(unknown);
}

/** What became of a variable between two cuts; it did not vanish where nobody knows. */
export function changeSign(change: BeforeAfterJson): readonly [sign: string, name: string] {
  const { before, after, beforeUnknown, afterUnknown } = change;
  if (beforeUnknown !== undefined || afterUnknown !== undefined) return ["?", "unknown"];
  if (before === undefined) return ["+", "new"];
  return after === undefined ? ["−", "gone"] : ["~", "changed"];
}

/** The whole value as JSON, indented. */
export function jsonText(value: Json): string {
  return cutTo(JSON.stringify(value, null, 2), MAX_JSON_CHARS);
}

/** Whether `valueText` leaves out what `jsonText` shows: quotes and braces, or the rest of it. */
export function isShortened(value: Json): boolean {
  return value !== null && typeof value === "object"
    ? true
    : valueText(value).endsWith("characters)");
}

function cutTo(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text.slice(0, length)}… (${text.length.toLocaleString("en-US")} characters)`;
}

/** `field value · field value`; undefined where that could be misread. */
function plainText(value: Json): string | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const fields = Object.entries(value);
  if (fields.length === 0 || fields.length > MAX_PLAIN_FIELDS) return undefined;
  const isPlain = fields.every(
    ([name, one]) => PLAIN_FIELD.test(name) && (one === null || typeof one !== "object"),
  );
  return isPlain
    ? fields.map(([name, one]) => `${name} ${JSON.stringify(one)}`).join(" · ")
    : undefined;
}

/** With spaces between the parts, so that a long value can wrap; newlines inside texts are escaped. */
function spaced(value: Json): string {
  return JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
}

function setText(members: readonly Json[]): string {
  return `{${members.map((member) => JSON.stringify(member)).join(", ")}}`;
}

function isSet(value: Json): value is { readonly $set: readonly Json[] } {
  return (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.keys(value).length === 1 &&
    Array.isArray((value as { $set?: Json }).$set)
  );
}
