/** Time that passes when told: a scheduler for many agents in one process (the port of agent/shipping). */
export class VirtualScheduler {
  now = 0;
  #timers = [];
  #random;

  constructor(random) {
    this.#random = random;
  }

  /** A scheduler of its own for one agent. */
  port() {
    return {
      nowMs: () => this.now,
      random: this.#random,
      after: (delayMs, run) => {
        const timer = { atMs: this.now + Math.max(0, delayMs), run };
        let at = this.#timers.length;
        while (at > 0 && this.#timers[at - 1].atMs > timer.atMs) at -= 1;
        this.#timers.splice(at, 0, timer);
        return () => {
          timer.run = undefined;
        };
      },
    };
  }

  /** Lets time pass up to `untilMs`; promises are settled between the instants at which timers fire. */
  async runTo(untilMs) {
    while (this.#timers.length > 0 && this.#timers[0].atMs <= untilMs) {
      const { atMs } = this.#timers[0];
      this.now = atMs;
      while (this.#timers.length > 0 && this.#timers[0].atMs <= atMs) this.#timers.shift().run?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.now = untilMs;
  }
}
