/**
 * Copies a stretch of the window into the columns of a batch. Hot: bench `agent-record`.
 *
 * Variables get small numbers of the batch's own, in order of first use, so that its table holds what it
 * uses and nothing else. The arrays are used again by the next copy: encode before you copy again.
 */
import {
  type EventBody,
  type EventColumns,
  grown,
  KindCode,
  type Value,
  ValueTag,
  type VariableRef,
} from "../kernel/index.ts";
import { type Chunk, type EventWindow, SHED_CODE } from "./event-window.ts";
import { changeBytes } from "./stamp-group.ts";
import type { VariableTable } from "./variable-table.ts";

/** A batch ends at the first commit's end after so many events ... */
export const MAX_CUT_EVENTS = 4_096;
/** ... or after so many bytes of names and values, roughly. */
export const MAX_CUT_BYTES: number = 512 * 1024;

/** What is shipped in the place of an event that is no change, and its bytes. */
export interface Stand {
  readonly body: EventBody;
  readonly bytes: number;
}

export class CutColumns {
  count = 0;
  /** Index of the first event not copied. */
  nextIndex = 0;
  /** Whether a send or a receive was copied. */
  messages = false;
  /** Window indexes of the keyframes copied. */
  keyframes: number[] = [];
  /** By log index: changes copied since somebody set it to 0. */
  changeCounts: Uint32Array = new Uint32Array(16);
  #bytes = 0;
  #t = new Float64Array(512);
  #kind = new Uint8Array(512);
  #ref = new Uint32Array(512);
  #valueTag = new Uint8Array(512);
  #valueNumber = new Float64Array(512);
  /** By variable: its number in this batch, or -1. */
  #localOf = new Int32Array(256).fill(-1);
  #ids: number[] = [];
  #variables: VariableRef[] = [];
  #values: Value[] = [];
  #bodies: EventBody[] = [];
  readonly #maxBytes: number;
  #standFor: ((index: number, body: EventBody) => Stand) | undefined;

  /** @param maxBytes a copy ends after so many bytes, where they are fewer than MAX_CUT_BYTES */
  constructor(maxBytes: number = MAX_CUT_BYTES) {
    this.#maxBytes = Math.min(maxBytes, MAX_CUT_BYTES);
  }

  /** Stamp of the last event copied. */
  get lastT(): number {
    return this.#t[this.count - 1] as number;
  }

  /**
   * Copies from `start` on: up to a limit, a loss or `end`, which must not part a commit.
   * @param standFor what a keyframe stands for, where the window does not have its content
   */
  copy(
    window: EventWindow,
    table: VariableTable,
    start: number,
    end: number = window.nextIndex,
    standFor?: (index: number, body: EventBody) => Stand,
  ): void {
    this.#begin(table, start);
    this.#standFor = standFor;
    while (this.nextIndex < end) {
      const chunk = window.chunkOf(this.nextIndex);
      const stop = Math.min(chunk.count, end - chunk.firstIndex);
      const stopped = this.#copyChunk(chunk, this.nextIndex - chunk.firstIndex, stop, table);
      this.nextIndex = chunk.firstIndex + stopped;
      if (stopped < stop) break;
    }
    for (const id of this.#ids) this.#localOf[id] = -1;
  }

  /** What was copied; good until the next copy. */
  get events(): EventColumns {
    return {
      count: this.count,
      t: this.#t,
      kind: this.#kind,
      ref: this.#ref,
      valueTag: this.#valueTag,
      valueNumber: this.#valueNumber,
      variables: this.#variables,
      values: this.#values,
      bodies: this.#bodies,
    };
  }

  /** Names of the logs that are changed or framed. */
  get logs(): string[] {
    const names = new Set<string>(this.framed);
    for (const { log } of this.#variables) names.add(log);
    return [...names];
  }

  /** Names of the logs that are framed. */
  get framed(): string[] {
    return this.#bodies.flatMap((body) => (body.kind === "keyframe" ? [body.log] : []));
  }

  #begin(table: VariableTable, start: number): void {
    this.count = 0;
    this.nextIndex = start;
    this.messages = false;
    this.keyframes = [];
    this.#bytes = 0;
    this.#ids = [];
    this.#variables = [];
    this.#values = [];
    this.#bodies = [];
    if (this.#localOf.length < table.size) {
      this.#localOf = new Int32Array(table.tag.length).fill(-1);
    }
    if (this.changeCounts.length < table.logs.length) {
      const larger = new Uint32Array(table.logs.length * 2);
      larger.set(this.changeCounts);
      this.changeCounts = larger;
    }
  }

  /** Returns where it stopped. */
  #copyChunk(chunk: Chunk, from: number, stop: number, table: VariableTable): number {
    this.#reserve(this.count + stop - from);
    const { t, kind, ref, tags, after } = chunk;
    const [outT, outKind, outRef] = [this.#t, this.#kind, this.#ref];
    const [outTag, outNumber] = [this.#valueTag, this.#valueNumber];
    const localOf = this.#localOf;
    const logOf = table.logOf;
    const changeCounts = this.changeCounts;
    let count = this.count;
    let at = from;
    for (; at < stop; at += 1) {
      const stamp = t[at] as number;
      const code = kind[at] as number;
      const isFull = count >= MAX_CUT_EVENTS || this.#bytes > this.#maxBytes;
      if (code === SHED_CODE || (isFull && stamp !== outT[count - 1])) break;
      outT[count] = stamp;
      outKind[count] = code;
      if (code > KindCode.remove) {
        outTag[count] = ValueTag.none;
        outNumber[count] = 0;
        outRef[count] = this.#takeBody(chunk, at, code);
        outKind[count] = KindCode[(this.#bodies.at(-1) as EventBody).kind];
      } else {
        const id = ref[at] as number;
        const local = localOf[id] as number;
        outRef[count] = local >= 0 ? local : this.#newLocal(id, table);
        changeCounts[logOf[id] as number] = (changeCounts[logOf[id] as number] as number) + 1;
        const tag = (tags[at] as number) & 15;
        if (tag <= ValueTag.number) {
          outTag[count] = tag;
          outNumber[count] = after[at] as number;
        } else {
          outTag[count] = tag === ValueTag.cutShort ? tag : ValueTag.other;
          outNumber[count] = this.#takeValue(chunk, after[at] as number);
        }
      }
      count += 1;
    }
    this.count = count;
    return at;
  }

  #newLocal(id: number, table: VariableTable): number {
    const local = this.#ids.length;
    this.#ids.push(id);
    const variable = table.refs[id] as VariableRef;
    this.#variables.push(variable);
    this.#bytes += changeBytes(variable.key, 0);
    this.#localOf[id] = local;
    return local;
  }

  #takeValue(chunk: Chunk, slot: number): number {
    this.#bytes += chunk.sizes[slot] as number;
    return this.#values.push(chunk.objects[slot] as Value) - 1;
  }

  #takeBody(chunk: Chunk, at: number, code: number): number {
    const slot = chunk.ref[at] as number;
    const body = chunk.objects[slot] as EventBody;
    if (code === KindCode.keyframe) {
      const index = chunk.firstIndex + at;
      this.keyframes.push(index);
      if (this.#standFor !== undefined) {
        const stand = this.#standFor(index, body);
        this.#bytes += stand.bytes;
        return this.#bodies.push(stand.body) - 1;
      }
    } else if (code === KindCode.send || code === KindCode.receive) this.messages = true;
    this.#bytes += chunk.sizes[slot] as number;
    return this.#bodies.push(body) - 1;
  }

  #reserve(count: number): void {
    if (count <= this.#t.length) return;
    const length = Math.max(count, this.#t.length * 2);
    this.#t = grown(this.#t, new Float64Array(length));
    this.#kind = grown(this.#kind, new Uint8Array(length));
    this.#ref = grown(this.#ref, new Uint32Array(length));
    this.#valueTag = grown(this.#valueTag, new Uint8Array(length));
    this.#valueNumber = grown(this.#valueNumber, new Float64Array(length));
  }
}
