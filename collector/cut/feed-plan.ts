/** What a feed is going to read, told from the headers of what is stored: for EXPLAIN. Decodes no event. */
import { type Hlc, MAX_HLC } from "../../agent/kernel/index.ts";
import type { StoredBatch } from "../store/history-store.ts";
import { decodeSegmentHeader, isSegment } from "../store/segment-header.ts";
import { isChosenBlock } from "../store/segment-reader.ts";
import type { CutContext } from "./context.ts";
import { blocksOfView } from "./epoch-source.ts";
import type { FeedPlan } from "./feed-shapes.ts";
import { isActiveAt } from "./membership.ts";
import type { Chosen } from "./selection.ts";
import type { Work } from "./turns.ts";

export function* planOf(
  { source }: CutContext,
  { nodes, logs }: Chosen,
  from: Hlc,
  to: Hlc,
): Work<FeedPlan> {
  let blocksRead = 0;
  let blocksSkipped = 0;
  let start: number | undefined = Number.NEGATIVE_INFINITY;
  let startEvents = 0;
  for (const { spans } of nodes) {
    for (const span of spans) {
      const { record, until } = span;
      if (isActiveAt(span, from)) {
        const directory = source.directoryBefore(record.id, from);
        start = directory && start !== undefined ? Math.max(start, directory.t) : undefined;
        startEvents += source.eventsBetween(record.id, directory?.t ?? record.joined, from);
      }
      const first = Math.max(from, record.joined) as Hlc;
      const last = Math.min(to, until - 1, MAX_HLC) as Hlc;
      if (first > last) continue;
      for (const { stored } of source.parts(record.id, first, last)) {
        const [read, all] = blocksOf(stored, logs);
        blocksRead += read;
        blocksSkipped += all - read;
        yield;
      }
    }
    yield;
  }
  const isKnown = start !== undefined && Number.isFinite(start);
  return {
    blocksRead,
    blocksSkipped,
    start: isKnown ? (start as Hlc) : undefined,
    startEvents: Math.round(startEvents),
  };
}

function blocksOf(
  { bytes }: StoredBatch,
  logs: ReadonlySet<string> | undefined,
): readonly [read: number, all: number] {
  if (!isSegment(bytes)) return [1, 1];
  const { blocks } = decodeSegmentHeader(bytes);
  const choice = blocksOfView(logs);
  return [blocks.filter((block) => isChosenBlock(block, choice)).length, blocks.length];
}
