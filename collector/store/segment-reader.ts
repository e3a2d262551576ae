/**
 * Reads what is stored, batch or segment alike, as columns in seq order. Of a segment only the blocks that
 * are asked for are fetched and decoded. Hot: bench `store-size`.
 *
 *     blocks    log a  0 2 3 . . 7      offsets say where in the segment each row belongs:
 *               log b  . . . 4 5 .      rows are put there, nothing is compared
 *
 * A block that cannot be read is left out, and its log is named: to readers, a lost range.
 */
import {
  type Batch,
  type BatchHeader,
  decodeBatch,
  type EventBody,
  type EventColumns,
  NO_EVENTS,
  RetroError,
  type Value,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import type { BlockSource, StoredBatch } from "./history-store.ts";
import type { BlockRows } from "./segment-block.ts";
import { decodeBodyBlock, decodeLogBlock } from "./segment-block-reader.ts";
import {
  BlockKind,
  type BlockSummary,
  decodeSegmentHeader,
  isSegment,
  type SegmentHeader,
} from "./segment-header.ts";
import type { KeyListMemory } from "./segment-keys.ts";
import type { EventRows, VariableList } from "./segment-rows.ts";

/** Which events a reader wants. Of a wire batch it gets all the same. */
export interface BlockChoice {
  /** Changes and keyframes of these logs; undefined: of all. */
  readonly logs: ReadonlySet<string> | undefined;
  /** Sends and receives. */
  readonly messages: boolean;
  /** Requests, marks, joins and leaves. */
  readonly rest: boolean;
}

export const ALL_BLOCKS: BlockChoice = { logs: undefined, messages: true, rest: true };

/** Events that were read, and the blocks of them that could not be. */
export interface ReadRows {
  readonly rows: EventRows;
  readonly damaged: readonly BlockSummary[];
  /** Which blocks those are. */
  readonly damagedIndexes: readonly number[];
  /** Bytes that were decoded. */
  readonly byteCount: number;
}

/** Whether a block is among those asked for. */
export function isChosenBlock({ kind, log }: BlockSummary, choice: BlockChoice): boolean {
  if (kind === BlockKind.messages) return choice.messages;
  if (kind === BlockKind.rest) return choice.rest;
  return choice.logs === undefined || choice.logs.has(log);
}

/**
 * The events of what is stored.
 * @throws RetroError `bad-batch`, `data-damaged`... if nothing of it can be read
 */
export function readStored(
  stored: StoredBatch,
  source: BlockSource,
  choice: BlockChoice = ALL_BLOCKS,
  memory?: KeyListMemory,
): ReadRows {
  if (!isSegment(stored.bytes)) {
    const rows = decodeBatch(stored.bytes);
    return { rows, damaged: [], damagedIndexes: [], byteCount: stored.bytes.length };
  }
  const header = decodeSegmentHeader(stored.bytes);
  const blocks: BlockRows[] = [];
  const damagedIndexes: number[] = [];
  let byteCount = 0;
  for (const [index, summary] of header.blocks.entries()) {
    if (!isChosenBlock(summary, choice)) continue;
    const rows = readBlock(stored, source, header, index, memory);
    byteCount += summary.byteCount;
    if (rows === undefined) damagedIndexes.push(index);
    else blocks.push(rows);
  }
  const damaged = damagedIndexes.map((index) => header.blocks[index] as BlockSummary);
  return { rows: merged(header, blocks), damaged, damagedIndexes, byteCount };
}

function readBlock(
  stored: StoredBatch,
  source: BlockSource,
  header: SegmentHeader,
  index: number,
  memory: KeyListMemory | undefined,
): BlockRows | undefined {
  const bytes = source.block(stored, index);
  if (bytes === undefined) return undefined;
  const summary = header.blocks[index] as BlockSummary;
  const { kind, log } = summary;
  try {
    const rows =
      kind === BlockKind.log ? decodeLogBlock(bytes, log, header, memory) : decodeBodyBlock(bytes);
    return isAsAnnounced(rows, summary, header) ? rows : undefined;
  } catch (error) {
    if (error instanceof RetroError) return undefined;
    throw error;
  }
}

/** Written and read in pairs: a block says of itself what its header says of it. */
function isAsAnnounced(rows: BlockRows, summary: BlockSummary, header: SegmentHeader): boolean {
  const last = rows.count - 1;
  return (
    rows.count === summary.count &&
    rows.offsets[0] === summary.firstOffset &&
    (rows.offsets[last] as number) <= header.lastSeq - header.firstSeq &&
    rows.t[last] === summary.lastT
  );
}

/** Blocks as one run of rows, in seq order. */
function merged(segment: SegmentHeader, blocks: readonly BlockRows[]): EventRows {
  const header = headerOf(segment);
  const span = segment.lastSeq - segment.firstSeq + 1;
  const total = blocks.reduce((sum, { count }) => sum + count, 0);
  const only = blocks[0];
  if (only === undefined) return { header, events: NO_EVENTS, offsets: new Uint32Array(0) };
  const rowAt = total === span || blocks.length === 1 ? undefined : rowsOf(blocks, span);
  const events = blocks.length === 1 ? only : scatter(blocks, total, rowAt);
  const lists = listsOf(blocks);
  if (total === span) return { header, events, lists };
  if (rowAt === undefined) return { header, events, lists, offsets: only.offsets };
  const offsets = new Uint32Array(total);
  for (const block of blocks) {
    for (let j = 0; j < block.count; j += 1) {
      const offset = block.offsets[j] as number;
      offsets[rowAt[offset] as number] = offset;
    }
  }
  return { header, events, lists, offsets };
}

function listsOf(blocks: readonly BlockRows[]): VariableList[] {
  let next = 0;
  return blocks.flatMap(({ variables }) => {
    const first = next;
    next += variables.length;
    return variables.length === 0 ? [] : [{ first, variables }];
  });
}

/** By offset, which row it gets where only some offsets have one. */
function rowsOf(blocks: readonly BlockRows[], span: number): Uint32Array {
  const rowAt = new Uint32Array(span);
  for (const { count, offsets } of blocks) {
    for (let j = 0; j < count; j += 1) rowAt[offsets[j] as number] = 1;
  }
  let row = 0;
  for (let offset = 0; offset < span; offset += 1) {
    const isThere = rowAt[offset] as number;
    rowAt[offset] = row;
    row += isThere;
  }
  return rowAt;
}

function scatter(
  blocks: readonly BlockRows[],
  count: number,
  rowAt: Uint32Array | undefined,
): EventColumns {
  const t = new Float64Array(count);
  const kind = new Uint8Array(count);
  const ref = new Uint32Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const variables: VariableRef[] = [];
  const values: Value[] = [];
  const bodies: EventBody[] = [];
  for (const block of blocks) {
    const firstVariable = variables.length;
    const firstValue = values.length;
    const firstBody = bodies.length;
    for (let j = 0; j < block.count; j += 1) {
      const offset = block.offsets[j] as number;
      const row = rowAt === undefined ? offset : (rowAt[offset] as number);
      const code = block.kind[j] as number;
      const tag = block.valueTag[j] as number;
      t[row] = block.t[j] as number;
      kind[row] = code;
      ref[row] = (block.ref[j] as number) + (code <= 3 ? firstVariable : firstBody);
      valueTag[row] = tag;
      const number = block.valueNumber[j] as number;
      // Numbers as they are: to add nothing to minus zero would change it.
      valueNumber[row] = tag >= ValueTag.other ? number + firstValue : number;
    }
    for (const variable of block.variables) variables.push(variable);
    for (const value of block.values) values.push(value);
    for (const body of block.bodies) bodies.push(body);
  }
  return { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies };
}

function headerOf(segment: SegmentHeader): BatchHeader {
  const { node, epoch, service, imported, firstSeq, lastSeq, firstT, lastT, closed } = segment;
  const common = { node, epoch, service, imported, firstSeq, lastSeq, firstT, lastT, closed };
  return { ...common, dropped: [], status: null };
}

/** All events of what is stored; undefined if a part of it cannot be read. For comparing whole batches. */
export function decodeWhole(stored: StoredBatch, source: BlockSource): Batch | undefined {
  try {
    const { rows, damaged } = readStored(stored, source);
    return damaged.length === 0 ? rows : undefined;
  } catch (error) {
    if (error instanceof RetroError) return undefined;
    throw error;
  }
}
