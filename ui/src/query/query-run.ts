/**
 * One query at a time, from Enter to its end line:
 *
 *     idle ─ask─▶ asking ─first line─▶ running ─end lines─▶ ended
 *                   │ refused             │ Esc: cancelled, at once; the rows so far stand
 *                   ▼                     │ broken connection: lost, the rows so far stand
 *                 failed ◀────────────────┘
 *
 * Asking again closes the connection of what runs: closing cancels. The result before stays to be
 * read, marked stale, until the new one has its first line. What is shown changes once a chunk of the
 * answer, not once a row. Lines that arrive after the cancel are not looked at.
 */
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { QueryQuestion, ResultLine } from "../../../collector/api/query-shapes.ts";
import { type ApiClient, ApiFailure, hexOf } from "../api/client.ts";
import { readLines } from "../api/stream-lines.ts";
import type { Host } from "../host.ts";
import type { AskedQuery } from "./names.ts";
import { RowBook } from "./row-book.ts";

export type RunPhase = "idle" | "asking" | "running" | "ended" | "cancelled" | "lost" | "failed";

/** What is on show. */
export interface RunResult {
  readonly asked: AskedQuery;
  readonly book: RowBook;
  /** Of the book, so that whoever reads this signal notices. */
  readonly revision: number;
}

export class QueryRun {
  readonly #host: Pick<Host, "nowMs">;
  readonly #client: Pick<ApiClient, "open">;
  readonly #phase: Signal<RunPhase> = signal("idle");
  readonly #asked: Signal<AskedQuery | null> = signal(null);
  readonly #result: Signal<RunResult | null> = signal(null);
  readonly #failure: Signal<ApiFailure | null> = signal(null);
  readonly #elapsedMs: Signal<number> = signal(0);
  #abort: AbortController | null = null;
  #startedMs = 0;

  constructor(host: Pick<Host, "nowMs">, client: Pick<ApiClient, "open">) {
    this.#host = host;
    this.#client = client;
  }

  get phase(): ReadonlySignal<RunPhase> {
    return this.#phase;
  }
  /** What was asked last, whatever became of it. */
  get asked(): ReadonlySignal<AskedQuery | null> {
    return this.#asked;
  }
  /** What is shown; it may answer an older question while the newest has no line yet. */
  get result(): ReadonlySignal<RunResult | null> {
    return this.#result;
  }
  /** Why the newest question has no whole answer; a text that was refused has its place. */
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }
  /** Milliseconds from the question to the latest news of its answer. */
  get elapsedMs(): ReadonlySignal<number> {
    return this.#elapsedMs;
  }
  get isRunning(): boolean {
    return this.#abort !== null;
  }

  /** Runs it, in place of what runs. */
  ask(asked: AskedQuery): void {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#startedMs = this.#host.nowMs();
    batch(() => {
      this.#asked.value = asked;
      this.#failure.value = null;
      this.#phase.value = "asking";
      this.#elapsedMs.value = 0;
    });
    void this.#read(asked, abort);
  }

  /** Closes the connection; whether anything ran. */
  cancel(): boolean {
    const abort = this.#abort;
    if (abort === null) return false;
    this.#abort = null;
    abort.abort();
    this.#elapsedMs.value = this.#host.nowMs() - this.#startedMs;
    this.#phase.value = "cancelled";
    return true;
  }

  /** Forgets question and answer. */
  clear(): void {
    this.cancel();
    batch(() => {
      this.#phase.value = "idle";
      this.#asked.value = null;
      this.#result.value = null;
      this.#failure.value = null;
    });
  }

  async #read(asked: AskedQuery, abort: AbortController): Promise<void> {
    const book = new RowBook();
    const question: QueryQuestion = {
      rql: asked.text,
      ...(asked.range === null ? {} : { from: hexOf(asked.range.from), to: hexOf(asked.range.to) }),
    };
    try {
      const ask = { accept: "application/x-ndjson", body: question };
      const stream = await this.#client.open("/api/query", ask, abort.signal);
      await readLines(stream, abort.signal, (lines) => this.#take(asked, book, lines));
      if (this.#abort === abort) this.#finish(book);
    } catch (error) {
      // Given up by a person or for a newer question: those have said so themselves.
      if (this.#abort === abort) this.#fail(error, book);
    }
  }

  #take(asked: AskedQuery, book: RowBook, lines: readonly string[]): void {
    for (const line of lines) {
      if (line !== "") book.take(readLine(line), line.length);
    }
    batch(() => {
      this.#phase.value = "running";
      this.#elapsedMs.value = this.#host.nowMs() - this.#startedMs;
      this.#result.value = { asked, book, revision: book.revision };
    });
  }

  #finish(book: RowBook): void {
    if (!book.isEnded) {
      this.#fail(
        new ApiFailure("cut-short", 0, "The answer ended before the query did.", {
          hint: "Ask again; perhaps the collector was restarted.",
        }),
        book,
      );
      return;
    }
    this.#abort = null;
    this.#phase.value = "ended";
  }

  #fail(error: unknown, book: RowBook): void {
    const failure =
      error instanceof ApiFailure
        ? error
        : new ApiFailure("bad-answer", 200, "The collector sent a line that cannot be read.", {
            hint: "Does this address belong to a Retroscope collector of the same version?",
            cause: error,
          });
    this.#abort?.abort();
    this.#abort = null;
    batch(() => {
      this.#failure.value = failure;
      this.#elapsedMs.value = this.#host.nowMs() - this.#startedMs;
      this.#phase.value = book.revision > 0 ? "lost" : "failed";
    });
  }
}

function readLine(line: string): ResultLine {
  return JSON.parse(line) as ResultLine;
}
