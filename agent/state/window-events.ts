/** A slice of the window as events, with old and new values: what a log did, as a list. */
import {
  EVENT_KINDS,
  type EventBody,
  type EventRef,
  type Hlc,
  isChangeCode,
  type Json,
  KindCode,
  RetroError,
  toJsonForm,
  ValueTag,
  type VariableRef,
} from "../kernel/index.ts";
import { cellValue, MemberSet } from "./cell.ts";
import { type Chunk, MEMBER_HAD, MEMBER_LACKED, SHED_CODE } from "./event-window.ts";
import type { EventSlice, EventsOptions, WindowEvent, WindowEventKind } from "./questions.ts";
import type { Recording } from "./recording.ts";
import { namesOf, selectsOf } from "./state-filter.ts";

const DEFAULT_EVENTS = 1_000;
export const MAX_EVENTS = 10_000;

/** The range asked for, in the window, and who answers. */
export interface EventRange {
  readonly node: string;
  readonly from: Hlc;
  readonly to: Hlc;
}

/**
 * The events in (from, to] that are meant, oldest first.
 * @param placeOf of an event by its index in the window
 * @throws RetroError `bad-parameter`
 */
export function eventsIn(
  { window, table }: Recording,
  range: EventRange,
  options: EventsOptions,
  placeOf: (index: number) => EventRef,
): EventSlice {
  const limit = limitOf(options.limit);
  const selects = selectsOf(options);
  const kinds = namesOf(options.kind);
  checkKinds(kinds);
  const end = window.firstAfter(range.to);
  const events: WindowEvent[] = [];
  let lastT: Hlc | undefined;
  for (let index = window.firstAfter(range.from); index < end; index += 1) {
    const chunk = window.chunkOf(index);
    const at = index - chunk.firstIndex;
    const t = chunk.t[at] as Hlc;
    const kind = kindOf(chunk.kind[at] as number);
    if (kinds?.has(kind) === false) continue;
    const event = contentOf(chunk, at, kind, table.refs, (i) => table.logs[i]?.name);
    if (selects !== undefined) {
      if (event["log"] === undefined) continue;
      // Of an event that is about a whole log, its name decides.
      if (!selects(String(event["log"]), String(event["key"] ?? namesKey(options)))) continue;
    }
    if (events.length >= limit && t !== lastT) {
      return { ...range, events, next: lastT as Hlc };
    }
    lastT = t;
    events.push({ ...placeOf(index), t, kind, ...event });
  }
  return { ...range, events };
}

/** A key that the filter means, so that an event without one passes. */
function namesKey({ key }: EventsOptions): string {
  return (typeof key === "string" ? key : key?.[0]) ?? "";
}

function kindOf(code: number): WindowEventKind {
  return code === SHED_CODE ? "shed" : (EVENT_KINDS[code] as WindowEventKind);
}

/** What an event says beside its place, time and kind. */
function contentOf(
  chunk: Chunk,
  at: number,
  kind: WindowEventKind,
  refs: readonly VariableRef[],
  logName: (index: number) => string | undefined,
): Readonly<Record<string, unknown>> {
  const code = chunk.kind[at] as number;
  const ref = chunk.ref[at] as number;
  if (code === SHED_CODE) return { log: logName(ref) };
  if (isChangeCode(code)) return { ...refs[ref], ...valuesOf(chunk, at, code) };
  const { kind: _, ...body } = chunk.objects[ref] as EventBody & { readonly state?: unknown };
  if (kind !== "keyframe") return copyOf(body) as Readonly<Record<string, unknown>>;
  const { state: __, ...frame } = body; // let go of once it was shipped
  return frame;
}

/** What a body holds (calls, tags, who sent it) is history: what is handed out shares none of it. */
function copyOf(part: unknown): unknown {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(copyOf);
  return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, copyOf(inner)]));
}

function valuesOf(chunk: Chunk, at: number, code: number): Readonly<Record<string, unknown>> {
  const tags = chunk.tags[at] as number;
  const [newTag, oldTag] = [tags & 15, tags >> 4];
  const isMember = code === KindCode.add || code === KindCode.remove;
  const values: Record<string, unknown> = {};
  if (code !== KindCode.delete) {
    values["value"] = jsonAt(chunk, newTag, chunk.after[at] as number);
    if (newTag === ValueTag.cutShort) values["cutShort"] = true;
  }
  if (isMember && (oldTag === MEMBER_HAD || oldTag === MEMBER_LACKED)) {
    values["had"] = oldTag === MEMBER_HAD;
  } else if (oldTag !== ValueTag.none) {
    values["before"] = jsonAt(chunk, oldTag, chunk.before[at] as number);
  }
  return values;
}

function jsonAt(chunk: Chunk, tag: number, number: number): Json | undefined {
  const held = tag > ValueTag.number ? chunk.objects[number] : undefined;
  const value = cellValue(tag, number, held instanceof MemberSet ? held.value : held);
  return value === undefined ? undefined : toJsonForm(value);
}

function limitOf(limit: unknown): number {
  if (limit === undefined) return DEFAULT_EVENTS;
  if (Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= MAX_EVENTS) {
    return limit as number;
  }
  throw new RetroError("bad-parameter", `limit must be 1 to ${MAX_EVENTS}, not ${String(limit)}`);
}

function checkKinds(kinds: ReadonlySet<string> | undefined): void {
  const known: readonly string[] = [...EVENT_KINDS, "shed"];
  const unknown = [...(kinds ?? [])].find((kind) => !known.includes(kind));
  if (unknown === undefined) return;
  throw new RetroError("bad-parameter", `there is no kind ${JSON.stringify(unknown)}`, {
    hint: `Known are ${known.join(", ")}.`,
  });
}
