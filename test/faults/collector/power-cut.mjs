/**
 * A recording of what a collector wrote to its data file and synced, and the images that a power cut could
 * have left: of the writes that were not synced each 512-byte sector is kept or lost by itself, so writes are
 * lost, torn and reordered. A sector is whole or not at all, as disks promise.
 *
 *     w1 w2 sync  w3 w4 [cut here]           w1, w2 stand; of w3, w4 any sectors
 *     m (O_DSYNC) stands as soon as it has returned; so does a sync, for what was written before it
 */
import { readFileSync } from "node:fs";

const SECTOR = 512;

/** Words for strace that record the calls on the data file with all bytes. */
export const RECORDED =
  "openat,close,lseek,pwrite64,pwritev,pwritev2,write,writev,fdatasync,fsync,ftruncate";
export const WITH_BYTES = ["-xx", "-s", String(64 * 2 ** 20)];

/**
 * The calls on the data file in the order of their ends: { kind, atMs, at, bytes, isSynced }.
 * A call that is cut in two by another thread's is put together again.
 */
export function readRecording(output, dataFile) {
  const open = new Map();
  const unfinished = new Map();
  const operations = [];
  for (const line of readFileSync(output, "latin1").split("\n")) {
    const head = /^(\d+)\s+([\d.]+) (.*)$/.exec(line);
    if (head === null) continue;
    const [, pid, seconds, rest] = head;
    let text = rest;
    if (text.endsWith("<unfinished ...>")) {
      unfinished.set(pid, text.slice(0, -"<unfinished ...>".length).trimEnd());
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    if (resumed !== null) text = (unfinished.get(pid) ?? "") + resumed[1];
    const call = /^(\w+)\(/.exec(text)?.[1];
    const result = Number(/= (-?\d+)[^=]*$/.exec(text)?.[1]);
    if (call === "openat") {
      const name = /^openat\([^,]*, "((?:\\x[0-9a-f]{2})*)"/.exec(text)?.[1];
      if (name !== undefined && unhex(name).toString() === dataFile && result >= 0)
        open.set(result, { isSynced: text.includes("O_DSYNC"), position: 0 });
      continue;
    }
    const descriptor = Number(/^\w+\((\d+)/.exec(text)?.[1]);
    const file = open.get(descriptor);
    if (file === undefined || !(result >= 0)) continue;
    const atMs = Number(seconds) * 1_000;
    if (call === "close") open.delete(descriptor);
    else if (call === "fdatasync" || call === "fsync") operations.push({ kind: "sync", atMs });
    else if (call === "ftruncate")
      operations.push({ kind: "truncate", atMs, at: Number(/, (\d+)/.exec(text)[1]) });
    else if (call === "lseek") file.position = result;
    else if (/^p?writev?/.test(call ?? "")) {
      const parts = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => unhex(hex));
      const bytes = Buffer.concat(parts).subarray(0, result);
      if (bytes.length !== result)
        throw new Error(`a ${call} of ${result} bytes shows ${bytes.length}`);
      // Runs of pages are written from where lseek went.
      const isPlaced = call.startsWith("p");
      const at = isPlaced ? Number(/, (\d+)\)\s+= /.exec(text)[1]) : file.position;
      if (!isPlaced) file.position += result;
      operations.push({ kind: "write", atMs, at, bytes, isSynced: file.isSynced });
    }
  }
  return operations;
}

const unhex = (text) => Buffer.from(text.replaceAll("\\x", ""), "hex");

/**
 * The file after the first `count` operations, with chance deciding over what was not synced.
 * `isLying`: a disk that says that it has synced and has not; what comes of it must not pass.
 */
export function imageAfter(operations, count, base, random, isLying = false) {
  let synced = 0;
  for (let i = 0; i < count; i += 1) if (operations[i].kind === "sync") synced = i;
  let file = Buffer.from(base);
  // A whole write is lost or kept half of the time; else it is torn.
  for (let i = 0; i < count; i += 1) {
    const { kind, at, bytes, isSynced } = operations[i];
    if (kind !== "write") continue;
    const end = at + bytes.length;
    const luck = !isLying && (i < synced || isSynced) ? 1 : random();
    if (luck < 0.25) continue;
    if (end > file.length) file = Buffer.concat([file, Buffer.alloc(end - file.length)]);
    if (luck >= 0.5) bytes.copy(file, at);
    else tear(file, at, bytes, random);
  }
  return file;
}

function tear(file, at, bytes, random) {
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + SECTOR - ((at + start) % SECTOR));
    if (random() < 0.5) bytes.copy(file, at + start, start, end);
    start = end;
  }
}
