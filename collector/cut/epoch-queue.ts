/**
 * Epochs that wait to be caught up with behind ingest: each once, however often it is named, and one
 * after the other.
 */
import type { HistoryStore } from "../store/history-store.ts";
import type { Behind } from "./behind.ts";

export class EpochQueue {
  readonly #store: HistoryStore;
  readonly #behind: Behind;
  readonly #advance: (epochId: number) => Promise<void>;
  readonly #waiting = new Set<number>();
  #running: Promise<void> | undefined;
  #failure: unknown;

  /** `advance` catches up with one epoch. What it throws ends the work until the next notice. */
  constructor(store: HistoryStore, behind: Behind, advance: (epochId: number) => Promise<void>) {
    this.#store = store;
    this.#behind = behind;
    this.#advance = advance;
  }

  /** Why the last work ended early, if it did. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Catches up with what is stored of these epochs (none named: of all). Returns at once, never throws. */
  notify(epochIds?: Iterable<number>): void {
    if (this.#behind.isClosed) return;
    for (const id of epochIds ?? this.#store.epochs().map((record) => record.id)) {
      this.#waiting.add(id);
    }
    this.#running ??= this.#work();
  }

  /** Resolves once nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #work(): Promise<void> {
    try {
      await this.#behind.turn();
      for (const id of this.#waiting) {
        this.#waiting.delete(id);
        if (!this.#behind.isClosed) await this.#advance(id);
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#running = undefined;
    }
  }
}
