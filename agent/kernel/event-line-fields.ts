/** Reads single fields of an event line; what is not as it should be is said in words that name the field. */
import type { Json } from "./value.ts";
import { WIRE_LIMITS } from "./wire-limits.ts";
import { utf8Length } from "./wire-strings.ts";

export type Fields = { readonly [field: string]: Json };

/** Why a line is refused; caught by `parseEventLine`. */
class LineFault extends Error {}

export function refuse(reason: string): never {
  throw new LineFault(reason);
}

export function readName(
  fields: Fields,
  field: string,
  limit: number = WIRE_LIMITS.nameBytes,
): string {
  const text = fields[field];
  if (text === undefined) return refuse(`${field} is missing`);
  if (typeof text !== "string") return refuse(`${field} is not a text`);
  if (!isName(text, limit)) refuse(`${field} is longer than ${limit} bytes`);
  return text;
}

export function isName(text: string, limit: number = WIRE_LIMITS.nameBytes): boolean {
  return text.length * 3 <= limit || utf8Length(text) <= limit;
}

export function readNullable(fields: Fields, field: string): string | null {
  return (fields[field] ?? null) === null ? null : readName(fields, field);
}

export function readFlag(fields: Fields, field: string): boolean {
  const flag = fields[field] ?? false;
  return typeof flag === "boolean" ? flag : refuse(`${field} is neither true nor false`);
}

export function readWhole(fields: Fields, field: string, least: number): number | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
  return refuse(`${field} is not a whole number from ${least} on`);
}
