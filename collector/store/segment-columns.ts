/**
 * The values of a log's block, for who goes through them in order of time and asks for no seqs. Hot:
 * bench `walk`. As `decodeLogBlock`, with three short cuts: seqs are passed over, a block in which nothing
 * is wanted is not decoded past its list of keys, and one that sets nothing but numbers is unpacked frame by
 * frame (segment-number-rows.ts).
 */
import {
  ByteReader,
  type EventColumns,
  type Hlc,
  KindCode,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import { DECIMAL_TAG, DOUBLE_TAG, LAST_CHANGE } from "./segment-block.ts";
import {
  checkIndexes,
  readBlockCount,
  readBodies,
  readMixed,
  readShapes,
  readTexts,
  readTimes,
  readUniform,
} from "./segment-block-reader.ts";
import { damagedBlock } from "./segment-damage.ts";
import { skipFrames } from "./segment-frame-reader.ts";
import { FRAME_PADDING } from "./segment-frames.ts";
import { type KeyListMemory, readVariables } from "./segment-keys.ts";
import { NumberRows } from "./segment-number-rows.ts";

export type { KeyListMemory } from "./segment-keys.ts";
export type { NumberRows } from "./segment-number-rows.ts";

/** Rows of any kind. */
export interface BlockEvents {
  readonly areNumbers: false;
  readonly events: EventColumns;
}

/** What the header of the segment says of the block. */
export interface BlockAnnounced {
  /** Of the segment. */
  readonly firstT: Hlc;
  readonly count: number;
  readonly lastT: Hlc;
}

/**
 * The columns of a log's block; `NumberRows` where every row sets a variable to a number. Undefined: it changes
 * none of the variables that are wanted. (A keyframe may change any, so a block with one is always decoded.)
 * @throws RetroError as `decodeLogBlock`
 */
export function readBlockColumns(
  bytes: Uint8Array,
  log: string,
  announced: BlockAnnounced,
  isWanted: (variables: readonly VariableRef[]) => boolean,
  memory?: KeyListMemory,
): NumberRows | BlockEvents | undefined {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  if (count !== announced.count) damagedBlock("another number of events");
  const variables = readVariables(reader, log, memory);
  skipFrames(reader, count);
  const shapes = shapesAhead(reader, count);
  if (!isWanted(variables) && !shapes.some(isNoChange)) return undefined;
  const [shape, another] = shapes;
  if (shape !== undefined && another === undefined && setsNumbers(shape)) {
    return new NumberRows(reader, { ...announced, tag: shape >> 4, variables });
  }
  const read = readEvents(reader, announced, variables);
  if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  return read;
}

/**
 * Whether a log's block may change a variable that is wanted: what `readBlockColumns` asks first. Decodes its
 * list of keys, and no event.
 * @throws RetroError as `decodeLogBlock`
 */
export function mayChange(
  bytes: Uint8Array,
  log: string,
  isWanted: (variables: readonly VariableRef[]) => boolean,
  memory?: KeyListMemory,
): boolean {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  if (isWanted(readVariables(reader, log, memory))) return true;
  skipFrames(reader, count);
  return shapesAhead(reader, count).some(isNoChange);
}

function isNoChange(shape: number): boolean {
  return (shape & 15) > LAST_CHANGE;
}

/** Which shapes there are: they stand behind the times. The reader stays where it is. */
function shapesAhead(reader: ByteReader, count: number): Uint8Array {
  const start = reader.pos;
  skipFrames(reader, count);
  const shapes = new Uint8Array(reader.byte());
  for (let i = 0; i < shapes.length; i += 1) shapes[i] = reader.byte();
  reader.pos = start;
  return shapes;
}

function setsNumbers(shape: number): boolean {
  const tag = shape >> 4;
  const isNumber = tag === ValueTag.number || tag === DECIMAL_TAG || tag === DOUBLE_TAG;
  return (shape & 15) === KindCode.set && isNumber;
}

function readEvents(
  reader: ByteReader,
  { count, firstT, lastT }: BlockAnnounced,
  variables: readonly VariableRef[],
): BlockEvents {
  const t = readTimes(reader, count, firstT);
  if (t[count - 1] !== lastT) damagedBlock("another end");
  const kind = new Uint8Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const ref = new Uint32Array(count);
  const columns = { kind, valueTag, ref, valueNumber };
  const isMixed = readShapes(reader, kind, valueTag);
  if (isMixed) readMixed(reader, columns, variables.length);
  else readUniform(reader, columns, variables.length);
  const values = readTexts(reader);
  const bodies = readBodies(reader)?.events.bodies ?? [];
  checkIndexes(count, kind, ref, valueTag, valueNumber, values.length, bodies.length);
  const events = { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies };
  return { areNumbers: false, events };
}
