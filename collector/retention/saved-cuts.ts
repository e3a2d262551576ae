/**
 * Cuts kept under a name: islands outside retention. A saved cut is the whole answer as it was given, all
 * nodes, at one T; nothing around it is kept. It is served by its id and by exactly its T, and is the
 * first thing that is given up when room is short.
 *
 * The answer is kept as the bytes that the API made of it (deflated by whoever gives them): what is in
 * them is not looked into here. Bounded in number, in bytes each, and in bytes together.
 *
 * Outside retention is not outside erasing: what is erased by order goes from saved cuts as well, by
 * whoever can read them (`SavedEraser`). A cut that was asked for before the order and is to be saved after it
 * is refused.
 */
import { type Hlc, type Json, RetroError } from "../../agent/kernel/index.ts";
import type { HistoryStore } from "../store/history-store.ts";

/** Saved cuts at a time. */
export const MAX_SAVED = 1_000;
/** Bytes of one, as they are stored. */
export const MAX_SAVED_BYTES: number = 16 * 1024 * 1024;
/** Bytes of all. */
export const MAX_ALL_SAVED_BYTES: number = 256 * 1024 * 1024;
/** Characters of a name. */
export const MAX_NAME_LENGTH = 200;

export interface SavedCut {
  /** `cut-7`. */
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly at: Hlc;
  readonly savedMs: number;
  readonly complete: boolean;
  readonly consistent: boolean;
  readonly memberCount: number;
  /** As it is stored. */
  readonly byteCount: number;
}

type Label = Omit<SavedCut, "number" | "id" | "byteCount">;

/** What is left of a saved cut. */
export interface SavedRest extends Pick<SavedCut, "complete" | "consistent"> {
  readonly bytes: Uint8Array;
}

/** Takes what an order erased out of the bytes of a saved cut: "same" if it holds nothing of it, undefined if nothing is left. */
export type SavedEraser = (
  saved: SavedCut,
  bytes: Uint8Array,
) => Promise<SavedRest | "same" | undefined>;

export class SavedCuts {
  readonly #store: HistoryStore;
  /** Ascending by number. */
  readonly #byNumber = new Map<number, SavedCut>();
  /** Names that are on their way to the disk. */
  readonly #taken = new Set<string>();
  /** Writes of theirs. */
  readonly #underWay = new Set<Promise<void>>();
  #lastNumber = 0;
  #givenUpCount = 0;
  #erasedCount = 0;

  constructor(store: HistoryStore) {
    this.#store = store;
    for (const { number, label, byteCount } of store.saved()) {
      this.#keep(number, label as unknown as Label, byteCount);
    }
  }

  /** How many were given up for want of room since the start. */
  get givenUpCount(): number {
    return this.#givenUpCount;
  }

  /** How often something was erased since the start: to be noted before a cut is asked for that will be saved. */
  get erasedCount(): number {
    return this.#erasedCount;
  }

  /** Newest first. */
  list(): readonly SavedCut[] {
    return [...this.#byNumber.values()].reverse();
  }

  /** By id, or by name. */
  find(idOrName: string): SavedCut | undefined {
    const all = [...this.#byNumber.values()];
    return all.find(({ id }) => id === idOrName) ?? all.find(({ name }) => name === idOrName);
  }

  /** The latest saved of exactly that time. */
  at(t: Hlc): SavedCut | undefined {
    return this.list().find(({ at }) => at === t);
  }

  /** The bytes of one; undefined if they are damaged, or just given up. */
  bytesOf({ number }: SavedCut): Uint8Array | undefined {
    return this.#store.savedBytes(number);
  }

  /**
   * Keeps a cut; resolves when it is durable. `since`: `erasedCount` as it was before the cut was asked for.
   * @throws RetroError `name-taken`, `too-large`; `overloaded` if something was erased since: it may be in
   * the cut; errors of `HistoryStore.write`
   */
  async save(
    label: Label,
    bytes: Uint8Array,
    since: number = this.#erasedCount,
  ): Promise<SavedCut> {
    if (since !== this.#erasedCount) {
      throw new RetroError("overloaded", "history was erased while the cut was made", {
        retriable: true,
        hint: "Save it again: what was erased is not in it then.",
      });
    }
    this.#check(label.name, bytes.length);
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#taken.add(label.name);
    const record = { number, label: label as unknown as Json, bytes };
    const write = this.#store.writeSaved({ put: [record], remove: [] });
    this.#underWay.add(write);
    try {
      await write;
      return this.#keep(number, label, bytes.length);
    } finally {
      this.#taken.delete(label.name);
      this.#underWay.delete(write);
    }
  }

  /**
   * Takes what was erased out of all that is saved, one after the other. Resolves, when that is durable, to how many
   * were changed or given up; one whose bytes cannot be read goes, as nobody can say what it holds.
   */
  async erase(eraser: SavedEraser): Promise<number> {
    this.#erasedCount += 1;
    await Promise.allSettled(this.#underWay);
    let count = 0;
    for (const saved of this.list()) {
      const bytes = this.bytesOf(saved);
      const rest = bytes === undefined ? undefined : await eraser(saved, bytes);
      // Somebody may have deleted it meanwhile: then it is not put again.
      if (rest === "same" || !this.#byNumber.has(saved.number)) continue;
      count += 1;
      if (rest === undefined) await this.remove(saved);
      else await this.#replace(saved, rest);
    }
    return count;
  }

  async #replace(saved: SavedCut, { bytes, ...now }: SavedRest): Promise<void> {
    const { id: _id, number, byteCount: _bytes, ...label } = { ...saved, ...now };
    const record = { number, label: label as unknown as Json, bytes };
    await this.#store.writeSaved({ put: [record], remove: [] });
    if (this.#byNumber.has(number)) this.#keep(number, label, bytes.length);
    // Deleted while it was written: what came last has to be that it goes.
    else await this.#store.writeSaved({ put: [], remove: [number] });
  }

  /** Resolves when it is gone from the disk. */
  async remove({ number }: SavedCut): Promise<void> {
    await this.#store.writeSaved({ put: [], remove: [number] });
    this.#byNumber.delete(number);
  }

  /** Gives up the oldest, for room; false: there is none. */
  async giveUpOldest(): Promise<boolean> {
    const [oldest] = this.#byNumber.values();
    if (oldest === undefined) return false;
    await this.remove(oldest);
    this.#givenUpCount += 1;
    return true;
  }

  #check(name: string, byteCount: number): void {
    const all = [...this.#byNumber.values()];
    if (this.#taken.has(name) || all.some((one) => one.name === name)) {
      throw new RetroError("name-taken", `there is a saved cut ${JSON.stringify(name)} already`, {
        hint: "Choose another name, or delete that one first.",
      });
    }
    const bytes = all.reduce((sum, one) => sum + one.byteCount, byteCount);
    const why =
      byteCount > MAX_SAVED_BYTES
        ? `the cut takes ${byteCount} bytes, more than ${MAX_SAVED_BYTES}`
        : all.length + this.#taken.size >= MAX_SAVED
          ? `${MAX_SAVED} cuts are saved`
          : bytes > MAX_ALL_SAVED_BYTES
            ? `saved cuts would take ${bytes} bytes, more than ${MAX_ALL_SAVED_BYTES}`
            : undefined;
    if (why === undefined) return;
    throw new RetroError("too-large", why, { hint: "Delete saved cuts that nobody needs." });
  }

  #keep(number: number, label: Label, byteCount: number): SavedCut {
    const saved = { ...label, id: `cut-${number}`, number, byteCount };
    this.#byNumber.set(number, saved);
    this.#lastNumber = Math.max(this.#lastNumber, number);
    return saved;
  }
}
