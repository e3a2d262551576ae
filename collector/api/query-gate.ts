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
 *   have a bound of their own.
 * - /healthz, /readyz and the live stream, which has bounds of its own, do not come by here.
 */
import type { RequestHandler, Response } from "express";
import { RetroError } from "../../agent/kernel/index.ts";
import type { CutTimers } from "../cut/timers.ts";
import { setClosing } from "./answering.ts";

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
  readonly refuse: (error: RetroError) => void;
}

export class QueryGate {
  readonly #timers: CutTimers;
  readonly #limits: QueryLimits;
  readonly #isOutOfMemory: () => boolean;
  readonly #queue = new Set<Waiting>();
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
    const watch = { isOver: false, leave: () => {} };
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
    if (isHeldOpen(request.originalUrl)) this.#hold(enter, next);
    else this.#queueUp(closing, watch, enter, next);
  };

  /** It costs nothing until it is answered, and then a turn. */
  #hold(enter: (leave: () => void) => void, next: (error: unknown) => void): void {
    if (this.#heldCount >= this.#limits.held || this.#isOutOfMemory()) {
      next(this.#refusal(`${this.#heldCount} questions are held open`));
      return;
    }
    this.#heldCount += 1;
    enter(() => {
      this.#heldCount -= 1;
    });
  }

  #queueUp(
    closing: AbortController,
    watch: { readonly isOver: boolean; leave: () => void },
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
      refuse: (error) => {
        leave();
        next(error);
      },
    };
    const cancel = this.#timers.after(waitMs, () =>
      waiting.refuse(this.#refusal(`${this.#runningCount} questions are being answered`)),
    );
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
    if (this.#isPumping || this.#runningCount >= this.#limits.running) return;
    const [first] = this.#queue;
    if (first === undefined) return;
    this.#isPumping = true;
    first.begin();
    void this.#timers.turn().then(() => {
      this.#isPumping = false;
      this.#pump();
    });
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

/** Told by its address alone. */
function isHeldOpen(url: string): boolean {
  return new URLSearchParams(url.split("?", 2)[1]).has("wait");
}
