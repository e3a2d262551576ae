/**
 * What the command line takes from its surroundings, as a value: tests give their own. The real one
 * is an adapter, and the only place here that reads the clock and the process.
 */
export interface CliIo {
  /** Writes to standard output. Answers only. */
  out(text: string): void;
  /** Writes to standard error: errors and progress. */
  err(text: string): void;
  /** Whether a person watches standard error: only then progress is shown. */
  readonly isWatched: boolean;
  /** Characters in a line of the terminal; undefined where output goes elsewhere. */
  readonly columns: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Unix milliseconds, for "5.0 s ago". */
  nowMs(): number;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Resolves at SIGINT or SIGTERM. */
  interrupted(): Promise<void>;
}

export function processIo(): CliIo {
  // A reader that has seen enough (`| head`) closes the pipe: that is no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isWatched: process.stderr.isTTY === true,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    environment: process.env,
    nowMs: () => Date.now(),
    stdin: process.stdin,
    interrupted: () =>
      new Promise((resolve) => {
        process.once("SIGINT", () => resolve());
        process.once("SIGTERM", () => resolve());
      }),
  };
}
