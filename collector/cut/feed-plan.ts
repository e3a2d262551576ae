/**
 * What a feed is going to read, told from the headers of what is stored, and from the lists of keys of blocks:
 * for EXPLAIN. Decodes no event.
 *
 *     range      |------ by states ------|---- in columns ----|- by states -|
 *     read       blocks of the logs,      blocks that have      blocks of the logs,
 *                and of messages          a followed variable   and of messages
 */
import { type Hlc, MAX_HLC, RetroError, type VariableRef } from "../../agent/kernel/index.ts";
import type { StoredBatch } from "../store/history-store.ts";
import { mayChange } from "../store/segment-columns.ts";
import { BlockKind, decodeSegmentHeader, isSegment } from "../store/segment-header.ts";
import { isChosenBlock } from "../store/segment-reader.ts";
import type { CutContext } from "./context.ts";
import { blocksOfView } from "./epoch-source.ts";
import type { ColumnStretch, FeedPlan, PlannedBlock } from "./feed-shapes.ts";
import { isActiveAt, type NodeSpans } from "./membership.ts";
import type { Chosen } from "./selection.ts";
import type { Work } from "./turns.ts";

/** Blocks that are opened to read their lists of keys; those beyond count as read. */
const MOST_OPENED = 8_192;

interface Asked {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly stretches: readonly ColumnStretch[];
}

export function* planOf(context: CutContext, chosen: Chosen, asked: Asked): Work<FeedPlan> {
  const counting = new Counting(context, chosen, asked.stretches);
  let start: number | undefined = Number.NEGATIVE_INFINITY;
  let startEvents = 0;
  const { source } = context;
  for (const [node, { spans }] of chosen.nodes.entries()) {
    for (const span of spans) {
      const { record, until } = span;
      if (isActiveAt(span, asked.from)) {
        const directory = source.directoryBefore(record.id, asked.from);
        start = directory && start !== undefined ? Math.max(start, directory.t) : undefined;
        startEvents += source.eventsBetween(record.id, directory?.t ?? record.joined, asked.from);
      }
      const first = Math.max(asked.from, record.joined) as Hlc;
      const last = Math.min(asked.to, until - 1, MAX_HLC) as Hlc;
      if (first > last) continue;
      for (const { stored } of source.parts(record.id, first, last)) {
        counting.note(node, stored);
        yield;
      }
    }
    yield;
  }
  const isKnown = start !== undefined && Number.isFinite(start);
  return {
    ...counting.counts,
    start: isKnown ? (start as Hlc) : undefined,
    startEvents: Math.round(startEvents),
    columnEvents: Math.round(yield* eventsIn(context, chosen.nodes, asked.stretches)),
  };
}

class Counting {
  readonly #context: CutContext;
  readonly #chosen: Chosen;
  readonly #stretches: readonly ColumnStretch[];
  readonly #keyLists = new Map<string, readonly VariableRef[]>();
  readonly #blocks: PlannedBlock[] = [];
  #read = 0;
  #skipped = 0;
  #opened = 0;

  constructor(context: CutContext, chosen: Chosen, stretches: readonly ColumnStretch[]) {
    this.#context = context;
    this.#chosen = chosen;
    this.#stretches = stretches;
  }

  get counts(): Pick<FeedPlan, "blocksRead" | "blocksSkipped" | "blocks"> {
    const blocks = this.#opened > MOST_OPENED ? undefined : this.#blocks;
    return { blocksRead: this.#read, blocksSkipped: this.#skipped, blocks };
  }

  note(node: number, stored: StoredBatch): void {
    const { firstT, lastT } = stored;
    const isInColumns = this.#stretches.some(({ after, to }) => firstT <= to && lastT > after);
    const isInStates = !this.#stretches.some(({ after, to }) => firstT > after && lastT <= to);
    if (!isSegment(stored.bytes)) {
      this.#read += 1;
      if (isInColumns) this.#blocks.push({ node, log: undefined, firstT, lastT, ...UNBOUNDED });
      return;
    }
    const { blocks } = decodeSegmentHeader(stored.bytes);
    const choice = blocksOfView(this.#chosen.logs);
    for (const [index, block] of blocks.entries()) {
      const isFollowed = isInColumns && this.#isFollowed(stored, index, block);
      const isRead = isFollowed || (isInStates && isChosenBlock(block, choice));
      if (isRead) this.#read += 1;
      else this.#skipped += 1;
      if (!isFollowed) continue;
      const isNumbers = block.numberCount === block.count;
      const { least, greatest } = isNumbers ? block : UNBOUNDED;
      const { log } = block;
      this.#blocks.push({ node, log, firstT: block.firstT, lastT: block.lastT, least, greatest });
    }
  }

  /** Whether a block that is read in columns is not passed over. */
  #isFollowed(
    stored: StoredBatch,
    index: number,
    { kind, log }: ReturnType<typeof decodeSegmentHeader>["blocks"][number],
  ): boolean {
    const { logs, keys } = this.#chosen;
    if (kind !== BlockKind.log || logs?.has(log) === false) return false;
    this.#opened += 1;
    if (this.#opened > MOST_OPENED) return true;
    const bytes = this.#context.store.block(stored, index);
    if (bytes === undefined) return true;
    const isWanted = (variables: readonly VariableRef[]): boolean =>
      variables.some(({ key }) => keys?.has(key) !== false);
    try {
      return mayChange(bytes, log, isWanted, this.#keyLists);
    } catch (error) {
      // Damage is found by whoever reads it.
      if (error instanceof RetroError) return true;
      throw error;
    }
  }
}

const UNBOUNDED = { least: Number.NEGATIVE_INFINITY, greatest: Number.POSITIVE_INFINITY };

function* eventsIn(
  { source }: CutContext,
  nodes: readonly NodeSpans[],
  stretches: readonly ColumnStretch[],
): Work<number> {
  let events = 0;
  for (const { after, to } of stretches) {
    for (const { spans } of nodes) {
      for (const { record, until } of spans) {
        if (record.joined > to || until <= after) continue;
        events += source.eventsBetween(record.id, after, to);
      }
    }
    yield;
  }
  return events;
}
