/** How values are told in rows: JSON, with `$` forms for what JSON has not. */
import {
  formatHlc,
  formatIsoMicros,
  type Hlc,
  type Json,
  TICKS_PER_MS,
  toJsonForm,
} from "../../../agent/kernel/index.ts";
import {
  type Datum,
  DurationValue,
  type Known,
  Multiset,
  SetDatum,
  TimeValue,
  Unknown,
} from "../values/datum.ts";

/** A time in answers. */
export interface TimeJson {
  readonly hlc: string;
  readonly time: string;
}

export function timeJson(t: Hlc): TimeJson {
  return { hlc: formatHlc(t), time: formatIsoMicros(t) };
}

/** Ticks as milliseconds with three decimals. */
export function msOf(ticks: number): number {
  return Math.round((ticks / TICKS_PER_MS) * 1_000) / 1_000;
}

/**
 * A datum as JSON: a multiset is `{node: value}` with absent nodes left out, a set `{"$set": [..]}`, an
 * unknown `{"$unknown": reason}`, a time `{"$time": {hlc, time}}`, a duration `{"$durationMs": n}`.
 */
export function datumJson(datum: Datum): Json {
  if (datum instanceof Unknown) return { $unknown: datum.reason };
  return datum instanceof Multiset ? multisetJson(datum) : knownJson(datum);
}

function knownJson(value: Known): Json {
  if (value instanceof TimeValue) return { $time: { ...timeJson(value.t) } };
  if (value instanceof DurationValue) return { $durationMs: msOf(value.ticks) };
  if (value instanceof SetDatum) return { $set: value.members.map(knownJson) };
  return toJsonForm(value);
}

/** Of Flatten a node may have several values: then each node has a set. */
function multisetJson({ pairs, lost, isFlat }: Multiset): Json {
  const byNode = new Map<string, Json[]>();
  for (const { node, value } of pairs) {
    const values = byNode.get(node) ?? [];
    values.push(knownJson(value));
    byNode.set(node, values);
  }
  const entries = [...byNode].map(([node, values]): [string, Json] => {
    return [node, isFlat ? { $set: values } : (values[0] as Json)];
  });
  const holes = lost.map((node): [string, Json] => [node, { $unknown: "lost" }]);
  return plainObject([...entries, ...holes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An object without inherited keys, so that a node may be called `__proto__`. */
export function plainObject<T>(entries: Iterable<readonly [string, T]>): {
  readonly [key: string]: T;
} {
  const object = Object.create(null) as { [key: string]: T };
  for (const [key, value] of entries) object[key] = value;
  return object;
}

const utf8 = new TextEncoder();

/** Bytes of a datum as it is told. */
export function jsonBytes(datum: Datum): number {
  return utf8.encode(JSON.stringify(datumJson(datum))).length;
}

/** The values of a row: what would make it longer than `mostBytes` is replaced by its size. */
export function valuesJson(
  headings: readonly string[],
  values: readonly Json[],
  mostBytes: number,
): { readonly [heading: string]: Json } {
  let left = mostBytes;
  const told = values.map((value): Json => {
    const bytes = utf8.encode(JSON.stringify(value)).length;
    if (bytes > left) return { $truncated: bytes };
    left -= bytes;
    return value;
  });
  return plainObject(headings.map((heading, index) => [heading, told[index] as Json] as const));
}
