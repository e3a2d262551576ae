/**
 * Values of variables: JSON, or a set of JSON values.
 *
 * In text a set is `{"$set": [...]}`, its members sorted by `canonicalText`, and a plain object with
 * a key that begins with `$` is written `{"$literal": {...}}`, so that nothing else can look like a
 * set. `toJsonForm` and `fromJsonForm` go between the two.
 */

export type JsonScalar = string | number | boolean | null;
export type Json = JsonScalar | readonly Json[] | { readonly [key: string]: Json };

/** A set of JSON values, in the order of `canonicalText`, without doubles. */
export class ValueSet {
  /** Sorted by canonical text; equal values once. */
  readonly members: readonly Json[];

  private constructor(members: readonly Json[]) {
    this.members = members;
  }

  static of(values: Iterable<Json>): ValueSet {
    const byText = new Map<string, Json>();
    for (const value of values) byText.set(canonicalText(value), value);
    return new ValueSet([...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value));
  }

  /** The set of `members` if they are in order and each is there once; else undefined. */
  static ofAscending(members: readonly Json[]): ValueSet | undefined {
    let before: string | undefined;
    for (const member of members) {
      const text = canonicalText(member);
      if (before !== undefined && text <= before) return undefined;
      before = text;
    }
    return new ValueSet(members);
  }

  static readonly empty: ValueSet = new ValueSet([]);
}

/** What a variable holds. */
export type Value = Json | ValueSet;

/** JSON with the keys of objects sorted: equal values have equal text. */
export function canonicalText(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  const object = value as { readonly [key: string]: Json };
  const parts = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalText(object[key] as Json)}`);
  return `{${parts.join(",")}}`;
}

/** Whether two values are the same, whatever the order of object keys. */
export function valuesEqual(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (a instanceof ValueSet || b instanceof ValueSet) {
    return a instanceof ValueSet && b instanceof ValueSet
      ? canonicalText(a.members) === canonicalText(b.members)
      : false;
  }
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  return canonicalText(a) === canonicalText(b);
}

/** The JSON form of a value: sets as `{"$set": [...]}`, objects with `$` keys wrapped. */
export function toJsonForm(value: Value): Json {
  if (value instanceof ValueSet) return { $set: value.members.map(escapeDollar) };
  return escapeDollar(value);
}

function escapeDollar(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(escapeDollar);
  const entries = Object.entries(value).map(([key, inner]) => [key, escapeDollar(inner)] as const);
  const copy = nullPrototypeObject(entries);
  return entries.some(([key]) => key.startsWith("$")) ? { $literal: copy } : copy;
}

/** The value of a JSON form. A malformed `$` object is taken as it stands. */
export function fromJsonForm(form: Json): Value {
  if (isDollar(form, "$set")) {
    const members = (form as { $set: Json }).$set;
    if (Array.isArray(members)) return ValueSet.of(members.map(unescapeDollar));
  }
  return unescapeDollar(form);
}

function unescapeDollar(form: Json): Json {
  if (form === null || typeof form !== "object") return form;
  if (Array.isArray(form)) return form.map(unescapeDollar);
  const literal = isDollar(form, "$literal") ? (form as { $literal: Json }).$literal : null;
  const isPlain = literal !== null && typeof literal === "object" && !Array.isArray(literal);
  return nullPrototypeObject(
    Object.entries(isPlain ? literal : form).map(([key, value]) => [key, unescapeDollar(value)]),
  );
}

function isDollar(form: Json, name: string): boolean {
  if (form === null || typeof form !== "object" || Array.isArray(form)) return false;
  const keys = Object.keys(form);
  return keys.length === 1 && keys[0] === name;
}

/** An object without a prototype, so that `__proto__` and `constructor` are plain keys. */
function nullPrototypeObject(entries: Iterable<readonly [string, Json]>): { [key: string]: Json } {
  const object = Object.create(null) as { [key: string]: Json };
  for (const [key, value] of entries) object[key] = value;
  return object;
}
