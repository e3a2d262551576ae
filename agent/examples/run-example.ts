/**
 * What the command lines of examples do alike: Ctrl+C and SIGTERM abort, so that what was started is stopped
 * before the process ends, and whatever comes of it becomes an exit code.
 */
import { constants } from "node:os";
import { UsageError } from "./arguments.ts";

/** An example cannot run for a reason of its own that has an exit code of its own. */
export class ExampleError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs an example to its end, and ends the process with it: 0 all is as it must be, 1 it is not, 2 usage,
 * 3 it could not run, that of an ExampleError, 128 and the number of the signal that ended it.
 */
export async function runExample(
  usage: string,
  run: (signal: AbortSignal) => Promise<boolean>,
): Promise<never> {
  const controller = new AbortController();
  let signalled = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      signalled ||= constants.signals[name];
      controller.abort();
    });
  }
  let exitCode: number;
  try {
    exitCode = (await run(controller.signal)) ? 0 : 1;
  } catch (error) {
    exitCode = signalled > 0 ? 128 + signalled : explained(error, usage);
  }
  // What lost a race may still wait for something.
  process.exit(exitCode);
}

function explained(error: unknown, usage: string): number {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof ExampleError) return error.exitCode;
  if (!(error instanceof UsageError) && !isParseError(error)) return 3;
  process.stderr.write(`\n${usage}`);
  return 2;
}

function isParseError(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith("ERR_PARSE_ARGS");
}
