/**
 * The LMDB file: opening it, telling why it cannot be opened, and how much room the disk has.
 *
 * Settings, and why:
 * - `overlappingSync: false`: a commit returns after its sync, and fails if the sync fails. With
 *   lmdb's default the sync runs on its own, and if it fails `flushed` never settles;
 * - `eventTurnBatching: false`: each of our batches is a transaction already; and when a commit fails,
 *   the promise that lmdb makes for the turn is rejected with nobody listening, which ends the process;
 * - no `noSync`, no `useWritemap` (a full disk would be a SIGBUS), no `noMemInit` (freed pages would
 *   carry other memory to disk);
 * - one tree, binary keys and values: keys.ts draws the keys, records.ts checks the values.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statfsSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { RetroError } from "../../agent/kernel/index.ts";
import { cutShort } from "./cut-short.ts";
import { FORMAT_KEY, type KeyRange } from "./keys.ts";
import { openRecord, sealRecord } from "./records.ts";

export type Environment = RootDatabase<Buffer, Buffer>;

/** Raised when the layout of keys or records changes in a way that older code cannot read. */
export const FORMAT = 4;
/**
 * Formats that are read, and raised to ours: 1 kept the logs of an epoch inside its record; 2 had no
 * tiles and no joined messages, which who does not know them would let grow stale; 3 had only batches,
 * and who knows nothing else would take a segment for a damaged one.
 */
const OLDER_FORMATS: readonly (number | undefined)[] = [1, 2, 3];
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const FILES = ["data.mdb", "lock.mdb"];
const LMDB_MAGIC = 0xbe_ef_c0_de;
const MAGIC_AT = 24;
const META_BYTES = 4_096;

/**
 * Makes the data directory if need be and sees that it can be written.
 * @throws RetroError `data-unusable`
 */
export function prepareDirectory(directory: string): void {
  try {
    makeDirectories(resolve(directory));
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

/** Not mkdir's `recursive`, which never returns where a parent exists and takes no children (/proc). */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/**
 * Opens, or makes, the file in a prepared directory.
 * @throws RetroError `data-unusable` (not ours, or newer than us), `data-damaged`
 */
export function openEnvironment(directory: string): Environment {
  const isNew = !existsSync(join(directory, "data.mdb"));
  if (!isNew) checkFile(directory);
  let environment: Environment;
  try {
    environment = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      overlappingSync: false,
      eventTurnBatching: false,
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

/** LMDB maps what it is given and believes it. */
function checkFile(directory: string): void {
  checkMagic(directory);
  const short = cutShort(join(directory, "data.mdb"));
  if (short === undefined) return;
  const { bytes, neededBytes } = short;
  throw new RetroError(
    "data-damaged",
    `data.mdb in ${directory} is cut short: it has ${bytes} bytes, and what is in use goes on to ${neededBytes} at least`,
    { hint: "Restore a backup, or move it away and start with an empty directory." },
  );
}

/**
 * LMDB maps what it is given, and a process that maps garbage dies. The first page
 * holds LMDB's number behind its header.
 */
function checkMagic(directory: string): void {
  const head = Buffer.alloc(META_BYTES);
  const file = openSync(join(directory, "data.mdb"), "r");
  let length: number;
  try {
    length = readSync(file, head, 0, META_BYTES, 0);
  } finally {
    closeSync(file);
  }
  // A start that was killed before its first commit leaves an empty file.
  if (length === 0 || (length === META_BYTES && head.readUInt32LE(MAGIC_AT) === LMDB_MAGIC)) return;
  throw new RetroError("data-unusable", `data.mdb in ${directory} is not a store`, {
    hint: "Move it away, or restore a backup.",
  });
}

/**
 * Opens the file of an existing store for reading alone: nothing in it is changed, nothing is made.
 * @throws RetroError `not-found` (no store there), `data-unusable` (not ours, or unreadable), `data-damaged` (cut short)
 */
export function openReadOnly(directory: string): Environment {
  if (!existsSync(join(directory, "data.mdb"))) {
    throw new RetroError("not-found", `there is no store in ${directory}`, {
      hint: "Name the directory that the collector was given with --data.",
    });
  }
  try {
    checkFile(directory);
    return open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      readOnly: true,
    });
  } catch (error) {
    if (error instanceof RetroError) throw error;
    throw new RetroError("data-unusable", `cannot read ${directory}: ${messageOf(error)}`, {
      hint: "Is it a store of ours, and may this user read it?",
      cause: error,
    });
  }
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
  if (OLDER_FORMATS.includes(found)) {
    environment.putSync(FORMAT_KEY, sealRecord(FORMAT_KEY, Buffer.from([FORMAT])));
    return;
  }
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

/**
 * Keys of a range with both its ends, ascending, or descending if `reverse`. A search that meets a damaged key
 * may end outside the range: what it finds there is passed over.
 */
export function* keysIn(
  db: Environment,
  { first, last }: KeyRange,
  reverse = false,
): Iterable<Buffer> {
  for (const key of db.getKeys({
    start: reverse ? last : first,
    end: reverse ? first : last,
    inclusiveEnd: true,
    reverse,
  })) {
    if (key.compare(first) >= 0 && key.compare(last) <= 0) yield key;
  }
}

/** Bytes that this user may still write on the directory's file system. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** The directory's file system, for this user. */
export function diskOf(directory: string): { freeBytes: number; totalBytes: number } {
  const { bavail, bfree, blocks, bsize } = statfsSync(directory);
  // What is set aside for root is room that we do not have.
  return { freeBytes: bavail * bsize, totalBytes: (blocks - (bfree - bavail)) * bsize };
}

/** What the records take, and how long the file is. */
export function sizeOf(environment: Environment): { usedBytes: number; fileBytes: number } {
  const stats = environment.getStats() as Readonly<Record<string, number>>;
  const pages = (name: string): number => stats[name] ?? 0;
  const used = pages("treeBranchPageCount") + pages("treeLeafPageCount") + pages("overflowPages");
  const pageSize = pages("pageSize");
  return { usedBytes: used * pageSize, fileBytes: (pages("lastPageNumber") + 1) * pageSize };
}

/** What went wrong, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
