/**
 * A view: the state at one moment of the window, moved back and forward in place.
 *
 *     window     a  b  c  d  e  f          position p: a, b and c are in, d, e and f are not
 *                        ^ p
 *     back       undo c: the variable gets the value that c replaced
 *     forward    apply d
 *
 * A walk costs the events between the two positions, whatever the size of the history. Columns as in
 * the table, copied once; a set is copied when a walk first changes it.
 */
import {
  type Json,
  KindCode,
  toJsonForm,
  type Value,
  ValueSet,
  ValueTag,
  type VariableRef,
} from "../kernel/index.ts";
import { cellValue, MemberSet, SET_TAG } from "./cell.ts";
import { type Chunk, type EventWindow, MEMBER_HAD, MEMBER_LACKED } from "./event-window.ts";
import type { VariableTable } from "./variable-table.ts";

const LAST_CHANGE_CODE = KindCode.remove;

/** `log -> key -> value` in JSON form. Without prototypes, so that any text is a plain key. */
export type LogStates = Readonly<Record<string, Readonly<Record<string, Json>>>>;

export class View {
  /** Names by variable, as of now: integers may be given anew later. */
  readonly #refs: readonly VariableRef[];
  readonly #window: EventWindow;
  readonly #tag: Uint8Array;
  readonly #number: Float64Array;
  readonly #other: unknown[];
  /** Variables whose MemberSet is this view's own copy. */
  readonly #ownSets = new Set<number>();
  /** Events before this index are in. */
  #position: number;

  /**
   * The state now.
   * @param isKept whether it is used after this turn: then it holds no set that changes under it
   */
  constructor(table: VariableTable, window: EventWindow, isKept: boolean = false) {
    this.#refs = table.refs.slice();
    this.#window = window;
    this.#tag = table.tag.slice(0, table.size);
    this.#number = table.number.slice(0, table.size);
    this.#other = isKept
      ? table.other.map((held) => (held instanceof MemberSet ? held.value : held))
      : table.other.slice();
    this.#position = window.nextIndex;
  }

  get position(): number {
    return this.#position;
  }

  /** How many variables it knows: those of the table when it was made. */
  get size(): number {
    return this.#tag.length;
  }

  /**
   * Moves to just before the event with that index. All events between must be in the window.
   */
  moveTo(index: number): void {
    while (this.#position > index) {
      const chunk = this.#window.chunkOf(this.#position - 1);
      const stop = Math.max(index, chunk.firstIndex) - chunk.firstIndex;
      for (let at = this.#position - 1 - chunk.firstIndex; at >= stop; at -= 1) {
        if ((chunk.kind[at] as number) > LAST_CHANGE_CODE) continue;
        this.#undo(chunk, at);
      }
      this.#position = chunk.firstIndex + stop;
    }
    while (this.#position < index) {
      const chunk = this.#window.chunkOf(this.#position);
      const stop = Math.min(index - chunk.firstIndex, chunk.count);
      for (let at = this.#position - chunk.firstIndex; at < stop; at += 1) {
        if ((chunk.kind[at] as number) > LAST_CHANGE_CODE) continue;
        this.#apply(chunk, at);
      }
      this.#position = chunk.firstIndex + stop;
    }
  }

  /** Which variables the changes between here and that index concern. */
  touchedUpTo(index: number): Set<number> {
    const touched = new Set<number>();
    const end = Math.max(this.#position, index);
    let next = Math.min(this.#position, index);
    while (next < end) {
      const chunk = this.#window.chunkOf(next);
      const stop = Math.min(end - chunk.firstIndex, chunk.count);
      for (let at = next - chunk.firstIndex; at < stop; at += 1) {
        if ((chunk.kind[at] as number) <= LAST_CHANGE_CODE) touched.add(chunk.ref[at] as number);
      }
      next = chunk.firstIndex + stop;
    }
    return touched;
  }

  #undo(chunk: Chunk, at: number): void {
    const id = chunk.ref[at] as number;
    const oldTag = (chunk.tags[at] as number) >> 4;
    if (oldTag === MEMBER_HAD || oldTag === MEMBER_LACKED) {
      this.#ownSet(id).put(this.#member(chunk, at), oldTag === MEMBER_HAD);
      return;
    }
    const before = chunk.before[at] as number;
    this.#put(id, oldTag, before, oldTag > ValueTag.number ? chunk.objects[before] : undefined);
  }

  #apply(chunk: Chunk, at: number): void {
    const id = chunk.ref[at] as number;
    const kind = chunk.kind[at] as number;
    const newTag = (chunk.tags[at] as number) & 15;
    if (kind === KindCode.add || kind === KindCode.remove) {
      this.#ownSet(id).put(this.#member(chunk, at), kind === KindCode.add);
      return;
    }
    const after = chunk.after[at] as number;
    this.#put(id, newTag, after, newTag > ValueTag.number ? chunk.objects[after] : undefined);
  }

  #put(id: number, tag: number, number: number, other: unknown): void {
    this.#tag[id] = tag;
    this.#number[id] = number;
    if (tag > ValueTag.number || this.#other[id] !== undefined) {
      this.#other[id] = other;
      this.#ownSets.delete(id);
    }
  }

  #member(chunk: Chunk, at: number): Json {
    const tag = (chunk.tags[at] as number) & 15;
    const after = chunk.after[at] as number;
    return cellValue(tag, after, tag > ValueTag.number ? chunk.objects[after] : undefined) as Json;
  }

  #ownSet(id: number): MemberSet {
    const held = this.#other[id];
    if (held instanceof MemberSet && this.#ownSets.has(id)) return held;
    const own = new MemberSet(
      held instanceof MemberSet || held instanceof ValueSet ? held : undefined,
    );
    this.#tag[id] = SET_TAG;
    this.#other[id] = own;
    this.#ownSets.add(id);
    return own;
  }

  /** A variable's value here; undefined: absent, or not known to this view. */
  value(id: number): Value | undefined {
    return cellValue(this.#tag[id] ?? 0, this.#number[id] ?? 0, this.#other[id]);
  }

  /** As `value`, in JSON form. */
  json(id: number): Json | undefined {
    const value = this.value(id);
    return value === undefined ? undefined : toJsonForm(value);
  }

  nameOf(id: number): VariableRef | undefined {
    return this.#refs[id];
  }

  /** Everything, by log and key; logs without variables are left out. */
  logs(selects?: (log: string, key: string) => boolean): LogStates {
    const logs = Object.create(null) as Record<string, Record<string, Json>>;
    for (let id = 0; id < this.#refs.length; id += 1) {
      const { log, key } = this.#refs[id] as VariableRef;
      if (selects?.(log, key) === false) continue;
      const value = this.json(id);
      if (value === undefined) continue;
      let state = logs[log];
      if (state === undefined) {
        state = Object.create(null) as Record<string, Json>;
        logs[log] = state;
      }
      state[key] = value;
    }
    return logs;
  }
}
