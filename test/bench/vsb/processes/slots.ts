/** What requests may have to wait for: k slots (a pool of connections; of one slot, a lock), and a gate. */

export class Slots {
  readonly size: number;
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(size: number) {
    this.size = size;
    this.#free = size;
  }

  /** First come, first served. @returns gives it back; once */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}

export class Gate {
  #closed: Promise<void> | undefined;

  /** Undefined: it is open. */
  get wait(): Promise<void> | undefined {
    return this.#closed;
  }

  /** @returns opens it */
  close(): () => void {
    let open: () => void = () => undefined;
    this.#closed = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#closed = undefined;
      open();
    };
  }
}
