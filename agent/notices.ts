/** The few lines an agent writes to standard error: the start line, and warnings, each once a minute. */

const SAME_NOTICE_MS = 60_000;
const MAX_KINDS = 32;

export class Notices {
  readonly #isQuiet: boolean;
  readonly #nowMs: () => number;
  readonly #lastMs = new Map<string, number>();

  constructor(isQuiet: boolean, nowMs: () => number) {
    this.#isQuiet = isQuiet;
    this.#nowMs = nowMs;
  }

  /** Says `message`, unless one of the same kind was said within the minute. Never throws. */
  say(kind: string, message: string): void {
    if (this.#isQuiet) return;
    try {
      const now = this.#nowMs();
      const last = this.#lastMs.get(kind);
      if (last !== undefined && now - last < SAME_NOTICE_MS) return;
      if (last === undefined && this.#lastMs.size >= MAX_KINDS) return;
      this.#lastMs.set(kind, now);
      process.stderr.write(`retroscope: ${message}\n`);
    } catch {
      // A closed standard error is no reason to bother the host.
    }
  }
}
