/**
 * Waits for a cut to become complete: looked at again when ingest says that something was stored, until
 * it is, the time is up, or the caller has gone.
 *
 * Many may wait, and something is stored all the time. So a look begins with what is cheap (has every
 * node been heard of up to T?), the cut is made only when that says yes, all that is stored in one turn
 * of the event loop is one occasion to look, and a round of looks pauses when it takes long. So does the
 * answering of those whose time is up: after the loop was held up, many are due at once.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import { missingBeginning } from "./beginnings.ts";
import { countsAt, missingEvents } from "./completeness.ts";
import { type CutContext, membersNow } from "./context.ts";
import { cutAt } from "./cut-at.ts";
import type { Cut, History, Selection } from "./history.ts";
import { isActiveAt, type Membership, spanAt } from "./membership.ts";
import { choose } from "./selection.ts";
import { endedBy } from "./turns.ts";

interface Waiter {
  readonly t: Hlc;
  readonly selection: Selection;
  readonly resolve: (cut: Cut) => void;
  readonly reject: (error: unknown) => void;
}

export class CutWaiters {
  readonly #context: CutContext;
  readonly #ask: History["cutInTurns"];
  readonly #waiters = new Set<Waiter>();
  /** Their time is up: to be answered as it is. */
  readonly #due = new Set<Waiter>();
  #isLooking = false;
  #isAnswering = false;
  #isClosed = false;
  #hasNews = false;
  #newsCount = 0;
  #firstLookCount = 0;
  #cutCount = 0;

  /** `ask`: the first look of each, in turns. Later ones read what came since. */
  constructor(context: CutContext, ask: History["cutInTurns"]) {
    this.#context = context;
    this.#ask = ask;
  }

  /** How many questions wait now, after their first look. */
  get count(): number {
    return this.#waiters.size;
  }

  /** How many cuts were made for those who wait. */
  get cutCount(): number {
    return this.#cutCount;
  }

  /** Something was stored: whoever waits is looked at in a later turn. */
  wakeAll(): void {
    this.#newsCount += 1;
    if (this.#waiters.size === 0) return;
    this.#hasNews = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#look();
  }

  /**
   * The cut as soon as it is complete, or as it is after `waitMs` (bounded by `limits.waitMs`).
   * @throws RetroError `cancelled` once `signal` aborts, `overloaded` if too many wait, `closed`; else as
   * `cutAt`
   */
  async waitFor(t: Hlc, selection: Selection, waitMs: number, signal?: AbortSignal): Promise<Cut> {
    const { limits, timers } = this.#context;
    if (signal?.aborted === true) throw endedBy(signal);
    if (this.#isClosed) throw closed();
    if (this.#waiters.size + this.#firstLookCount >= limits.waiting) {
      throw new RetroError("overloaded", `${limits.waiting} questions wait for a cut`, {
        retriable: true,
        hint: "Ask again in a second, or without wait.",
      });
    }
    this.#cutCount += 1;
    const lookedAt = this.#newsCount;
    // From here on time counts, however many turns the first look takes.
    let isTimeUp = false;
    let answer = (): void => {
      isTimeUp = true;
    };
    const cancelTimer = timers.after(Math.min(waitMs, limits.waitMs), () => answer());
    try {
      const cut = await this.#firstLook(t, selection, signal);
      if (cut.complete || isTimeUp) return cut;
      if (this.#isClosed) throw closed();
      return await new Promise<Cut>((resolve, reject) => {
        const waiter: Waiter = { t, selection, resolve: ended(resolve), reject: ended(reject) };
        const leave = (): void => {
          this.#waiters.delete(waiter);
          this.#due.delete(waiter);
          signal?.removeEventListener("abort", onAbort);
        };
        const onAbort = (): void => {
          if (signal !== undefined) waiter.reject(endedBy(signal));
        };
        function ended<Outcome>(settle: (outcome: Outcome) => void): (outcome: Outcome) => void {
          return (outcome) => {
            leave();
            settle(outcome);
          };
        }
        answer = () => this.#answerSoon(waiter);
        signal?.addEventListener("abort", onAbort);
        this.#waiters.add(waiter);
        // What was stored while the first look took its turns woke nobody.
        if (lookedAt !== this.#newsCount) this.#lookAt(waiter, membersNow(this.#context));
      });
    } finally {
      cancelTimer();
    }
  }

  async #firstLook(t: Hlc, selection: Selection, signal?: AbortSignal): Promise<Cut> {
    this.#firstLookCount += 1;
    try {
      const cut = await this.#ask(t, selection, signal);
      // It may have aborted after the last turn, when nobody listened yet.
      if (signal?.aborted === true) throw endedBy(signal);
      return cut;
    } finally {
      this.#firstLookCount -= 1;
    }
  }

  #cutAt(t: Hlc, selection: Selection): Cut {
    this.#cutCount += 1;
    return cutAt(this.#context, t, selection);
  }

  /** Nobody is woken any more: whoever waits is told so. May be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of [...this.#waiters]) waiter.reject(closed());
  }

  /** The time is up. */
  #answerSoon(waiter: Waiter): void {
    this.#due.add(waiter);
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    void this.#answerDue();
  }

  /** The first at once, the others a slice in each turn. */
  async #answerDue(): Promise<void> {
    const { timers, limits } = this.#context;
    while (this.#due.size > 0) {
      const startMs = timers.nowMs();
      for (const waiter of this.#due) {
        this.#answer(waiter);
        const spentMs = timers.nowMs() - startMs;
        if (spentMs < 0 || spentMs >= limits.sliceMs) break;
      }
      await timers.turn();
    }
    this.#isAnswering = false;
  }

  /** The cut as it is. */
  #answer(waiter: Waiter): void {
    try {
      waiter.resolve(this.#cutAt(waiter.t, waiter.selection));
    } catch (error) {
      waiter.reject(error);
    }
  }

  async #look(): Promise<void> {
    const { timers, limits } = this.#context;
    try {
      while (this.#hasNews) {
        await timers.turn();
        this.#hasNews = false;
        let membership = membersNow(this.#context);
        let startMs = timers.nowMs();
        for (const waiter of [...this.#waiters]) {
          if (this.#waiters.has(waiter)) this.#lookAt(waiter, membership);
          const spentMs = timers.nowMs() - startMs;
          if (spentMs >= 0 && spentMs < limits.sliceMs) continue;
          await timers.turn();
          membership = membersNow(this.#context);
          startMs = timers.nowMs();
        }
      }
    } catch (error) {
      for (const waiter of [...this.#waiters]) waiter.reject(error);
    } finally {
      this.#isLooking = false;
    }
  }

  #lookAt(waiter: Waiter, membership: Membership): void {
    try {
      if (!this.#isHeardOf(waiter, membership)) return;
      const cut = this.#cutAt(waiter.t, waiter.selection);
      if (cut.complete) waiter.resolve(cut);
    } catch (error) {
      waiter.reject(error);
    }
  }

  /** Whether no events up to T are missing: without that no cut is complete. */
  #isHeardOf({ t, selection }: Waiter, membership: Membership): boolean {
    const { timers, limits } = this.#context;
    const chosen = choose(selection, membership);
    return chosen.nodes.every((node) => {
      const span = spanAt(node, t);
      const beginning = missingBeginning(node, span, t);
      if (beginning !== undefined && countsAt(beginning.record, t, chosen, membership))
        return false;
      if (span === undefined || !isActiveAt(span, t) || t <= span.record.watermark) return true;
      if (!countsAt(span.record, t, chosen, membership)) return true;
      return missingEvents(span, t, timers.nowMs(), limits).length === 0;
    });
  }
}

function closed(): RetroError {
  return new RetroError("closed", "the history is closed", {
    hint: "Ask again once the collector has been started anew.",
  });
}
