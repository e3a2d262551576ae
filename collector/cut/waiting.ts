/**
 * Waits for a cut to become complete: asked again whenever ingest says that something was stored,
 * until it is, the time is up, or the caller has gone.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { CutContext } from "./context.ts";
import { cutAt } from "./cut-at.ts";
import type { Cut, Selection } from "./history.ts";

export class CutWaiters {
  readonly #context: CutContext;
  readonly #wakes = new Set<() => void>();

  constructor(context: CutContext) {
    this.#context = context;
  }

  /** How many questions wait now. */
  get count(): number {
    return this.#wakes.size;
  }

  /** Something was stored: whoever waits looks again. */
  wakeAll(): void {
    for (const wake of this.#wakes) wake();
  }

  /**
   * The cut as soon as it is complete, or as it is after `waitMs` (bounded by `limits.waitMs`).
   * @throws RetroError `cancelled` once `signal` aborts, `overloaded` if too many wait; else as `cutAt`
   */
  async waitFor(t: Hlc, selection: Selection, waitMs: number, signal?: AbortSignal): Promise<Cut> {
    const { limits, timers } = this.#context;
    const deadlineMs = timers.nowMs() + Math.min(waitMs, limits.waitMs);
    let isDue = false;
    let wake: () => void = () => {};
    const onWake = (): void => wake();
    const onDeadline = (): void => {
      isDue = true;
      wake();
    };
    this.#admit(onWake);
    const cancelTimer = timers.after(Math.max(0, deadlineMs - timers.nowMs()), onDeadline);
    signal?.addEventListener("abort", onWake);
    try {
      for (;;) {
        if (signal?.aborted === true) throw new RetroError("cancelled", "nobody waits for the cut");
        // Armed before the look: what is stored while looking wakes us again.
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const cut = cutAt(this.#context, t, selection);
        if (cut.complete || isDue) return cut;
        await woken;
      }
    } finally {
      this.#wakes.delete(onWake);
      signal?.removeEventListener("abort", onWake);
      cancelTimer();
    }
  }

  #admit(wake: () => void): void {
    if (this.#wakes.size >= this.#context.limits.waiting) {
      throw new RetroError("overloaded", "too many questions wait for a cut", { retriable: true });
    }
    this.#wakes.add(wake);
  }
}
