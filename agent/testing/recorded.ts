/**
 * What was recorded, for a user's own tests: the state at any moment of it, the changes of a variable,
 * and an invariant checked at every cut.
 *
 *     events    set apples 12 | set apples 11, set sold 1 (one commit) | set apples 10
 *     cuts      ------------- 1 -------------------------------------- 2 ------------- 3
 */
import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import {
  canonicalText,
  formatHlcDisplay,
  type Hlc,
  type Json,
  type RetroEvent,
  toJsonForm,
  type Value,
  ValueSet,
} from "../kernel/index.ts";

/** `log -> key -> value`; a set is `{"$set": [...]}`. */
export type RecordedState = { readonly [log: string]: { readonly [key: string]: Json } };

/** One change of a variable. */
export interface RecordedChange {
  readonly t: Hlc;
  readonly kind: "set" | "delete" | "add" | "remove";
  readonly log: string;
  readonly key: string;
  /** What it was set to, or the member that came or went; absent for `delete`. */
  readonly value?: Json;
}

/**
 * The state after all events, or at the cut `at`.
 * @param events of one node, in order: `transport.events`
 *
 * @example
 * stateOf(transport.events)["stock"]; // { apples: 12 }
 */
export function stateOf(events: Iterable<RetroEvent>, at?: Hlc): RecordedState {
  checkEvents(events);
  const replay = new Replay();
  for (const event of events) if (at === undefined || event.t <= at) replay.apply(event);
  return replay.state();
}

/**
 * Changes in the order in which they were recorded; keyframes, which repeat a state, are none.
 *
 * @example
 * changesOf(transport.events, { log: "stock", key: "apples" }).map((change) => change.value); // [12, 11]
 */
export function changesOf(
  events: Iterable<RetroEvent>,
  only: { readonly log?: string; readonly key?: string } = {},
): readonly RecordedChange[] {
  checkEvents(events);
  const changes: RecordedChange[] = [];
  for (const event of events) {
    if (!isChange(event)) continue;
    const { t, kind, log, key } = event;
    if ((only.log ?? log) !== log || (only.key ?? key) !== key) continue;
    const value = "value" in event ? { value: toJsonForm(event.value) } : {};
    changes.push({ t, kind, log, key, ...value });
  }
  return changes;
}

/**
 * Asserts that the state has these logs and variables with these values; others may stand beside them.
 * @param state `agent.snapshot(...).logs`, or what `stateOf` gives
 * @param expected a value of `undefined`: there must be no such variable
 * @throws AssertionError with what differs
 * @throws TypeError if `state` is a snapshot, or none at all
 *
 * @example
 * assertState(agent.snapshot().logs, { stock: { apples: 11, pears: undefined } });
 */
export function assertState(
  state: RecordedState,
  expected: { readonly [log: string]: { readonly [key: string]: Json | undefined } },
): void {
  checkState(state);
  const wrong: string[] = [];
  const actual: Record<string, Record<string, Json | undefined>> = {};
  for (const [log, variables] of Object.entries(expected)) {
    for (const [key, value] of Object.entries(variables)) {
      const found = state[log]?.[key];
      actual[log] = { ...actual[log], [key]: found };
      if (!areEqual(found, value))
        wrong.push(`${log}.${key} is ${show(found)}, not ${show(value)}`);
    }
  }
  if (wrong.length === 0) return;
  throw new AssertionError({
    message: wrong.join("; "),
    actual,
    expected,
    operator: "assertState",
  });
}

/**
 * Asserts that something held at every cut of what was recorded: after each event, a commit as one. What
 * is only passing through must be a commit, or it is found here.
 * @param holds gets the state and the time of a cut; false, or a throw, is a broken invariant
 * @returns how many cuts there were
 * @throws AssertionError naming the first cut at which it did not hold, and what changed there
 * @throws TypeError if there are no events to iterate over, or `holds` is an async function
 *
 * @example
 * assertAlways(transport.events, (state) => Number(state["stock"]?.["apples"] ?? 0) >= 0);
 */
export function assertAlways(
  events: Iterable<RetroEvent>,
  holds: (state: RecordedState, at: Hlc) => boolean,
): number {
  checkEvents(events);
  const replay = new Replay();
  let cutCount = 0;
  let sameTime: RetroEvent[] = [];
  const judge = (): void => {
    const last = sameTime.at(-1);
    if (last === undefined) return;
    cutCount += 1;
    const state = replay.state();
    let why = "";
    let isAsync = false;
    try {
      const answer: unknown = holds(state, last.t);
      if (isPromise(answer)) {
        answer.then(undefined, () => undefined); // told below; no unhandled rejection beside it
        isAsync = true;
      } else if (answer) return;
    } catch (error) {
      why = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (isAsync) {
      throw new TypeError(
        "the function given to assertAlways returned a promise; give one that answers at once",
      );
    }
    const changed = sameTime.filter(isChange).map(describe).join(", ") || `a ${last.kind}`;
    throw new AssertionError({
      message: `does not hold at ${formatHlcDisplay(last.t)}, after ${changed}${why}`,
      actual: state,
      operator: "assertAlways",
    });
  };
  for (const event of events) {
    if (event.t !== sameTime[0]?.t) {
      judge();
      sameTime = [];
    }
    sameTime.push(event);
    replay.apply(event);
  }
  judge();
  return cutCount;
}

/** Mistakes that would pass for an answer: an async predicate is always true, a snapshot has none of the logs. */
function checkEvents(events: unknown): void {
  if (isPromise(events)) {
    throw new TypeError("events are a promise: write `await test.events()`");
  }
  if (typeof (events as Iterable<unknown> | undefined)?.[Symbol.iterator] === "function") return;
  const isSlice = Array.isArray((events as { events?: unknown } | undefined)?.events);
  throw new TypeError(
    isSlice
      ? "events are those of `await test.events()` or `transport.events`, not what `agent.events()` gives"
      : "events must be iterable: `await test.events()`, or `transport.events`",
  );
}

function checkState(state: unknown): void {
  if (isPromise(state)) throw new TypeError("the state is a promise: await it first");
  if (typeof state !== "object" || state === null) {
    throw new TypeError("the state must be `agent.snapshot().logs`, or what `stateOf` gives");
  }
  const { at, logs } = state as { at?: unknown; logs?: unknown };
  if (typeof at === "number" && typeof logs === "object") {
    throw new TypeError("the state is a snapshot: write `agent.snapshot().logs`");
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

class Replay {
  readonly #logs = new Map<string, Map<string, Value>>();

  apply(event: RetroEvent): void {
    if (event.kind === "keyframe") {
      this.#logs.set(event.log, new Map(event.state));
      return;
    }
    if (!isChange(event)) return;
    const log = this.#logs.get(event.log) ?? new Map<string, Value>();
    this.#logs.set(event.log, log);
    if (event.kind === "set") log.set(event.key, event.value);
    else if (event.kind === "delete") log.delete(event.key);
    else log.set(event.key, withMember(log.get(event.key), event.value, event.kind === "add"));
  }

  state(): RecordedState {
    const state: Record<string, Record<string, Json>> = Object.create(null);
    for (const [log, variables] of this.#logs) {
      if (variables.size === 0) continue;
      const values: Record<string, Json> = Object.create(null);
      for (const [key, value] of variables) values[key] = toJsonForm(value);
      state[log] = values;
    }
    return state;
  }
}

function withMember(held: Value | undefined, member: Json, isAdded: boolean): ValueSet {
  const others = (held instanceof ValueSet ? held.members : []).filter(
    (other) => canonicalText(other) !== canonicalText(member),
  );
  return ValueSet.of(isAdded ? [...others, member] : others);
}

type Change = Extract<RetroEvent, { readonly kind: "set" | "delete" | "add" | "remove" }>;

function isChange(event: RetroEvent): event is Change {
  return ["set", "delete", "add", "remove"].includes(event.kind);
}

function describe(change: Change): string {
  const value = "value" in change ? ` ${show(toJsonForm(change.value))}` : "";
  return `${change.kind} ${change.log}.${change.key}${value}`;
}

/** By value: prototypes and the order of keys do not count. */
function areEqual(a: Json | undefined, b: Json | undefined): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: Json | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function show(value: Json | undefined): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
