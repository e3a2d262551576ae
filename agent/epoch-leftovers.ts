/**
 * Epoch files that are hardly read again. A node that nobody named ends with its process's number, and each of its
 * starts leaves another file:
 *
 *     agent-cart@host7.412.json   agent-cart@host7.977.json   agent-cart@host7.1020.t3.json   ...
 *
 * One may still be of use (in a container the number is often the same again), so the latest stay. Where a process that
 * lives loses its file, it writes it again within a second.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** So many of one service on one host stay, beside that of the process that looks. */
export const MAX_LEFTOVERS = 64;

const BY_NUMBER = /^(.+)\.(\d+)(?:\.t\d+)?$/;
const REST = /^\d+(?:\.t\d+)?\.json$/;

/** Removes all but the latest of those like `node`, if that ends with `pid`. Never throws. */
export function forgetLeftovers(dataDir: string, node: string, pid: number): void {
  const [, stem, number] = BY_NUMBER.exec(node) ?? [];
  if (stem === undefined || Number(number) !== pid) return;
  try {
    const start = `agent-${stem}.`;
    const names = readdirSync(dataDir).filter(
      (name) => name.startsWith(start) && REST.test(name.slice(start.length)),
    );
    if (names.length <= MAX_LEFTOVERS) return;
    const latestFirst = names
      .filter((name) => name !== `agent-${node}.json`)
      .map((name) => ({ path: join(dataDir, name), changedMs: changedMsOf(join(dataDir, name)) }))
      .sort((a, b) => b.changedMs - a.changedMs);
    for (const { path } of latestFirst.slice(MAX_LEFTOVERS)) rmSync(path, { force: true });
  } catch {
    // no directory, or not ours to clear: what cannot be written is told elsewhere
  }
}

/** 0: gone by now. */
function changedMsOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
