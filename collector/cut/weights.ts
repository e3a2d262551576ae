/**
 * About how many bytes something takes in an answer. A page is bounded by them as well as by its count: of
 * ten thousand events each may hold a keyframe of megabytes.
 */
import { type Value, ValueSet, ValueTag } from "../../agent/kernel/index.ts";
import type { EventRows } from "../store/segment-rows.ts";

/** What everything takes: a number, a time, the names around it. */
const LEAST_BYTES = 64;
const ITEM_BYTES = 8;

/** Of a value, or a body: whatever is in it, strings by their length. */
export function weightOf(value: unknown): number {
  if (typeof value === "string") return ITEM_BYTES + value.length;
  if (typeof value !== "object" || value === null) return ITEM_BYTES;
  let bytes = ITEM_BYTES;
  if (value instanceof ValueSet) return bytes + weightOf(value.members);
  if (Array.isArray(value)) {
    for (const item of value) bytes += weightOf(item);
  } else {
    const entries = value instanceof Map ? value : Object.entries(value);
    for (const [key, item] of entries) bytes += weightOf(key) + weightOf(item);
  }
  return bytes;
}

/** Of one version of a variable. */
export function weightOfVersion(value: Value | undefined): number {
  return LEAST_BYTES + (value === undefined ? 0 : weightOf(value));
}

/** Of the event of a row, with what it holds. */
export function weightOfRow({ events }: EventRows, row: number): number {
  const code = events.kind[row] as number;
  if (code > 3) return LEAST_BYTES + weightOf(events.bodies[events.ref[row] as number]);
  const isOther = (events.valueTag[row] as number) >= ValueTag.other;
  return isOther
    ? LEAST_BYTES + weightOf(events.values[events.valueNumber[row] as number])
    : LEAST_BYTES;
}
