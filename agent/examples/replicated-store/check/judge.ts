/**
 * The judgement of cuts by the journals alone.
 *
 * State: the state of a node at T is what its journal says after every change with t <= T.
 *
 * Causality: a cut takes a prefix of each node's changes. It holds an effect without its cause if
 * some change inside has seen (by vector clock) a change of another node that is outside:
 *
 *     node i   ----c1----c2--|--          c2.clock[j] >= d3.clock[j]: c2 has seen d3,
 *     node j   --d1--d2----|--d3--        yet d3 is outside the cut
 *
 * Changes of one node are totally ordered, so only the last inside and the first outside matter.
 */
import type { JournalChange, NodeJournal } from "./read-journals.ts";

/** Per log, per key, the value. */
export type NodeState = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** How many of a journal's changes lie inside a cut; `isInside` must be true for a prefix. */
export function prefixLength(
  changes: readonly JournalChange[],
  isInside: (change: JournalChange) => boolean,
): number {
  const firstOutside = changes.findIndex((change) => !isInside(change));
  return firstOutside === -1 ? changes.length : firstOutside;
}

/** The state after the first `length` changes. */
export function stateAfter(changes: readonly JournalChange[], length: number): NodeState {
  const logs = new Map<string, Map<string, unknown>>();
  for (const { log, key, value } of changes.slice(0, length)) {
    const variables = logs.get(log) ?? new Map<string, unknown>();
    logs.set(log, variables.set(key, value));
  }
  return logs;
}

/** Pairs (cause, effect) of nodes between which the cut is broken; empty: consistent. */
export function brokenPairs(
  journals: readonly NodeJournal[],
  lengths: readonly number[],
): readonly { readonly cause: string; readonly effect: string }[] {
  const broken: { cause: string; effect: string }[] = [];
  journals.forEach((effect, i) => {
    const lastInside = effect.changes[(lengths[i] as number) - 1];
    journals.forEach((cause, j) => {
      const firstOutside = cause.changes[lengths[j] as number];
      if (i === j || !lastInside || !firstOutside) return;
      const seen = lastInside.clock[cause.node] ?? 0;
      if (seen >= (firstOutside.clock[cause.node] as number)) {
        broken.push({ cause: cause.node, effect: effect.node });
      }
    });
  });
  return broken;
}

/** What differs between a node's state by its journal and by an answer, in words; empty: equal. */
export function stateDifferences(
  expected: NodeState,
  answered: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): readonly string[] {
  const differences: string[] = [];
  const logs = new Set([...expected.keys(), ...Object.keys(answered)]);
  for (const log of logs) {
    const want = expected.get(log) ?? new Map<string, unknown>();
    const have = new Map(Object.entries(answered[log] ?? {}));
    for (const key of new Set([...want.keys(), ...have.keys()])) {
      const wanted = plainText(want.get(key));
      const had = plainText(have.get(key));
      if (wanted !== had) differences.push(`${log}.${key}: journal ${wanted}, answer ${had}`);
    }
  }
  return differences;
}

/** Text of a value that does not depend on the order of its keys. */
function plainText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(plainText).join()}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${key}:${plainText(inner)}`).join()}}`;
}
