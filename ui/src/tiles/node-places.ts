/** Names of nodes to places in a table of names, as columns hold them in 16 bits. */
import { NOBODY } from "../model/timeline-facts.ts";

export class NodePlaces {
  readonly #places = new Map<string, number>();

  /** The same for the same name; beyond 65,535 names a line has nowhere to go: `NOBODY`. */
  of(node: string): number {
    const known = this.#places.get(node);
    if (known !== undefined) return known;
    const place = Math.min(this.#places.size, NOBODY);
    if (place < NOBODY) this.#places.set(node, place);
    return place;
  }

  /** By place: of all names that `of` was asked for. */
  get names(): string[] {
    return [...this.#places.keys()];
  }
}
