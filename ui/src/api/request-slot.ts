/**
 * One slot per panel: one request runs, the newest question waits, older ones are dropped.
 *
 *     ask(1) ask(2) ask(3)          2 is never asked
 *     |─ 1 runs ─|─ 3 runs ─|       answer 1 is shown meanwhile, marked stale
 *
 * So a drag across a thousand pixels makes no queue, and an answer never overwrites that of a later
 * question. A running request that blocks a newer question for longer than `PATIENCE_MS` is given
 * up. The last good answer stays when a later one fails.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Host } from "../host.ts";
import { ApiFailure } from "./client.ts";

/** How long a newer question waits for the one that runs. */
export const PATIENCE_MS = 400;
/** How long one request may take at all. */
export const REQUEST_LIMIT_MS = 20_000;

export interface Answered<Question, Answer> {
  readonly question: Question;
  readonly answer: Answer;
}

export class RequestSlot<Question, Answer> {
  readonly #host: Pick<Host, "after">;
  readonly #fetch: (question: Question, signal: AbortSignal) => Promise<Answer>;
  readonly #answered = signal<Answered<Question, Answer> | null>(null);
  readonly #failure = signal<ApiFailure | null>(null);
  readonly #pending = signal(false);
  #running: { readonly question: Question; readonly abort: AbortController } | null = null;
  #waiting: { readonly question: Question } | null = null;
  #lastAsked: { readonly question: Question } | null = null;
  #cancelPatience: () => void = () => {};

  constructor(
    host: Pick<Host, "after">,
    fetch: (question: Question, signal: AbortSignal) => Promise<Answer>,
  ) {
    this.#host = host;
    this.#fetch = fetch;
  }

  /** The last good answer with its question; null before the first. */
  get answered(): ReadonlySignal<Answered<Question, Answer> | null> {
    return this.#answered;
  }
  /** Why the newest question has no answer; null while it may still get one. */
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }
  /** Whether a question is out: what is shown is then not the newest. */
  get pending(): ReadonlySignal<boolean> {
    return this.#pending;
  }

  ask(question: Question): void {
    this.#lastAsked = { question };
    if (this.#running === null) {
      this.#run(question);
      return;
    }
    const isFirstToWait = this.#waiting === null;
    this.#waiting = { question };
    if (isFirstToWait) {
      const blocking = this.#running;
      this.#cancelPatience = this.#host.after(PATIENCE_MS, () => blocking.abort.abort());
    }
  }

  /** Asks the newest question once more. */
  retry(): void {
    if (this.#lastAsked !== null) this.ask(this.#lastAsked.question);
  }

  /** Forgets question and answer; what still runs is given up. */
  clear(): void {
    this.#waiting = null;
    this.#lastAsked = null;
    this.#running?.abort.abort();
    this.#running = null;
    this.#cancelPatience();
    this.#answered.value = null;
    this.#failure.value = null;
    this.#pending.value = false;
  }

  #run(question: Question): void {
    const run = { question, abort: new AbortController() };
    this.#running = run;
    this.#pending.value = true;
    let timedOut = false;
    const cancelLimit = this.#host.after(REQUEST_LIMIT_MS, () => {
      timedOut = true;
      run.abort.abort();
    });
    this.#fetch(question, run.abort.signal)
      .then(
        (answer) => {
          if (this.#running !== run) return;
          this.#answered.value = { question, answer };
          this.#failure.value = null;
        },
        (error: unknown) => {
          if (this.#running !== run) return;
          // Given up for a newer question: that one will speak for itself.
          if (run.abort.signal.aborted && !timedOut) return;
          this.#failure.value = timedOut ? timeoutFailure() : asFailure(error);
        },
      )
      .finally(() => {
        cancelLimit();
        if (this.#running === run) this.#next();
      });
  }

  #next(): void {
    this.#cancelPatience();
    this.#running = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#pending.value = false;
    else this.#run(waiting.question);
  }
}

function timeoutFailure(): ApiFailure {
  return new ApiFailure("timeout", 0, `No answer within ${REQUEST_LIMIT_MS / 1000} s.`, {
    hint: "Try a narrower range, or ask again.",
  });
}

function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure("page-fault", 200, error instanceof Error ? error.message : String(error), {
    hint: "This is a fault of the page. Please report it.",
    cause: error,
  });
}
