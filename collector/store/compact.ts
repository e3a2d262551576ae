/**
 * Copies what a store holds into a new file, and puts it in the place of the old one. Retention and
 * erasing free pages inside the file, which LMDB writes over in its own time: until then the file is as
 * long as before, and old bytes can be found in it. A copy has neither.
 *
 *     data.mdb  --copy, without free pages-->  compact-tmp/data.mdb  --sync, rename-->  data.mdb
 *
 * Killed at any moment it leaves one whole store: the old one until the rename, the new one after it.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { RetroError } from "../../agent/kernel/index.ts";
import { freeBytes, openReadOnly, sizeOf } from "./environment.ts";
import { lockDirectory } from "./lock.ts";

const COPY = "compact-tmp";
const FILE_MODE = 0o600;

export interface Compacted {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/**
 * @throws RetroError `not-found` (no store there), `data-in-use` (a collector is running on it),
 * `disk-full` (no room for the copy), `data-unusable`
 */
export async function compactStore(directory: string): Promise<Compacted> {
  // First of all: a directory without a store is not to get a lock.
  await openReadOnly(directory).close();
  const lock = await lockDirectory(directory);
  const copy = join(directory, COPY);
  const file = join(directory, "data.mdb");
  try {
    rmSync(copy, { recursive: true, force: true }); // of a run that was killed
    const beforeBytes = statSync(file).size;
    const environment = openReadOnly(directory);
    try {
      const { usedBytes } = sizeOf(environment);
      const free = freeBytes(directory);
      if (free < usedBytes * 1.1) {
        throw new RetroError("disk-full", `the copy takes ${usedBytes} bytes, ${free} are free`, {
          hint: "Free some space: the old file goes only when the copy is whole.",
        });
      }
      mkdirSync(copy, { mode: 0o700 });
      await environment.backup(copy, true);
    } finally {
      await environment.close();
    }
    const copied = join(copy, "data.mdb");
    sync(copied);
    renameSync(copied, file);
    sync(directory);
    return { beforeBytes, afterBytes: statSync(file).size };
  } finally {
    rmSync(copy, { recursive: true, force: true });
    await lock.release();
  }
}

function sync(path: string): void {
  const opened = openSync(path, "r", FILE_MODE);
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
