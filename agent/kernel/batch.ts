/**
 * A batch: consecutive events of one node and epoch, as agents ship them and collectors store them.
 * The codec that turns it into bytes is wire.ts; this file is the shape in memory.
 *
 * Events are held in columns, so that a block of thousands is read without an object per event:
 *
 *     i:            0       1       2         ...
 *     t             Float64Array, never falling; equal t in a row = one commit
 *     kind          Uint8Array of KindCode
 *     ref           Uint32Array: changes -> index into `variables`; all else -> index into `bodies`
 *     valueTag      Uint8Array of ValueTag (changes only)
 *     valueNumber   Float64Array: the number itself, or an index into `values`
 *
 * seq is implicit: `firstSeq + i`. A commit is never split over two batches.
 */
import type {
  EpochRef,
  JoinEvent,
  KeyframeEvent,
  LeaveEvent,
  MarkEvent,
  ReceiveEvent,
  RequestEvent,
  RetroEvent,
  SendEvent,
} from "./event.ts";
import type { Hlc } from "./hlc.ts";
import type { SideBlock } from "./side-block.ts";
import type { Json, Value } from "./value.ts";

/** How a change's value is held. `number`: in `valueNumber` itself; `other`: index into `values`. */
export const ValueTag: {
  readonly none: 0;
  readonly null: 1;
  readonly false: 2;
  readonly true: 3;
  readonly number: 4;
  readonly other: 5;
  /** As `other`, and cut short by the agent's limits. */
  readonly cutShort: 6;
} = { none: 0, null: 1, false: 2, true: 3, number: 4, other: 5, cutShort: 6 };

/** One variable of one log: changes point here. */
export interface VariableRef {
  readonly log: string;
  readonly key: string;
}

/** What is not a change, without seq and t (they are columns). */
export type EventBody =
  | Omit<SendEvent, "seq" | "t">
  | Omit<ReceiveEvent, "seq" | "t">
  | Omit<RequestEvent, "seq" | "t">
  | Omit<MarkEvent, "seq" | "t">
  | Omit<KeyframeEvent, "seq" | "t">
  | Omit<JoinEvent, "seq" | "t">
  | Omit<LeaveEvent, "seq" | "t">;

/** Events in columns. `count` may be smaller than the arrays' length. */
export interface EventColumns {
  readonly count: number;
  readonly t: Float64Array;
  readonly kind: Uint8Array;
  readonly ref: Uint32Array;
  readonly valueTag: Uint8Array;
  readonly valueNumber: Float64Array;
  readonly variables: readonly VariableRef[];
  /** Values that are not numbers, booleans or null: strings, arrays, objects, sets. */
  readonly values: readonly Value[];
  readonly bodies: readonly EventBody[];
}

/**
 * Why events will not come. `not-captured`: nobody asked an on-demand node for them; while they are in its
 * window, somebody still may, and a stored event beats the declaration.
 */
export type DropReason = "overflow" | "refused" | "shed" | "aged-out" | "shutdown" | "not-captured";

/** Drop reasons by their code on the wire. Codes are for good; append only. */
export const DROP_REASONS: readonly DropReason[] = [
  "overflow",
  "refused",
  "shed",
  "aged-out",
  "shutdown",
  "not-captured",
];

/** Events that were recorded and will never come, unless somebody asks for them (`not-captured`). */
export interface LostRange {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** The logs whose changes are missing; null: all, or not known. */
  readonly logs: readonly string[] | null;
  /** Whether a send or a receive may be among them. */
  readonly messages: boolean;
  readonly reason: DropReason;
}

/** Everything in a batch but its events. */
export interface BatchHeader extends EpochRef {
  readonly service: string;
  /** An empty batch has `lastSeq === firstSeq - 1`; `firstSeq` is then the next to come. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the first and last event; both equal `closed` in an empty batch. */
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** A promise: every later event of this epoch is later than `closed`. `closed >= lastT`. */
  readonly closed: Hlc;
  /** Lost ranges declared with this batch, oldest first. */
  readonly dropped: readonly LostRange[];
  /** Whether the node's history was imported from a file. */
  readonly imported: boolean;
  /** What the agent says about itself, now and then: hooks, counts, drops, lead (`AgentStatus`). */
  readonly status: Json | null;
}

export interface Batch {
  readonly header: BatchHeader;
  readonly events: EventColumns;
  /** How the node was doing: load, latencies, resources (side-block.ts). Absent: none. */
  readonly sideBlocks?: readonly SideBlock[];
}

/** The columns of a batch without events: a heartbeat, a loss. */
export const NO_EVENTS: EventColumns = Object.freeze({
  count: 0,
  t: new Float64Array(0),
  kind: new Uint8Array(0),
  ref: new Uint32Array(0),
  valueTag: new Uint8Array(0),
  valueNumber: new Float64Array(0),
  variables: [],
  values: [],
  bodies: [],
});

/** The value of the change at index `i`; `undefined` where there is none. */
export function valueAt(events: EventColumns, i: number): Value | undefined {
  switch (events.valueTag[i]) {
    case ValueTag.null:
      return null;
    case ValueTag.false:
      return false;
    case ValueTag.true:
      return true;
    case ValueTag.number:
      return events.valueNumber[i] as number;
    case ValueTag.other:
    case ValueTag.cutShort:
      return events.values[events.valueNumber[i] as number];
    default:
      return undefined;
  }
}

/** The event at index `i` as a row. */
export function eventAt(batch: Batch, i: number): RetroEvent {
  const { events, header } = batch;
  const seq = header.firstSeq + i;
  const t = events.t[i] as Hlc;
  const code = events.kind[i] as number;
  const ref = events.ref[i] as number;
  if (code > 3) return { seq, t, ...(events.bodies[ref] as EventBody) } as RetroEvent;
  const { log, key } = events.variables[ref] as VariableRef;
  if (code === 1) return { seq, t, kind: "delete", log, key };
  const kind = code === 0 ? "set" : code === 2 ? "add" : "remove";
  const value = valueAt(events, i);
  const cutShort = events.valueTag[i] === ValueTag.cutShort ? { cutShort: true as const } : {};
  return { seq, t, kind, log, key, value, ...cutShort } as RetroEvent;
}

/** All events of a batch as rows, in seq order. */
export function* eventsOf(batch: Batch): Generator<RetroEvent> {
  for (let i = 0; i < batch.events.count; i += 1) yield eventAt(batch, i);
}
