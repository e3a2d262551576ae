/** Which objects a tracked object follows, and whether one of them is reached from a value. */

/** Properties looked at by one walk; beyond, a value is taken to reach what is looked for. */
const MAX_WALKED = 10_000;

/** Whether changes inside are followed: plain objects and arrays. Never throws. */
export function isFollowed(value: object): boolean {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) return prototype === Array.prototype;
    return prototype === Object.prototype || prototype === null;
  } catch {
    return false; // a revoked proxy
  }
}

/** Whether one of `targets` is reached from a value, itself included. Calls no getter; never throws. */
export function reaches(value: unknown, targets: ReadonlySet<object>): boolean {
  const seen = new Set<object>();
  const open: unknown[] = [value];
  let walked = 0;
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    if (targets.has(next)) return true;
    seen.add(next);
    if (!isFollowed(next)) continue;
    for (const inner of valuesOf(next)) {
      walked += 1;
      if (walked > MAX_WALKED) return true;
      if (typeof inner === "object" && inner !== null) open.push(inner);
    }
  }
  return false;
}

function* valuesOf(object: object): Generator<unknown> {
  try {
    for (const key of Object.keys(object)) {
      yield Reflect.getOwnPropertyDescriptor(object, key)?.value;
    }
  } catch {
    // A foreign proxy that throws: nothing is known of what is inside.
  }
}
