/**
 * Stretches of time whose messages are joined and kept, and those that somebody is joining just now.
 *
 * What was joined holds as long as nobody stores an event between a stretch's ends (`until` lies a
 * message's time-out after its last send). So every batch that is stored is held against both:
 *
 *     kept       |from ----- until|   |from ----- until|          a late batch removes them, in its own
 *     claimed                              |from ----- until|     transaction, and breaks claims
 *     batch                            |firstT lastT|
 *
 * In the common case a batch is later than all of them, which is one comparison.
 */
import type { MessageStretch } from "./history-store.ts";

/** Kept stretches: a value, made anew when it changes. Ascending by `from`, one for each `from`. */
export class JoinedStretches {
  readonly all: readonly MessageStretch[];
  readonly #latest: number;

  constructor(all: readonly MessageStretch[] = []) {
    this.all = all;
    this.#latest = all.reduce((latest, { until }) => Math.max(latest, until), -Infinity);
  }

  /** Those that an event with t in [from, to] may change. */
  touching(from: number, to: number): readonly MessageStretch[] {
    if (from > this.#latest) return [];
    return this.all.filter((one) => one.from <= to && one.until >= from);
  }

  with(stretch: MessageStretch): JoinedStretches {
    const others = this.all.filter(({ from }) => from !== stretch.from);
    const index = others.findIndex(({ from }) => from > stretch.from);
    const { from, until } = stretch;
    others.splice(index < 0 ? others.length : index, 0, { from, until });
    return new JoinedStretches(others);
  }

  without(gone: readonly MessageStretch[]): JoinedStretches {
    return new JoinedStretches(this.all.filter((one) => !gone.includes(one)));
  }
}

/** Stretches being joined. A claim that is not open is broken, written or given up. */
export class MessageClaims {
  readonly #open = new Set<MessageStretch>();

  claim(stretch: MessageStretch): MessageStretch {
    this.#open.add(stretch);
    return stretch;
  }

  isOpen(claim: MessageStretch): boolean {
    return this.#open.has(claim);
  }

  close(claim: MessageStretch): void {
    this.#open.delete(claim);
  }

  /** An event with t in [from, to] is being stored. */
  breakTouching(from: number, to: number): void {
    for (const one of this.#open) {
      if (one.from <= to && one.until >= from) this.#open.delete(one);
    }
  }
}
