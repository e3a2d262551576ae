/** What is stored of a node in the time of a slice (column-shapes.ts): read, and neither checked nor decoded. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoredBatch } from "../store/history-store.ts";
import { BlockKind, decodeSegmentHeader, isSegment } from "../store/segment-header.ts";
import type { ColumnPart } from "./column-shapes.ts";
import type { CutContext } from "./context.ts";
import type { EpochSpan } from "./membership.ts";

export interface PartsAsked {
  readonly node: number;
  readonly span: EpochSpan;
  readonly after: Hlc;
  readonly to: Hlc;
  readonly logs: ReadonlySet<string>;
}

export interface PartsRead {
  readonly parts: readonly ColumnPart[];
  /** What the first part is of. */
  readonly first: StoredBatch | undefined;
  /** Events in the slice, about. */
  readonly eventCount: number;
}

/** Undefined: something is known to be damaged, or is not there. */
export function partsOf(
  { source, store }: CutContext,
  { node, span, after, to, logs }: PartsAsked,
): PartsRead | undefined | "sealed meanwhile" {
  const { id } = span.record;
  const parts: ColumnPart[] = [];
  let first: StoredBatch | undefined;
  let nextSeq = 0;
  let eventCount = 0;
  for (const { stored, firstSeq } of source.parts(id, after, to)) {
    if (stored.lastT <= after) continue;
    if (firstSeq > stored.firstSeq) return "sealed meanwhile";
    if (nextSeq > 0 && firstSeq !== nextSeq) return undefined;
    nextSeq = stored.lastSeq + 1;
    first ??= stored;
    const read = isSegment(stored.bytes)
      ? blocksOf(store, node, stored, logs)
      : [batchOf(node, stored)];
    if (read === undefined) return undefined;
    for (const part of read) {
      parts.push(part);
      eventCount += part.count * shareWithin(stored, after, to);
    }
  }
  if (source.isDamagedBetween(id, after, to)) return undefined;
  return { parts, first, eventCount };
}

/** Undefined: one is gone. */
function blocksOf(
  store: HistoryStore,
  node: number,
  stored: StoredBatch,
  logs: ReadonlySet<string>,
): ColumnPart[] | undefined {
  const header = decodeSegmentHeader(stored.bytes);
  const parts: ColumnPart[] = [];
  for (const [index, block] of header.blocks.entries()) {
    if (block.kind !== BlockKind.log || !logs.has(block.log)) continue;
    // Whoever decodes it checks it: reading is this one thread's work.
    const read = store.uncheckedBlock(stored, index);
    if (read === undefined) return undefined;
    const { log, count, lastT } = block;
    const { key, record: bytes } = read;
    const segmentT = header.firstT;
    parts.push({ node, log, key, bytes, segmentT, count, lastT });
  }
  return parts;
}

function batchOf(
  node: number,
  { bytes, firstSeq, lastSeq, firstT, lastT }: StoredBatch,
): ColumnPart {
  const count = lastSeq - firstSeq + 1;
  return { node, log: undefined, bytes, segmentT: firstT, count, lastT };
}

/** About which share of what is stored lies in (after, to]. */
function shareWithin({ firstT, lastT }: StoredBatch, after: Hlc, to: Hlc): number {
  const span = lastT - firstT;
  const within = Math.min(to, lastT) - Math.max(after, firstT);
  return span === 0 ? 1 : Math.max(0, within / span);
}
