/**
 * What a node keeps on disk over restarts: its highest epoch, and a ceiling no stamp of it has passed.
 *
 *     start    epoch = max(persisted + 1, ms since 2020), stamps above the ceiling
 *     running  a ceiling above the stamps to come (ceiling.ts), written each second, off the host's way
 *
 * A disk that is full, read-only or corrupt costs no more than this file: the new epoch then comes from
 * the clock alone, and the agent says so. Written aside and renamed, so a crash leaves old or new.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatHlc, type Hlc, parseHlc } from "./kernel/index.ts";

/**
 * Epochs are milliseconds since 2020, or little above. What names a higher one is damaged, or lies: taken at
 * its word, no epoch above it could be written any more.
 */
export const MAX_EPOCH: number = 2 ** 52;

/** What an earlier run left. */
export interface Persisted {
  readonly epoch: number;
  readonly ceiling: Hlc | undefined;
}

export class EpochFile {
  readonly #path: string;
  readonly #onProblem: (message: string) => void;
  #writing: Promise<void> | undefined;
  #next: string | undefined;

  constructor(dataDir: string, node: string, onProblem: (message: string) => void) {
    this.#path = join(dataDir, `agent-${node}.json`);
    this.#onProblem = onProblem;
    try {
      // Its parent must exist. With `recursive`, Node's mkdir spins for ever on some file systems (/proc).
      mkdirSync(dataDir, { mode: 0o700 });
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") this.#problem("has no directory", error);
    }
  }

  /** undefined: nothing, or nothing readable. */
  read(): Persisted | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") this.#problem("cannot be read", error);
      return undefined;
    }
    try {
      const { epoch, ceiling } = JSON.parse(text) as { epoch: unknown; ceiling: unknown };
      if (!Number.isSafeInteger(epoch) || (epoch as number) > MAX_EPOCH)
        throw new Error("no epoch in it");
      return { epoch: epoch as number, ceiling: parseHlc(String(ceiling)) };
    } catch (error) {
      this.#problem("is damaged", error);
      return undefined;
    }
  }

  /** Writes at once; only while the agent starts, when nothing else is on its way. */
  writeNow(epoch: number, ceiling: Hlc): void {
    try {
      writeFileSync(`${this.#path}.new`, textOf(epoch, ceiling), { mode: 0o600, flush: true });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#problem("cannot be written", error);
    }
  }

  /** Writes without making anybody wait; one at a time, and what came last stands in the end. Never rejects. */
  write(epoch: number, ceiling: Hlc): Promise<void> {
    this.#next = textOf(epoch, ceiling);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const text = this.#next;
      this.#next = undefined;
      try {
        await writeFile(`${this.#path}.new`, text, { mode: 0o600, flush: true });
        await rename(`${this.#path}.new`, this.#path);
      } catch (error) {
        this.#problem("cannot be written", error);
      }
    }
  }

  #problem(what: string, error: unknown): void {
    const { code, message } = error as { code?: string; message?: string };
    this.#onProblem(`the epoch file ${this.#path} ${what} (${code ?? message})`);
  }
}

function textOf(epoch: number, ceiling: Hlc): string {
  return `${JSON.stringify({ epoch, ceiling: formatHlc(ceiling) })}\n`;
}
