/**
 * The one guard between our code and the host's. Every public call runs inside it: what we throw is
 * caught and counted, and after five errors of our own the agent is off: quiet rather than wrong.
 */

/** Own errors after which the agent turns itself off. */
export const MAX_OWN_ERRORS = 5;

export class Guard {
  readonly #onOff: (reason: string) => void;
  readonly #cleaned: (text: string) => string;
  #errorCount = 0;
  #offReason: string | undefined;
  #isQuiet = false;
  #isClosing = false;
  #onAsked: (() => void) | undefined;
  #lastError: string | undefined;

  /** @param cleaned takes secrets out of what an error says: a clock or a transport of the host's may throw them */
  constructor(onOff: (reason: string) => void, cleaned: (text: string) => string = String) {
    this.#onOff = onOff;
    this.#cleaned = cleaned;
  }

  /** While true, nothing is recorded. To ask wakes an agent that sleeps: whoever asks is about to record. */
  get isOff(): boolean {
    return this.#isQuiet && this.#staysOff();
  }

  #staysOff(): boolean {
    const onAsked = this.#onAsked;
    this.#onAsked = undefined;
    onAsked?.();
    return this.#isQuiet;
  }

  /** The goodbye was recorded; but should anybody record on, `wake` is called first, to call `goOn`. */
  sleep(wake: () => void): void {
    this.#isQuiet = true;
    this.#onAsked = wake;
  }

  get isAsleep(): boolean {
    return this.#onAsked !== undefined;
  }

  goOn(): void {
    this.#isQuiet = this.offReason !== undefined;
  }

  /** The goodbye was recorded: nothing more is, while the rest is shipped. */
  stopRecording(): void {
    this.#isClosing = true;
    this.#isQuiet = true;
    this.#onAsked = undefined;
  }

  get offReason(): string | undefined {
    return this.#offReason ?? (this.#isClosing ? "closing" : undefined);
  }

  get errorCount(): number {
    return this.#errorCount;
  }

  /** The latest own error, for `health`; its message holds no values of the host. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Counts an error of our own. Never throws. */
  caught(error: unknown, where: string): void {
    this.#errorCount += 1;
    this.#lastError = `${where}: ${describe(error, this.#cleaned)}`;
    if (this.#errorCount >= MAX_OWN_ERRORS)
      this.turnOff(`${this.#errorCount} own errors, the last in ${this.#lastError}`);
  }

  /** Ends recording for good. */
  turnOff(reason: string): void {
    if (this.#offReason !== undefined) return;
    this.#offReason = reason;
    this.#isQuiet = true;
    this.#onAsked = undefined;
    try {
      this.#onOff(reason);
    } catch {
      // It was told; that is all we owe it.
    }
  }
}

function describe(error: unknown, cleaned: (text: string) => string): string {
  try {
    return error instanceof Error
      ? cleaned(`${error.name}: ${error.message}`).slice(0, 200)
      : "not an Error";
  } catch {
    return "an error that cannot be read";
  }
}
