/** Values in one line: JSON as it is, sets in braces. Hostile or huge values are cut, and say so. */
import type { Json } from "../../../agent/kernel/index.ts";

/** Characters of a value shown in a row. */
export const MAX_VALUE_CHARS = 400;

export function valueText(value: Json | undefined): string {
  if (value === undefined) return "absent";
  const text = isSet(value) ? setText(value.$set) : spaced(value);
  return text.length <= MAX_VALUE_CHARS
    ? text
    : `${text.slice(0, MAX_VALUE_CHARS)}… (${text.length} characters)`;
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
