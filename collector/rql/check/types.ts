/**
 * What is known of an expression before it runs: its shape, and the kind of its values.
 *
 * A variable's values may be anything, so much stays open (`any`), and what turns out wrong at run
 * time is unknown with a warning. Refused beforehand is only what can never be right: one value per
 * node where one value must stand, and a truth that is none.
 */
import type { Kind } from "../values/datum.ts";

/** `any`: a scalar or a set, told at run time. Only a variable gives multisets. */
export type Shape = "scalar" | "set" | "multiset" | "any";

export interface Type {
  readonly shape: Shape;
  /** Of the scalar, or of the members; `json`: told at run time. */
  readonly of: Kind | "json";
  /** Columns whose Age this is. */
  readonly ages?: readonly { readonly column: number; readonly node: string | undefined }[];
  /** A declared name whose kind is still being worked out. */
  readonly isOpen?: true;
}

export const ANY: Type = { shape: "any", of: "json" };
export const OPEN: Type = { shape: "any", of: "json", isOpen: true };
export const NUMBER: Type = scalar("number");
export const STRING: Type = scalar("string");
export const TRUTH: Type = scalar("boolean");
export const TIME: Type = scalar("time");
export const JSON_SCALAR: Type = scalar("json");

export function scalar(of: Type["of"]): Type {
  return { shape: "scalar", of };
}

export function setOf(of: Type["of"]): Type {
  return { shape: "set", of };
}

export function isCollectionType({ shape }: Type): boolean {
  return shape === "set" || shape === "multiset";
}

/** The type of one member. */
export function memberOf(type: Type): Type {
  const shape = type.of === "set" ? "set" : type.of === "json" ? "any" : "scalar";
  const of = type.of === "set" ? "json" : type.of;
  return type.ages === undefined ? { shape, of } : { shape, of, ages: type.ages };
}

/** What something is that may be either. */
export function join(a: Type | undefined, b: Type): Type {
  if (a === undefined || a.isOpen) return b;
  if (b.isOpen) return a;
  const of = a.of === b.of ? a.of : "json";
  if (a.shape === b.shape) return { shape: a.shape, of };
  const areCollections = isCollectionType(a) && isCollectionType(b);
  return { shape: areCollections ? "set" : "any", of };
}

/** Whether it can stand where a truth is asked for: a truth, a number, null, or told at run time. */
export function mayBeTruth({ shape, of }: Type): boolean {
  if (shape === "any") return true;
  return shape === "scalar" && ["boolean", "number", "null", "json"].includes(of);
}

/** For people: "a number", "one value per node". */
export function describeType({ shape, of }: Type): string {
  if (shape === "multiset") return "one value per node";
  if (shape === "set") return "a set";
  if (of === "json") return "a value";
  if (of === "null") return "null";
  return of === "array" || of === "object" ? `an ${of}` : `a ${of}`;
}
