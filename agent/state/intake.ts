/**
 * Takes a value of the host in. Never throws, and its work is bounded: how, and what is left out, stands in
 * value-copy.ts; what is replaced because it is secret in redaction.ts.
 */
import type { Json } from "../kernel/index.ts";
import { type LogRules, Treatment } from "./redaction.ts";
import { type Intake, UNREADABLE, ValueCopy } from "./value-copy.ts";

const UNREADABLE_INTAKE = Object.freeze({
  value: UNREADABLE,
  bytes: UNREADABLE.length + 2,
  cutShort: true,
});

/**
 * Takes in what may stand at the top of a variable: JSON, or a set of JSON. Never throws.
 * @param rules of its log; undefined: nothing is redacted
 * @param treatment of the variable: see redaction.ts
 */
export function takeIn(
  value: unknown,
  rules?: LogRules,
  treatment: number = Treatment.keep,
): Intake {
  const copy = new ValueCopy(treatment === Treatment.keep ? undefined : rules);
  try {
    if (value instanceof Set) return copy.intake(copy.set(value, treatment));
    if (treatment >= Treatment.mask) return copy.intake(copy.redacted(() => value));
    return copy.intake(copy.copy(value, 0));
  } catch {
    // Only a stack that was nearly full before us, or a proxy that lies about what it is.
    return UNREADABLE_INTAKE;
  }
}

/** Takes in a member of a set; a set inside a set is a list. Arguments as `takeIn`. Never throws. */
export function takeMember(
  value: unknown,
  rules?: LogRules,
  treatment: number = Treatment.keep,
): Intake & { readonly value: Json } {
  const copy = new ValueCopy(treatment === Treatment.keep ? undefined : rules);
  try {
    return copy.intake(copy.member(value, treatment));
  } catch {
    return UNREADABLE_INTAKE;
  }
}
