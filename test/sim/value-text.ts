/**
 * Values as text, so that equal ones are equal: the checker's own, which shares no code with the product.
 * The product's sets are told from objects by their class: plain objects have no other prototype.
 */
import { ANY_VALUE, type ValueText } from "./ledger.ts";

export function textOf(value: unknown): ValueText {
  if (value === undefined) return undefined;
  if (value instanceof Set) return setText([...value].map(jsonText));
  if (isProductSet(value)) return setText(value.members.map(jsonText));
  return jsonText(value);
}

/** A set of member texts, as text. */
export function setText(members: readonly string[]): string {
  return `S[${[...new Set(members)].sort().join(",")}]`;
}

export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const object = value as { readonly [key: string]: unknown };
  const parts = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${jsonText(object[key])}`);
  return `{${parts.join(",")}}`;
}

export function areAlike(expected: ValueText, found: ValueText): boolean {
  return expected === found || (expected === ANY_VALUE && found !== undefined);
}

function isProductSet(value: unknown): value is { readonly members: readonly unknown[] } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype;
}
