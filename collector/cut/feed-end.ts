/** Where the end of a range begins that has about so many events: what is searched backwards begins there. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { CutContext } from "./context.ts";
import type { Chosen } from "./selection.ts";
import type { Work } from "./turns.ts";

/** Ticks tried; what comes in bursts needs more of them than what comes evenly, which needs one. */
const MOST_TRIES = 16;
/** Near enough. */
const FACTOR = 2;

/** `from`, if hardly more events than that are in the range. Reads records: the seqs at both ends of each run. */
export function* endWith(
  context: CutContext,
  chosen: Chosen,
  from: Hlc,
  to: Hlc,
  events: number,
): Work<Hlc> {
  /** Behind it are too many. */
  let many: number = from;
  let manyCount = yield* eventsBetween(context, chosen, from, to);
  if (manyCount <= events * FACTOR) return from;
  /** Behind it are too few. */
  let few: number | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const evenly = to - ((to - many) * events) / manyCount;
    const tried = Math.floor(few === undefined ? evenly : many / 2 + few / 2);
    if (tried <= many || tried >= (few ?? to)) break;
    const count = yield* eventsBetween(context, chosen, tried as Hlc, to);
    if (count < events / FACTOR) few = tried;
    else if (count <= events * FACTOR) return tried as Hlc;
    else {
      many = tried;
      manyCount = count;
    }
  }
  return many as Hlc;
}

function* eventsBetween(
  { source }: CutContext,
  { nodes }: Chosen,
  from: Hlc,
  to: Hlc,
): Work<number> {
  let count = 0;
  for (const { spans } of nodes) {
    for (const { record, until } of spans) {
      if (record.joined > to || until <= from) continue;
      count += source.eventsBetween(record.id, from, to);
    }
    yield;
  }
  return count;
}
