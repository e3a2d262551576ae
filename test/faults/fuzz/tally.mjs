/**
 * What became of the inputs of one target: how many, how fast, which kinds of refusal were met (a number
 * in a message is one kind), and every broken promise with what plays it again.
 */
const MAX_FAILURES = 20;
const SLOW_MS = 50;
/** A busy machine stalls: what seems slow is tried again, and its CPU time counts. */
const SLOW_TRIES = 3;

export class Tally {
  name;
  inputs = 0;
  valid = 0;
  failures = [];
  slowestMs = 0;
  #kinds = new Map();
  #startMs = performance.now();
  #prototypeKeys = Reflect.ownKeys(Object.prototype).length;

  constructor(name) {
    this.name = name;
  }

  get isFull() {
    return this.failures.length >= MAX_FAILURES;
  }

  refused(error) {
    const kind = `${error.code}: ${String(error.message).replace(/\d+/g, "#").slice(0, 60)}`;
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
  }

  failed(what, input) {
    if (!this.isFull) this.failures.push({ target: this.name, what, input });
  }

  /** Runs one input of a synchronous target. `run` returns whether it was valid. */
  take(run, isAllowed, show) {
    this.inputs += 1;
    const start = performance.now();
    try {
      run();
      this.valid += 1;
    } catch (error) {
      if (isAllowed(error)) this.refused(error);
      else this.failed(String(error?.stack ?? error), show());
    }
    const ms = performance.now() - start;
    this.slowestMs = Math.max(this.slowestMs, ms);
    if (ms > SLOW_MS && isSlowEachTime(run)) this.failed(`takes over ${SLOW_MS} ms`, show());
    if (this.inputs % 256 === 0) this.checkPrototype(show);
  }

  checkPrototype(show) {
    if (Reflect.ownKeys(Object.prototype).length === this.#prototypeKeys) return;
    this.failed("Object.prototype is polluted", show());
    this.#prototypeKeys = Reflect.ownKeys(Object.prototype).length;
  }

  report() {
    this.checkPrototype(() => "the last 256");
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const codes = {};
    for (const [kind, count] of this.#kinds) {
      const code = kind.split(":", 1)[0];
      codes[code] = (codes[code] ?? 0) + count;
    }
    return {
      target: this.name,
      inputs: this.inputs,
      perSecond: Math.round(this.inputs / seconds),
      valid: this.valid,
      refusalKinds: this.#kinds.size,
      codes,
      slowestMs: Math.round(this.slowestMs),
      failures: this.failures,
    };
  }
}

function isSlowEachTime(run) {
  for (let i = 0; i < SLOW_TRIES; i += 1) {
    const start = process.cpuUsage();
    try {
      run();
    } catch {
      // refused, as before
    }
    if (cpuMsSince(start) <= SLOW_MS) return false;
  }
  return true;
}

export function cpuMsSince(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
