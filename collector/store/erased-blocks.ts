/**
 * A batch or a segment without some of its logs. Each log's events are in blocks of their own, so that a
 * segment is written again with nothing where those were; a batch is sealed by itself first.
 *
 *     header    log a: events, from, to, 0 bytes      log b       messages
 *     blocks    (empty)                               unchanged   unchanged
 *
 * To readers an empty block is one that cannot be read: a loss of its log, from its first event on. The
 * header says no more of it than how many events there were, and when: no least, no greatest value.
 */
import { type Batch, decodeBatch, type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { BlockSource, SegmentWrite, StoredBatch } from "./history-store.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import {
  BlockKind,
  type BlockSummary,
  decodeSegmentHeader,
  encodeSegmentHeader,
  isSegment,
} from "./segment-header.ts";

const NOTHING = new Uint8Array(0);

/** What is to go: logs, and of them only blocks that begin before a time. */
export interface ErasedLogs {
  readonly logs: ReadonlySet<string>;
  /** Absent: all of them. */
  readonly before: Hlc | undefined;
}

/** Whether a block was erased by order: it is no damage that it cannot be read. */
export function isErased({ kind, byteCount }: BlockSummary): boolean {
  return kind === BlockKind.log && byteCount === 0;
}

/**
 * What to put in the place of something stored, and when the first erased event was; undefined: nothing of
 * the logs is in it, or nothing of it can be read.
 */
export function withoutLogs(
  stored: StoredBatch,
  source: BlockSource,
  order: ErasedLogs,
): { readonly write: SegmentWrite; readonly fromT: Hlc; readonly blockCount: number } | undefined {
  if (!isSegment(stored.bytes)) return withoutLogsOfBatch(stored, order);
  const header = decodeSegmentHeader(stored.bytes);
  const erased = new Set<number>();
  for (const [index, block] of header.blocks.entries()) if (goes(block, order)) erased.add(index);
  if (erased.size === 0) return undefined;
  const blocks = header.blocks.map((block, index) => {
    if (!erased.has(index)) return block;
    return { ...block, byteCount: 0, numberCount: 0, least: 0, greatest: 0 };
  });
  const { epochId, firstSeq, lastSeq, firstT, lastT } = stored;
  const fromT = Math.min(...[...erased].map((index) => header.blocks[index]?.firstT ?? firstT));
  return {
    fromT: fromT as Hlc,
    blockCount: erased.size,
    write: {
      replaced: [{ epochId, first: firstSeq, last: lastSeq, firstT, lastT }],
      isRewritten: true,
      segment: { ...stored, bytes: encodeSegmentHeader({ ...header, blocks }) },
      // One that cannot be read stays so.
      blocks: blocks.map((_, index) =>
        erased.has(index) ? NOTHING : (source.block(stored, index) ?? NOTHING),
      ),
    },
  };
}

function withoutLogsOfBatch(
  stored: StoredBatch,
  order: ErasedLogs,
): ReturnType<typeof withoutLogs> {
  const batch = decoded(stored);
  if (batch === undefined || !holdsAny(batch, order.logs)) return undefined;
  const builder = new SegmentBuilder();
  builder.add(stored, batch);
  const work = builder.finish();
  let step = work.next();
  while (step.done !== true) step = work.next();
  const { segment, blocks, replaced } = step.value;
  const found = withoutLogs(segment, { block: (_, index) => blocks[index] }, order);
  if (found === undefined) return undefined;
  const { segment: without, blocks: left } = found.write;
  return { ...found, write: { replaced, segment: without, blocks: left } };
}

function goes(block: BlockSummary, { logs, before }: ErasedLogs): boolean {
  if (block.kind !== BlockKind.log || !logs.has(block.log) || isErased(block)) return false;
  return before === undefined || block.firstT < before;
}

function holdsAny({ events }: Batch, logs: ReadonlySet<string>): boolean {
  return (
    events.variables.some(({ log }) => logs.has(log)) ||
    events.bodies.some((body) => body.kind === "keyframe" && logs.has(body.log))
  );
}

function decoded(stored: StoredBatch): Batch | undefined {
  try {
    return decodeBatch(stored.bytes);
  } catch (error) {
    if (error instanceof RetroError) return undefined;
    throw error;
  }
}
