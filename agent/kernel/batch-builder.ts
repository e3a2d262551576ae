/**
 * Grows a batch event by event, in columns: no object per change. Hot: benches `agent-record`, `wire`.
 *
 * A variable is named once and is a small integer from then on, so that a handle on the hot path
 * pays no string look-up. The integers stay good across `reset()`, until `generation` changes: a
 * host that invents variables without end must not make us grow without end.
 *
 *     const index = builder.variableIndex("stock", "apples");      // once
 *     builder.changeAt(t, KindCode.set, index, 12);                // often
 *
 * `build` copies what is used, so a batch never changes under its reader.
 */
import { assert } from "./assert.ts";
import { type Batch, type EventBody, type LostRange, ValueTag, type VariableRef } from "./batch.ts";
import { grown } from "./columns.ts";
import { KindCode } from "./event.ts";
import type { Hlc } from "./hlc.ts";
import type { Json, Value } from "./value.ts";

/** What `build` is told; the rest of the header follows from the events. */
export interface BuildFields {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly closed: Hlc;
  /** Default: none. */
  readonly dropped?: readonly LostRange[];
  /** Default: false. */
  readonly imported?: boolean;
  /** Default: null. */
  readonly status?: Json | null;
}

const INITIAL_EVENTS = 512;
/** With more variables than this at a reset, all are forgotten and `generation` rises. */
const KEPT_VARIABLES = 65_536;
/** Strings of up to this length are kept once per batch, however often they are set. */
const SHARED_TEXT_LENGTH = 64;

export class BatchBuilder {
  #t = new Float64Array(INITIAL_EVENTS);
  #kind = new Uint8Array(INITIAL_EVENTS);
  #ref = new Uint32Array(INITIAL_EVENTS);
  #valueTag = new Uint8Array(INITIAL_EVENTS);
  #valueNumber = new Float64Array(INITIAL_EVENTS);
  #count = 0;
  #generation = 0;
  readonly #indexes = new Map<string, Map<string, number>>();
  readonly #variables: VariableRef[] = [];
  #values: Value[] = [];
  readonly #textIndexes = new Map<string, number>();
  #bodies: EventBody[] = [];

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** Rises when the integers of `variableIndex` are no longer good; only in `reset`. */
  get generation(): number {
    return this.#generation;
  }

  /** Stamp of the last event, or undefined while empty. */
  get lastT(): Hlc | undefined {
    return this.#count === 0 ? undefined : (this.#t[this.#count - 1] as Hlc);
  }

  /** The small integer for a variable, the same until `generation` changes. */
  variableIndex(log: string, key: string): number {
    let keys = this.#indexes.get(log);
    if (keys === undefined) {
      keys = new Map();
      this.#indexes.set(log, keys);
    }
    const known = keys.get(key);
    if (known !== undefined) return known;
    const index = this.#variables.length;
    this.#variables.push({ log, key });
    keys.set(key, index);
    return index;
  }

  /** Adds a change; `value` is undefined for a delete. Looks the variable up by name. */
  change(
    t: Hlc,
    kindCode: number,
    log: string,
    key: string,
    value?: Value,
    cutShort: boolean = false,
  ): void {
    this.changeAt(t, kindCode, this.variableIndex(log, key), value, cutShort);
  }

  /** Adds a change of a variable known by its integer. */
  changeAt(
    t: Hlc,
    kindCode: number,
    variableIndex: number,
    value?: Value,
    cutShort: boolean = false,
  ): void {
    const i = this.#next(t, kindCode, variableIndex);
    if (typeof value === "number" && !cutShort && Number.isFinite(value)) {
      this.#valueTag[i] = ValueTag.number;
      this.#valueNumber[i] = value;
    } else {
      this.#putOther(i, value, cutShort);
    }
  }

  #putOther(i: number, value: Value | undefined, cutShort: boolean): void {
    let tag: number;
    if (value === undefined) tag = ValueTag.none;
    else if (cutShort) tag = ValueTag.cutShort;
    else if (value === null) tag = ValueTag.null;
    else if (value === true) tag = ValueTag.true;
    else if (value === false) tag = ValueTag.false;
    else tag = typeof value === "number" ? ValueTag.cutShort : ValueTag.other;
    this.#valueTag[i] = tag;
    // A number that JSON does not know (NaN, infinite) is kept as its name, and marked.
    this.#valueNumber[i] =
      tag < ValueTag.other
        ? 0
        : this.#valueIndex(
            typeof value === "number" && !Number.isFinite(value) ? String(value) : (value as Value),
          );
  }

  #valueIndex(value: Value): number {
    const index = this.#values.length;
    if (typeof value === "string" && value.length <= SHARED_TEXT_LENGTH) {
      const known = this.#textIndexes.get(value);
      if (known !== undefined) return known;
      this.#textIndexes.set(value, index);
    }
    this.#values.push(value);
    return index;
  }

  /** Adds an event that is not a change. The body is kept, not copied. */
  body(t: Hlc, body: EventBody): void {
    const i = this.#next(t, KindCode[body.kind], this.#bodies.length);
    this.#valueTag[i] = ValueTag.none;
    this.#valueNumber[i] = 0;
    this.#bodies.push(body);
  }

  #next(t: Hlc, kindCode: number, ref: number): number {
    const i = this.#count;
    if (i === this.#t.length) this.#grow();
    this.#t[i] = t;
    this.#kind[i] = kindCode;
    this.#ref[i] = ref;
    this.#count = i + 1;
    return i;
  }

  #grow(): void {
    const size = this.#t.length * 2;
    this.#t = grown(this.#t, new Float64Array(size));
    this.#kind = grown(this.#kind, new Uint8Array(size));
    this.#ref = grown(this.#ref, new Uint32Array(size));
    this.#valueTag = grown(this.#valueTag, new Uint8Array(size));
    this.#valueNumber = grown(this.#valueNumber, new Float64Array(size));
  }

  /**
   * The batch of all events so far; an empty one if there are none. Events stay until `reset`.
   * Variables that no event names are left out.
   */
  build(fields: BuildFields): Batch {
    const count = this.#count;
    assert(
      count === 0 || (this.#t[count - 1] as number) <= fields.closed,
      "closed is not before the last event",
    );
    const { ref, variables } = this.#usedVariables();
    return {
      header: {
        node: fields.node,
        epoch: fields.epoch,
        service: fields.service,
        firstSeq: fields.firstSeq,
        lastSeq: fields.firstSeq + count - 1,
        firstT: count === 0 ? fields.closed : (this.#t[0] as Hlc),
        lastT: count === 0 ? fields.closed : (this.#t[count - 1] as Hlc),
        closed: fields.closed,
        dropped: fields.dropped ?? [],
        imported: fields.imported ?? false,
        status: fields.status ?? null,
      },
      events: {
        count,
        t: this.#t.slice(0, count),
        kind: this.#kind.slice(0, count),
        ref,
        valueTag: this.#valueTag.slice(0, count),
        valueNumber: this.#valueNumber.slice(0, count),
        variables,
        values: this.#values.slice(),
        bodies: this.#bodies.slice(),
      },
    };
  }

  #usedVariables(): { ref: Uint32Array; variables: VariableRef[] } {
    const count = this.#count;
    const ref = this.#ref.slice(0, count);
    const variables: VariableRef[] = [];
    const renumbered = new Int32Array(this.#variables.length).fill(-1);
    for (let i = 0; i < count; i += 1) {
      if ((this.#kind[i] as number) > KindCode.remove) continue;
      const index = ref[i] as number;
      let used = renumbered[index] as number;
      if (used === -1) {
        used = variables.length;
        renumbered[index] = used;
        variables.push(this.#variables[index] as VariableRef);
      }
      ref[i] = used;
    }
    return { ref, variables };
  }

  /** Forgets the events, and keeps the variables' integers (see `generation`). */
  reset(): void {
    this.#count = 0;
    this.#values = [];
    this.#bodies = [];
    this.#textIndexes.clear();
    if (this.#variables.length <= KEPT_VARIABLES) return;
    this.#variables.length = 0;
    this.#indexes.clear();
    this.#generation += 1;
  }
}
