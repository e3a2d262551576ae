/** What differs between two states of a node. */
import { type Json, valuesEqual } from "../kernel/index.ts";
import type { LogStates, View } from "./view.ts";

/** What differs between two cuts: only variables whose values differ. */
export interface StateChange {
  readonly log: string;
  readonly key: string;
  /** Absent: there was no such variable. */
  readonly before?: Json;
  readonly after?: Json;
}

const NOTHING = Object.create(null) as Readonly<Record<string, Json>>;

/** What differs between two states, by looking at all of both. */
export function diffOf(before: LogStates, after: LogStates): StateChange[] {
  const changes: StateChange[] = [];
  for (const log of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const old = before[log] ?? NOTHING;
    const now = after[log] ?? NOTHING;
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      pushChange(changes, log, key, old[key], now[key]);
    }
  }
  return changes;
}

function pushChange(
  changes: StateChange[],
  log: string,
  key: string,
  before: Json | undefined,
  after: Json | undefined,
): void {
  if (valuesEqual(before, after)) return;
  changes.push({
    log,
    key,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

/**
 * Moves the view to just before the event with that index, and tells what became different: costs the events
 * between, not the state.
 */
export function walkTo(view: View, target: number): StateChange[] {
  const before = new Map(Array.from(view.touchedUpTo(target), (id) => [id, view.json(id)]));
  view.moveTo(target);
  const changes: StateChange[] = [];
  for (const [id, old] of before) {
    const ref = view.nameOf(id);
    if (ref !== undefined) pushChange(changes, ref.log, ref.key, old, view.json(id));
  }
  return changes;
}
