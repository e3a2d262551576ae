/**
 * Reads the journals that the example's processes wrote (../journal.ts says what a line is).
 *
 * This folder is the independent checker: it knows nothing of the product but its HTTP answers and
 * shares no code with it, stamps included: a stamp is its hex text here, and text order is time order.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface JournalChange {
  readonly log: string;
  readonly key: string;
  readonly value: unknown;
  /** Hex stamp from the agent. */
  readonly t: string;
  /** The process's own wall clock, Unix ms. */
  readonly wall: number;
  readonly clock: Readonly<Record<string, number>>;
}

export interface JournalEnd {
  readonly events: number;
  readonly dropped: number;
  readonly epoch: number;
}

/** One process's account, changes in the order in which they happened. */
export interface NodeJournal {
  readonly node: string;
  readonly changes: readonly JournalChange[];
  readonly messageCount: number;
  /** Undefined if the process did not come to its end. */
  readonly end: JournalEnd | undefined;
}

interface Line extends Partial<JournalChange>, Partial<JournalEnd> {
  readonly kind: string;
  readonly node?: string;
}

/** Reads every `*.journal` of a directory, sorted by node. */
export function readJournals(directory: string): readonly NodeJournal[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".journal"))
    .sort()
    .map((name) => readJournal(readFileSync(join(directory, name), "utf8")));
}

export function readJournal(text: string): NodeJournal {
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const end = lines.find((line) => line.kind === "end") as JournalEnd | undefined;
  return {
    node: lines[0]?.node ?? "?",
    changes: lines.filter((line) => line.kind === "change") as unknown as JournalChange[],
    messageCount: lines.filter((line) => line.kind === "send").length,
    end,
  };
}
