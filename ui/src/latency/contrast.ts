/**
 * What tells the requests in a box from the others: of every field the share of its values here and there, the field
 * that differs most first. Shares, not counts: a box is small, and the rest is not.
 *
 * A request may have several callees and waits, so their shares need not come to 100 %.
 */
import type { EventLineJson } from "../../../collector/api/shapes.ts";

export const FIELDS = ["service", "node", "operation", "callee", "outcome", "wait"] as const;
export type Field = (typeof FIELDS)[number];

/** A request as it is compared. */
export interface RequestFacts {
  readonly line: EventLineJson;
  readonly residenceUs: number;
  readonly values: Readonly<Record<Field, readonly string[]>>;
}

export interface ValueContrast {
  readonly value: string;
  readonly inBox: number;
  readonly inRest: number;
  /** Of the requests in the box, and of those in the rest; 0 to 1. */
  readonly boxShare: number;
  readonly restShare: number;
}

export interface FieldContrast {
  readonly field: Field;
  /** The greatest difference of shares. */
  readonly difference: number;
  /** Most different first. */
  readonly values: readonly ValueContrast[];
}

/** The cell of the comparison whose requests are listed. */
export interface ListedCell {
  readonly field: Field;
  readonly value: string;
  readonly isInBox: boolean;
}

/** A request without calls, and one without waits. */
export const NO_CALLEE = "no call";
export const NO_WAIT = "no wait";

export function factsOf(line: EventLineJson): RequestFacts {
  const fields = line as unknown as {
    readonly residenceUs?: number;
    readonly operation?: string;
    readonly outcome?: string;
    readonly calls?: readonly { readonly to: string }[];
    readonly waits?: readonly { readonly to: string }[];
  };
  const named = (list: readonly { readonly to: string }[] | undefined, none: string) =>
    list === undefined || list.length === 0 ? [none] : [...new Set(list.map(({ to }) => to))];
  return {
    line,
    residenceUs: Number(fields.residenceUs ?? 0),
    values: {
      service: [line.service],
      node: [line.node],
      operation: [fields.operation ?? "unnamed"],
      callee: named(fields.calls, NO_CALLEE),
      outcome: [fields.outcome ?? "ok"],
      wait: named(fields.waits, NO_WAIT),
    },
  };
}

/** All fields, the one that differs most first; equal ones in the order of `FIELDS`. */
export function contrast(
  box: readonly RequestFacts[],
  rest: readonly RequestFacts[],
): readonly FieldContrast[] {
  const fields = FIELDS.map((field): FieldContrast => {
    const [here, there] = [countsOf(box, field), countsOf(rest, field)];
    const values = [...new Set([...here.keys(), ...there.keys()])].map((value): ValueContrast => {
      const [inBox, inRest] = [here.get(value) ?? 0, there.get(value) ?? 0];
      const boxShare = inBox / Math.max(1, box.length);
      const restShare = inRest / Math.max(1, rest.length);
      return { value, inBox, inRest, boxShare, restShare };
    });
    values.sort(
      (a, b) => difference(b) - difference(a) || b.inBox - a.inBox || (a.value < b.value ? -1 : 1),
    );
    const [first] = values;
    return { field, difference: first === undefined ? 0 : difference(first), values };
  });
  return fields.sort((a, b) => b.difference - a.difference);
}

function difference({ boxShare, restShare }: ValueContrast): number {
  return Math.abs(boxShare - restShare);
}

function countsOf(requests: readonly RequestFacts[], field: Field): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { values } of requests) {
    for (const value of values[field]) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}
