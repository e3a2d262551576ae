/**
 * The sampler's files, kept open: opening one anew would cost ten times the read. What is read is kept as bytes, with
 * the time at which it was read; it is only parsed when it is shipped. An adapter.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { type SignalFile, signalFiles } from "./proc-signals.ts";

/** Read of one file; what is longer is cut. */
export const MAX_READ_BYTES: number = 16 * 1024;

/** A file that can be read again and again. */
export interface OpenFile extends SignalFile {
  /** Puts its text into `into` from `at` on; returns how many bytes, 0: it is gone. */
  read(into: Uint8Array, at: number): number;
  close(): void;
}

export interface OpenFiles {
  readonly files: readonly OpenFile[];
  /** Signals that this host does not give. */
  readonly unavailable: readonly string[];
}

/** Opens all that there are, and reads each once: one that does not say what is looked for is not kept. */
export function openSignalFiles(threadId: number | undefined): OpenFiles {
  const files: OpenFile[] = [];
  const unavailable: string[] = [];
  const scratch = Buffer.alloc(MAX_READ_BYTES);
  for (const file of signalFiles({ threadId, cgroup: textOf("/proc/self/cgroup") })) {
    const open = file.path === "" ? undefined : opened(file);
    const length = open?.read(scratch, 0) ?? 0;
    if (open === undefined || file.parse(scratch.toString("latin1", 0, length)) === undefined) {
      open?.close();
      unavailable.push(...file.signals);
    } else files.push(open);
  }
  return { files, unavailable };
}

function opened(file: SignalFile): OpenFile | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file.path, "r");
  } catch {
    return undefined;
  }
  return {
    ...file,
    read: (into, at) => {
      try {
        return readSync(descriptor, into, at, Math.min(MAX_READ_BYTES, into.length - at), 0);
      } catch {
        return 0;
      }
    },
    close: () => closeSync(descriptor),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
