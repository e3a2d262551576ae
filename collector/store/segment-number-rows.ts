/**
 * Rows of a log's block in which nothing happens but that variables are set to numbers, frame by frame. Hot:
 * benches `walk`, `walk-wide`.
 *
 *     block      | keys | offsets | t ....... | variables ... | numbers ....... |
 *     readers                       ^ 256 rows  ^ 256 rows      ^ 256 rows      each goes on by itself
 *
 * Whoever goes through many nodes side by side holds a frame of each and not a block of each: what is at work
 * fits the processor's caches, and of a block that lies over the end of a range the rest is never unpacked.
 * That the block is whole is looked at first, by the heads of its frames.
 */
import { ByteReader, ValueTag, type VariableRef } from "../../agent/kernel/index.ts";
import { DECIMAL_TAG, DOUBLE_TAG } from "./segment-block.ts";
import { damagedBlock } from "./segment-damage.ts";
import {
  readFrame,
  readRunningFrame,
  readSmallFrames,
  skipFrames,
  skipZeros,
  viewOf,
} from "./segment-frame-reader.ts";
import { FRAME_NUMBERS, FRAME_PADDING } from "./segment-frames.ts";
import { BY_VARIABLE, divisorOf, readMode } from "./segment-numbers.ts";

const DOUBLE_BYTES = 8;

/** What the header of the segment says of the block, and its head. */
export interface NumberBlock {
  /** Of the segment. */
  readonly firstT: number;
  readonly count: number;
  readonly lastT: number;
  /** How numbers are written. */
  readonly tag: number;
  readonly variables: readonly VariableRef[];
}

/** Room for rows: `read` of `NumberRows` fills it from some place on. */
export interface NumberColumns {
  readonly t: Float64Array;
  readonly number: Float64Array;
  /** Index of the variable; used only where there are several, and always from its beginning. */
  readonly ref: Uint32Array;
}

export class NumberRows {
  readonly areNumbers = true as const;
  /** `ref` points into it, unless there is only one. */
  readonly variables: readonly VariableRef[];
  readonly #block: NumberBlock;
  readonly #view: DataView;
  readonly #times: ByteReader;
  readonly #refs: ByteReader;
  readonly #numbers: ByteReader;
  /** Of doubles undefined. */
  readonly #mode: number | undefined;
  readonly #divisor: number;
  /** Where numbers are steps and there are several variables: the last of each. */
  readonly #last: Float64Array | undefined;
  #left: number;
  #t: number;
  #number = 0;

  /**
   * @param reader stands behind the block's list of keys and offsets
   * @throws RetroError `data-damaged`, `bad-batch`: not a block as we write them
   */
  constructor(reader: ByteReader, block: NumberBlock) {
    const { count, variables, tag, firstT } = block;
    const { bytes } = reader;
    this.#block = block;
    this.variables = variables;
    this.#view = viewOf(reader);
    this.#left = count;
    this.#t = firstT;
    this.#times = new ByteReader(bytes, reader.pos);
    skipFrames(reader, count);
    // The one shape, which is known.
    reader.byte();
    reader.byte();
    this.#refs = new ByteReader(bytes, reader.pos);
    if (variables.length === 1) skipZeros(reader, count);
    else skipFrames(reader, count);
    let mode: number | undefined;
    let start = 0;
    if (tag === ValueTag.number) {
      mode = readMode(reader, 0);
      start = reader.pos;
      skipFrames(reader, count);
    }
    const exponent = reader.byte();
    if (tag === DECIMAL_TAG) {
      mode = readMode(reader, exponent);
      start = reader.pos;
      skipFrames(reader, count);
    }
    if (tag === DOUBLE_TAG) {
      start = reader.pos;
      reader.need(count * DOUBLE_BYTES);
      reader.pos += count * DOUBLE_BYTES;
    }
    this.#numbers = new ByteReader(bytes, start);
    this.#mode = mode;
    this.#divisor = tag === DECIMAL_TAG ? divisorOf(exponent) : 1;
    const areSteps = mode === BY_VARIABLE && variables.length > 1;
    this.#last = areSteps ? new Float64Array(variables.length) : undefined;
    if (reader.varint() !== 0 || reader.varint() !== 0) damagedBlock("texts or bodies of nobody");
    if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  }

  /** Rows that have not been read. */
  get left(): number {
    return this.#left;
  }

  /**
   * Reads the rows of the next frame into the places from `at` on, where room for them must be; returns how many.
   * Throws as the constructor.
   */
  read({ t, number, ref }: NumberColumns, at: number): number {
    const count = Math.min(FRAME_NUMBERS, this.#left);
    this.#left -= count;
    this.#t = readRunningFrame(this.#times, this.#view, t, at, count, this.#t);
    if (this.#left === 0 && this.#t !== this.#block.lastT) damagedBlock("another end");
    const { variables } = this;
    const areSeveral = variables.length > 1;
    if (areSeveral) readSmallFrames(this.#refs, ref.subarray(0, count), variables.length);
    if (this.#mode === undefined) this.#doubles(number, at, count);
    else if (this.#mode === BY_VARIABLE && !areSeveral) {
      const before = this.#number;
      this.#number = readRunningFrame(this.#numbers, this.#view, number, at, count, before);
    } else {
      readFrame(this.#numbers, this.#view, number, at, count);
      if (this.#last !== undefined) sumByVariable(number, at, count, ref, this.#last);
    }
    if (this.#divisor !== 1) {
      for (let i = at; i < at + count; i += 1) number[i] = (number[i] as number) / this.#divisor;
    }
    return count;
  }

  #doubles(number: Float64Array, at: number, count: number): void {
    for (let i = at; i < at + count; i += 1) number[i] = this.#numbers.float64();
  }
}

/** Makes of each step what it leads to, from the last number of its variable. */
function sumByVariable(
  number: Float64Array,
  at: number,
  count: number,
  ref: Uint32Array,
  last: Float64Array,
): void {
  for (let i = 0; i < count; i += 1) {
    const variable = ref[i] as number;
    const sum = (last[variable] as number) + (number[at + i] as number);
    last[variable] = sum;
    number[at + i] = sum;
  }
}
