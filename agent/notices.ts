/**
 * The few lines an agent writes to standard error: the start line, and warnings, each once a minute.
 *
 * A closed pipe is told as an `error` of the stream, later, and would end the host. Node's Console takes
 * such errors upon itself; a Console of our own is out of reach of whoever replaced the global one.
 */
import { Console } from "node:console";

const SAME_NOTICE_MS = 60_000;
const MAX_KINDS = 32;

/** Writes one line to standard error. Never throws, whatever became of it. */
export function writeLine(message: string): void {
  try {
    const { stderr } = process;
    new Console({ stdout: stderr, stderr, ignoreErrors: true }).error(`retroscope: ${message}`);
  } catch {
    // No standard error is no reason to bother the host.
  }
}

export class Notices {
  readonly #isQuiet: boolean;
  readonly #nowMs: () => number;
  readonly #lastMs = new Map<string, number>();

  constructor(isQuiet: boolean, nowMs: () => number) {
    this.#isQuiet = isQuiet;
    this.#nowMs = nowMs;
  }

  /** Says `message`, unless one of the same kind was said within the minute. Never throws. @returns whether */
  say(kind: string, message: string): boolean {
    if (this.#isQuiet) return false;
    try {
      const now = this.#nowMs();
      const last = this.#lastMs.get(kind);
      if (last !== undefined && now - last < SAME_NOTICE_MS) return false;
      if (last === undefined && this.#lastMs.size >= MAX_KINDS) return false;
      this.#lastMs.set(kind, now);
    } catch {
      return false; // a scheduler of the host's
    }
    writeLine(message);
    return true;
  }
}
