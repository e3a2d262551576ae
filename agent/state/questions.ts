/** What the window can be asked, and what it answers: types. Who answers: snapshot.ts, window-events.ts. */
import type { EventKind, Hlc, Json } from "../kernel/index.ts";
import type { StateChange } from "./state-diff.ts";
import type { LogStates } from "./view.ts";

/**
 * A time as users write it: anything `parseTime` reads, a `Date`, or a timestamp that a call returned. A number
 * is always such a timestamp; Unix milliseconds are `String(Date.now())`.
 */
export type TimeInput = string | Hlc | Date;

/** Which variables are meant; what is left out means all. */
export interface StateFilter {
  readonly log?: string | readonly string[];
  readonly key?: string | readonly string[];
}

/** The state of this node at a cut. */
export interface Snapshot {
  readonly at: Hlc;
  readonly node: string;
  /** `log -> key -> value`; a set is `{"$set": [...]}`. Copies: changing them changes nothing here. */
  readonly logs: LogStates;
}

/** Which moment, and which variables. */
export interface SnapshotOptions extends StateFilter {
  /** Default: now. */
  readonly at?: TimeInput;
}

/** Asks for what became different since an earlier snapshot, or time. */
export interface DiffOptions extends StateFilter {
  /** Not before `from`. Default: now. */
  readonly to?: TimeInput;
}

/** What differs between the cuts at `from` and at `to`: the changes in (from, to], net. */
export interface StateDiff {
  readonly node: string;
  readonly from: Hlc;
  readonly to: Hlc;
  readonly changes: readonly StateChange[];
}

/** Which stretch of the window, which events of it, and how many. */
export interface EventsOptions extends StateFilter {
  /** Events later than this. Default: all that the window holds. */
  readonly from?: TimeInput;
  /** Events up to and at this. Default: now. */
  readonly to?: TimeInput;
  readonly kind?: WindowEventKind | readonly WindowEventKind[];
  /** Default: 1,000; at most 10,000. A commit is given whole. */
  readonly limit?: number;
}

/** `shed`: a change that there was no room to record. */
export type WindowEventKind = EventKind | "shed";

/**
 * An event as the window holds it, in the words of event lines. Changes have `log`, `key`, and what is said
 * below; other kinds their own fields: `text` of a mark, `channel`, `peer`, `from`, `to` of a message.
 */
export interface WindowEvent {
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly t: Hlc;
  readonly kind: WindowEventKind;
  readonly log?: string;
  readonly key?: string;
  /** Of a set: the new value. Of an add or a remove: the member. */
  readonly value?: Json;
  /** The value was cut, masked or hashed. */
  readonly cutShort?: true;
  /** The value that was replaced; absent: there was none, or it was a set and `had` tells. */
  readonly before?: Json;
  /** Of an add or a remove on a set: whether the member had been there. */
  readonly had?: boolean;
  readonly [field: string]: unknown;
}

/** Events in (from, to], oldest first. */
export interface EventSlice {
  readonly node: string;
  readonly from: Hlc;
  readonly to: Hlc;
  readonly events: readonly WindowEvent[];
  /** There are more: ask again from here. */
  readonly next?: Hlc;
}
