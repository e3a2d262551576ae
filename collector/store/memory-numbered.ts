/** What the memory store keeps for others under a number, as JSON, so that it stays what it was. */
import type { Json } from "../../agent/kernel/index.ts";

interface Numbered {
  readonly number: number;
  readonly body: Json;
}

export class NumberedBodies {
  readonly #texts = new Map<number, string>();

  write(put: readonly Numbered[], remove: readonly number[]): void {
    for (const { number, body } of put) this.#texts.set(number, JSON.stringify(body));
    for (const number of remove) this.#texts.delete(number);
  }

  /** In order of their numbers. */
  all(): Numbered[] {
    return [...this.#texts]
      .sort(([a], [b]) => a - b)
      .map(([number, text]) => ({ number, body: JSON.parse(text) as Json }));
  }
}
