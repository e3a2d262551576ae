/**
 * The LMDB file: opening it, telling why it cannot be opened, and how much room the disk has.
 *
 * Settings, and why:
 * - `overlappingSync: false`: a commit returns after its sync, and fails if the sync fails. With
 *   lmdb's default the sync runs on its own, and if it fails `flushed` never settles;
 * - no `noSync`, no `useWritemap` (a full disk would be a SIGBUS), no `noMemInit` (freed pages would
 *   carry other memory to disk);
 * - one tree, binary keys and values: keys.ts draws the keys, records.ts checks the values.
 */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { RetroError } from "../../agent/kernel/index.ts";
import { FORMAT_KEY } from "./keys.ts";
import { openRecord, sealRecord } from "./records.ts";

export type Environment = RootDatabase<Buffer, Buffer>;

/** Raised when the layout of keys or records changes in a way that older code cannot read. */
const FORMAT = 1;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const FILES = ["data.mdb", "lock.mdb"];

/**
 * Makes the data directory if need be and sees that it can be written.
 * @throws RetroError `data-unusable`
 */
export function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    chmodSync(directory, DIRECTORY_MODE);
  } catch (error) {
    throw new RetroError(
      "data-unusable",
      `cannot write the data directory ${directory}: ${messageOf(error)}`,
      { hint: "Name a directory that this user may write with --data.", cause: error },
    );
  }
}

/**
 * Opens, or makes, the file in a prepared directory.
 * @throws RetroError `data-unusable` (not ours, or newer than us), `data-damaged`
 */
export function openEnvironment(directory: string): Environment {
  const isNew = !existsSync(join(directory, "data.mdb"));
  let environment: Environment;
  try {
    environment = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      overlappingSync: false,
    });
  } catch (error) {
    throw new RetroError("data-unusable", `cannot open ${directory}: ${messageOf(error)}`, {
      hint: "The file there is not a store of ours, or is damaged: move it away or restore a backup.",
      cause: error,
    });
  }
  for (const file of FILES) chmodSync(join(directory, file), FILE_MODE);
  checkFormat(environment, directory, isNew);
  return environment;
}

function checkFormat(environment: Environment, directory: string, isNew: boolean): void {
  const record = environment.getBinary(FORMAT_KEY);
  if (record === undefined) {
    if (!isNew && environment.getKeysCount({ limit: 1 }) > 0) {
      throw new RetroError("data-damaged", `${directory} holds records but no format`, {
        hint: "Restore a backup, or start with an empty directory.",
      });
    }
    const format = Buffer.from([FORMAT]);
    environment.putSync(FORMAT_KEY, sealRecord(FORMAT_KEY, format));
    return;
  }
  const found = openRecord(FORMAT_KEY, record)?.[0];
  if (found === undefined) {
    throw new RetroError("data-damaged", `the format record of ${directory} is damaged`, {
      hint: "Restore a backup, or start with an empty directory.",
    });
  }
  if (found !== FORMAT) {
    throw new RetroError(
      "data-unusable",
      `${directory} has format ${found}; this version reads format ${FORMAT}`,
      { hint: "Use the version of retroscope that wrote it." },
    );
  }
}

/** Bytes that this user may still write on the directory's file system. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** What went wrong, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
