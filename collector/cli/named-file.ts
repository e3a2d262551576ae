/** Files that are named on the command line, read as they come. */
import { createReadStream } from "node:fs";
import { RetroError } from "../../agent/kernel/index.ts";

/**
 * The bytes of the file at `path`.
 * @param hint what to type instead
 * @throws RetroError `bad-usage`: there is none, or it may not be read
 */
export async function* bytesOfFile(path: string, hint: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RetroError("bad-usage", `cannot read ${path}: ${why}`, { hint, cause: error });
  }
}
