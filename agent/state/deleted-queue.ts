/**
 * Which variables went away, in the order of their latest delete: one place per variable, however often
 * it comes and goes. A list linked through columns, so that a delete makes no object.
 *
 *     oldest -> 7 -> 3 -> 12 <- newest          index[7] <= index[3] <= index[12]
 */
const NONE = -1;

export class DeletedQueue {
  /** By variable: window index of its latest delete; below 0: not in the queue. */
  #index: Float64Array = new Float64Array(0);
  #older: Int32Array = new Int32Array(0);
  #newer: Int32Array = new Int32Array(0);
  #oldest: number = NONE;
  #newest: number = NONE;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The variable deleted longest ago; -1: none. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Window index of a variable's latest delete; it must be in the queue. */
  indexOf(id: number): number {
    return this.#index[id] as number;
  }

  /** Puts a variable last, wherever it stood. */
  push(id: number, index: number, capacity: number): void {
    if (id >= this.#index.length) this.#grow(capacity);
    if ((this.#index[id] as number) >= 0) this.remove(id);
    this.#index[id] = index;
    this.#older[id] = this.#newest;
    this.#newer[id] = NONE;
    if (this.#newest === NONE) this.#oldest = id;
    else this.#newer[this.#newest] = id;
    this.#newest = id;
    this.#count += 1;
  }

  /** Takes a variable out, which must be in. */
  remove(id: number): void {
    const older = this.#older[id] as number;
    const newer = this.#newer[id] as number;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    this.#index[id] = NONE;
    this.#count -= 1;
  }

  #grow(capacity: number): void {
    const index = new Float64Array(capacity).fill(NONE);
    index.set(this.#index);
    this.#index = index;
    const older = new Int32Array(capacity);
    older.set(this.#older);
    this.#older = older;
    const newer = new Int32Array(capacity);
    newer.set(this.#newer);
    this.#newer = newer;
  }
}
