/**
 * How many questions are answered at a time, how long one may take, and when one ends.
 *
 *     question ──▶ [ waiting: 64, at most 2 s ] ──▶ [ running: 8, at most 30 s ] ──▶ being sent
 *                     full or too long: 503             over: 504                   over 256 MiB
 *                     with Retry-After                  asker gone: ends            unsent: 503
 *
 * - Each has a signal that aborts when its connection closes or its time is up; the engine looks at
 *   it between slices of work (cut/turns.ts), so nobody works for an answer that nobody reads.
 * - One question is begun in a turn of the event loop. A cut is answered within its turn, and a
 *   hundred that arrive together must not make one long turn in which not even /healthz is answered.
 * - Questions that are held open (`wait`) take no place: they cost nothing while they wait. They
 *   have a bound of their own, and their turn to begin like all others. One that turns out to wait
 *   only when its body is read says so itself (`holdOpen` of answering.ts).
 * - /healthz, /readyz and the live stream, which has bounds of its own, do not come by here.
 */
import type { RequestHandler, Response } from "express";
import { parseDurationMs, RetroError } from "../../agent/kernel/index.ts";
import type { CutTimers } from "../cut/timers.ts";
import { setClosing, setHolding } from "./answering.ts";

export interface QueryLimits {
  /** Questions that are worked on at a time. */
  readonly running: number;
  /** Questions that wait for a place. */
  readonly waiting: number;
  /** So long one waits for a place. */
  readonly waitMs: number;
  /** So long one may be worked on. */
  readonly budgetMs: number;
  /** Questions held open by their askers. */
  readonly held: number;
  /** Bytes of answers that their askers have not taken yet; beyond them no question is begun. */
  readonly unsentBytes: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  running: 8,
  waiting: 64,
  waitMs: 2_000,
  budgetMs: 30_000,
  held: 1_000,
  unsentBytes: 256 * 1024 * 1024,
};

/** What has happened since the start, and what is going on. */
export interface QueryCounts {
  readonly running: number;
  readonly waiting: number;
  readonly held: number;
  /** Refused for want of a place, of memory or of time to wait. */
  readonly refused: number;
  /** Ended because the asker hung up. */
  readonly cancelled: number;
  /** Ended because their time was up. */
  readonly timedOut: number;
}

interface Waiting {
  readonly begin: () => void;
}

/** What becomes of a question; `leave` gives back what it has taken. */
interface Watch {
  isOver: boolean;
  leave: () => void;
}

export class QueryGate {
  readonly #timers: CutTimers;
  readonly #limits: QueryLimits;
  readonly #isOutOfMemory: () => boolean;
  /** For a place. */
  readonly #queue = new Set<Waiting>();
  /** Held open, and not begun yet: they wait for a turn alone. */
  readonly #opening = new Set<Waiting>();
  #wasHeldLast = false;
  readonly #unsent = new Set<Response>();
  #runningCount = 0;
  #heldCount = 0;
  #isPumping = false;
  #counts = { refused: 0, cancelled: 0, timedOut: 0 };

  /** @param isOutOfMemory whether not even a question may be begun (ingest/memory-gate.ts) */
  constructor(
    timers: CutTimers,
    limits: Partial<QueryLimits> = {},
    isOutOfMemory: () => boolean = () => false,
  ) {
    this.#timers = timers;
    this.#limits = { ...DEFAULT_QUERY_LIMITS, ...limits };
    this.#isOutOfMemory = isOutOfMemory;
  }

  get counts(): QueryCounts {
    const [running, waiting, held] = [this.#runningCount, this.#queue.size, this.#heldCount];
    return { running, waiting, held, ...this.#counts };
  }

  /** Stands before the routes of questions. */
  readonly handler: RequestHandler = (request, response, next) => {
    const closing = new AbortController();
    setClosing(response, closing.signal);
    const watch: Watch = { isOver: false, leave: () => {} };
    const end = (): void => {
      watch.leave();
      watch.leave = () => {};
    };
    response.once("prefinish", () => {
      watch.isOver = true;
      end();
      this.#unsent.add(response);
    });
    response.once("close", () => {
      this.#unsent.delete(response);
      if (!watch.isOver) this.#counts.cancelled += 1;
      watch.isOver = true;
      end();
      closing.abort();
    });
    const enter = (leave: () => void): void => {
      watch.leave = leave;
      next();
    };
    setHolding(response, () => {
      if (watch.isOver) return;
      const leave = this.#held();
      watch.leave();
      watch.leave = leave;
    });
    if (isHeldOpen(request.originalUrl)) this.#hold(watch, enter, next);
    else this.#queueUp(closing, watch, enter, next);
  };

  /** It costs nothing until it is answered: a turn to begin, and one to end. */
  #hold(watch: Watch, enter: (leave: () => void) => void, next: (error: unknown) => void): void {
    let leave: () => void;
    try {
      leave = this.#held();
    } catch (error) {
      next(error);
      return;
    }
    const waiting: Waiting = {
      begin: () => {
        this.#opening.delete(waiting);
        if (!watch.isOver) enter(leave);
      },
    };
    watch.leave = () => {
      this.#opening.delete(waiting);
      leave();
    };
    this.#opening.add(waiting);
    this.#pump();
  }

  /** One more that is held open; the result ends that. @throws RetroError `overloaded` */
  #held(): () => void {
    if (this.#heldCount >= this.#limits.held || this.#isOutOfMemory()) {
      throw this.#refusal(`${this.#heldCount} questions are held open`);
    }
    this.#heldCount += 1;
    return () => {
      this.#heldCount -= 1;
    };
  }

  #queueUp(
    closing: AbortController,
    watch: Watch,
    enter: (leave: () => void) => void,
    next: (error: unknown) => void,
  ): void {
    const { running, waiting: most, waitMs } = this.#limits;
    const isBusy = this.#runningCount >= running && this.#queue.size >= most;
    const excess = isBusy
      ? `${this.#runningCount} questions are being answered and ${this.#queue.size} wait`
      : this.#excessOfMemory();
    if (excess !== undefined) {
      next(this.#refusal(excess));
      return;
    }
    const leave = (): void => {
      this.#queue.delete(waiting);
      cancel();
    };
    const waiting: Waiting = {
      begin: () => {
        leave();
        if (watch.isOver) return;
        enter(this.#run(closing));
      },
    };
    const cancel = this.#timers.after(waitMs, () => {
      leave();
      next(this.#refusal(`${this.#runningCount} questions are being answered`));
    });
    watch.leave = leave;
    this.#queue.add(waiting);
    this.#pump();
  }

  /** Takes a place; the result gives it back. */
  #run(closing: AbortController): () => void {
    const { budgetMs } = this.#limits;
    this.#runningCount += 1;
    const cancel = this.#timers.after(budgetMs, () => {
      this.#counts.timedOut += 1;
      closing.abort(
        new RetroError("timed-out", `the question took longer than ${budgetMs / 1_000} s`, {
          retriable: true,
          hint: "Ask for less: a shorter range, one node, service or log.",
        }),
      );
    });
    return () => {
      cancel();
      this.#runningCount -= 1;
      this.#pump();
    };
  }

  /** Begins those that wait, one in a turn of the event loop. */
  #pump(): void {
    if (this.#isPumping) return;
    const next = this.#next();
    if (next === undefined) return;
    this.#isPumping = true;
    next.begin();
    void this.#timers.turn().then(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  /** Who takes a place and who is held open begin by turns. */
  #next(): Waiting | undefined {
    const [first] = this.#runningCount < this.#limits.running ? this.#queue : [];
    const [held] = this.#opening;
    if (first === undefined || held === undefined) return first ?? held;
    this.#wasHeldLast = !this.#wasHeldLast;
    return this.#wasHeldLast ? held : first;
  }

  #excessOfMemory(): string | undefined {
    if (this.#isOutOfMemory()) return "the collector's memory is used up";
    let bytes = 0;
    for (const response of this.#unsent) bytes += response.writableLength;
    return bytes > this.#limits.unsentBytes
      ? `${bytes} bytes of answers are on their way`
      : undefined;
  }

  #refusal(what: string): RetroError {
    this.#counts.refused += 1;
    return new RetroError("overloaded", what, {
      retriable: true,
      hint: "Ask again in a second.",
    });
  }
}

/** Told by its address alone. A wait of nothing is none, and one that cannot be read is refused at once. */
function isHeldOpen(url: string): boolean {
  const wait = new URLSearchParams(url.split("?", 2)[1]).get("wait");
  if (wait === null) return false;
  try {
    return parseDurationMs(wait) > 0;
  } catch {
    return false;
  }
}
