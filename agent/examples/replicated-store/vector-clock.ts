/**
 * Vector clocks: the ground truth that the example keeps for itself, beside and independent of the
 * agent's timestamps. One counter per process; an event e happened before f exactly if f's clock has
 * seen e's own count.
 *
 * Source: Fidge 1988, Mattern 1989.
 */
export type VectorClock = { readonly [process: string]: number };

/** The vector clock of one process. */
export class ProcessClock {
  readonly #name: string;
  readonly #counts = new Map<string, number>();

  constructor(name: string) {
    this.#name = name;
  }

  /** A local event or a send: counts it, and returns the clock to journal or to put into the message. */
  tick(): VectorClock {
    this.#counts.set(this.#name, (this.#counts.get(this.#name) ?? 0) + 1);
    return Object.fromEntries(this.#counts);
  }

  /** A receive: takes over what the message has seen, then counts the event. */
  receive(seen: VectorClock): VectorClock {
    for (const [name, count] of Object.entries(seen)) {
      if (count > (this.#counts.get(name) ?? 0)) this.#counts.set(name, count);
    }
    return this.tick();
  }
}
