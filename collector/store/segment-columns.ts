/**
 * The values of a log's block, for who goes through them in order of time and asks for no seqs. Hot:
 * bench `walk`. As `decodeLogBlock`, with two short cuts: seqs are passed over, and a block in which
 * nothing is wanted is not decoded past its list of keys.
 */
import {
  ByteReader,
  type EventColumns,
  type Hlc,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import { LAST_CHANGE } from "./segment-block.ts";
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
import { FRAME_PADDING, skipFrames } from "./segment-frames.ts";
import { type KeyListMemory, readVariables } from "./segment-keys.ts";

export type { KeyListMemory } from "./segment-keys.ts";

export interface BlockColumns extends EventColumns {
  /** Every row sets a variable to a number. */
  readonly areNumbers: boolean;
}

/** What the header of the segment says of the block. */
export interface BlockAnnounced {
  /** Of the segment. */
  readonly firstT: Hlc;
  readonly count: number;
  readonly lastT: Hlc;
}

/**
 * The columns of a log's block. Undefined: it changes none of the variables that are wanted. (A keyframe
 * may change any, so a block with one is always decoded.)
 * @throws RetroError as `decodeLogBlock`
 */
export function readBlockColumns(
  bytes: Uint8Array,
  log: string,
  announced: BlockAnnounced,
  isWanted: (variables: readonly VariableRef[]) => boolean,
  memory?: KeyListMemory,
): BlockColumns | undefined {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  if (count !== announced.count) damagedBlock("another number of events");
  const variables = readVariables(reader, log, memory);
  skipFrames(reader, count);
  if (!isWanted(variables) && !hasKeyframe(reader, count)) return undefined;
  const t = readTimes(reader, count, announced.firstT);
  if (t[count - 1] !== announced.lastT) damagedBlock("another end");
  const kind = new Uint8Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const isMixed = readShapes(reader, kind, valueTag);
  const ref = new Uint32Array(count);
  const columns = { kind, valueTag, ref, valueNumber };
  if (isMixed) readMixed(reader, columns, variables.length);
  else readUniform(reader, columns, variables.length);
  const values = readTexts(reader);
  const bodies = readBodies(reader)?.events.bodies ?? [];
  if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  const areNumbers = !isMixed && kind[0] === 0 && valueTag[0] === ValueTag.number;
  if (!areNumbers) {
    checkIndexes(count, kind, ref, valueTag, valueNumber, values.length, bodies.length);
  }
  return { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies, areNumbers };
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
  return hasKeyframe(reader, count);
}

/** Looks ahead: which shapes there are stands behind the times. The reader stays where it is. */
function hasKeyframe(reader: ByteReader, count: number): boolean {
  const start = reader.pos;
  skipFrames(reader, count);
  const shapes = reader.byte();
  let found = false;
  for (let i = 0; i < shapes; i += 1) if ((reader.byte() & 15) > LAST_CHANGE) found = true;
  reader.pos = start;
  return found;
}
