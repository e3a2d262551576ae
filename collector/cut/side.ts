/** Side blocks of the chosen nodes, read in short turns. */
import type { SideBlock } from "../../agent/kernel/index.ts";
import { type CutContext, membersNow } from "./context.ts";
import { choose } from "./selection.ts";
import type { NodeSide, SideQuery } from "./side-shapes.ts";
import type { Work } from "./turns.ts";

/** Seconds of one run read before the question may pause. */
const SECONDS_PER_STEP = 10;

/** By node, then by epoch as they joined. Runs without any block are left out. */
export function* sideOf(context: CutContext, query: SideQuery): Work<readonly NodeSide[]> {
  const { fromSecond, untilSecond, streams, selection = {} } = query;
  const found: NodeSide[] = [];
  for (const { spans } of choose(selection, membersNow(context)).nodes) {
    for (const { record } of spans) {
      const { id, node, service, epoch } = record;
      const blocks: SideBlock[] = [];
      let next = fromSecond;
      while (next < untilSecond) {
        const until = Math.min(untilSecond, next + SECONDS_PER_STEP);
        const range = { fromSecond: next, untilSecond: until };
        const read = context.store.sideBlocks(
          id,
          streams === undefined ? range : { ...range, streams },
        );
        for (const { stream, second, part, bytes } of read) {
          // What the store gives is its own memory: it is good for this turn only.
          blocks.push({ stream, second, part, bytes: bytes.slice() });
        }
        next = until;
        yield;
      }
      if (blocks.length > 0) found.push({ node, service, epoch, blocks });
    }
  }
  return found;
}
