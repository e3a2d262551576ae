/**
 * Which variables of a log have a value that we do not know, because a change of theirs was shed. While
 * there is one, a keyframe of the log would call a state full that is not, so none is made; the
 * collector goes on saying that the log is lost, which is true.
 *
 * A variable is known again when it is set or deleted. Names are kept up to a limit; past it nobody can
 * tell any more when all are known, and the log stays without keyframes.
 */
import { STATE_LIMITS } from "./limits.ts";

export class MissingKeys {
  #keys: Set<string> | undefined;
  #isForGood = false;

  get isEmpty(): boolean {
    return this.#keys === undefined && !this.#isForGood;
  }

  has(key: string): boolean {
    return this.#keys?.has(key) ?? false;
  }

  note(key: string): void {
    this.#keys ??= new Set();
    if (this.#keys.size < STATE_LIMITS.missingKeys) this.#keys.add(key);
    else if (!this.#keys.has(key)) this.#isForGood = true;
  }

  /** Something is missing, and nobody knows its name. */
  noteUnnamed(): void {
    this.#isForGood = true;
  }

  /** The variable was set or deleted, or deleting it was shed: it is absent either way. */
  found(key: string): void {
    if (this.#keys === undefined) return;
    this.#keys.delete(key);
    if (this.#keys.size === 0) this.#keys = undefined;
  }
}
