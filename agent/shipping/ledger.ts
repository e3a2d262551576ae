/**
 * What became of the events: created = acknowledged + dropped, by reason, + queued. Events are counted
 * here once, when their fate is known; what is queued is counted where it waits.
 */
import type { DropReason } from "../kernel/index.ts";

export class Ledger {
  #acknowledged = 0;
  readonly #drops = new Map<DropReason, number>();

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Events dropped, all reasons together. */
  get dropped(): number {
    let sum = 0;
    for (const count of this.#drops.values()) sum += count;
    return sum;
  }

  /** By reason; reasons that never occurred are left out. */
  get drops(): Readonly<Partial<Record<DropReason, number>>> {
    return Object.fromEntries(this.#drops);
  }

  acknowledge(count: number): void {
    this.#acknowledged += count;
  }

  drop(reason: DropReason, count: number): void {
    if (count > 0) this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + count);
  }
}
