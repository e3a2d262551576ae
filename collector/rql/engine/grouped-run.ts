/**
 * GROUP BY SERVICE: goes through a slice once per service, with the nodes of that service alone. In a plain
 * stretch nobody joins or leaves, so who belongs where is known from its beginning.
 *
 *     slice       |----------------------------|
 *     checkout    |---------------------------->
 *     billing     |------------->                      it turned too often, or is not plain: it ends there
 *     again       |------------->                      and so do the others, gone through once more
 */
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { SliceEvaluation, SliceResult } from "./slice-result.ts";

export class GroupedRun implements SliceEvaluation {
  readonly #make: () => SliceEvaluation;
  readonly #ofService = new Map<string, SliceEvaluation>();

  /** @param make what goes through the slices of one service */
  constructor(make: () => SliceEvaluation) {
    this.#make = make;
  }

  run(slice: ColumnSlice): SliceResult {
    const services = [...new Set(slice.standings.map(({ service }) => service))].sort();
    const found = services.map((service) => {
      const part = sliceOf(slice, service);
      return { service, part, result: this.#of(service).run(part) };
    });
    const reached = Math.min(slice.to, ...found.map(({ result }) => result.reached));
    const groups = found.map(({ service, part, result }) => {
      if (result.reached === reached) return { service, result };
      const shorter = { ...part, to: reached as SliceResult["reached"] };
      return { service, result: this.#of(service).run(shorter) };
    });
    const results = groups.map(({ result }) => result);
    const sum = (of: (result: SliceResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    return {
      ...{ turns: [], warnings: [], groups },
      cuts: sum(({ cuts }) => cuts),
      reached: reached as SliceResult["reached"],
      ended: results.find(({ ended }) => ended !== undefined)?.ended,
      // What ended early for another reason is gone through by its states.
      isFull: found.every(({ result }) => result.reached > reached || result.isFull),
      rows: sum(({ rows }) => rows),
      decidedRows: sum(({ decidedRows }) => decidedRows),
    };
  }

  #of(service: string): SliceEvaluation {
    const known = this.#ofService.get(service) ?? this.#make();
    this.#ofService.set(service, known);
    return known;
  }
}

/** What a slice has of one service's nodes. */
function sliceOf(slice: ColumnSlice, service: string): ColumnSlice {
  const standings = slice.standings.filter((one) => one.service === service);
  const nodes = new Set(standings.map(({ node }) => node));
  const isOfIt = ({ node }: { readonly node: number }): boolean => nodes.has(node);
  return {
    ...slice,
    standings,
    held: slice.held.filter(isOfIt),
    parts: slice.parts.filter(isOfIt),
  };
}
