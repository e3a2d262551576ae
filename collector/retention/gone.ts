/**
 * What is remembered of members whose records are gone: in which stretch of time somebody was there. A cut
 * in such a stretch lacks that node, and says so; and what a node tells again of such a stretch is refused.
 * Bounded: stretches from before all history go first.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { type EpochSpan, membershipOf, NEVER } from "../cut/membership.ts";
import { NAMELESS } from "../cut/pruned.ts";
import type { EpochRecord, GoneStretch } from "../store/history-store.ts";

/** Stretches remembered. Beyond them the oldest are dropped, or folded into one of nobody's name. */
export const MAX_GONE = 4_096;

/** Of runs that went on in a stretch after they were displaced, those remembered: the latest. */
const MAX_WENT_ON = 16;

/** When the nodes of these epochs were members through them; of runs that only messages tell of nobody was. */
export function stretchesOf(
  records: readonly EpochRecord[],
  ids: ReadonlySet<number>,
): readonly GoneStretch[] {
  const heard = records.filter(({ named }) => named !== true);
  const nodes = new Set(heard.filter(({ id }) => ids.has(id)).map(({ node }) => node));
  const theirs = heard.filter(({ node }) => nodes.has(node));
  return [...membershipOf(theirs).values()].flatMap(({ spans }) =>
    spans.filter(({ record }) => ids.has(record.id)).map(stretchOf),
  );
}

function stretchOf({ record, until }: EpochSpan): GoneStretch {
  const { node, epoch, joined, lastT, closed } = record;
  const end = (until === NEVER ? Math.max(lastT, closed) + 1 : until) as Hlc;
  const stretch = { node, from: joined, until: end, epoch };
  return lastT <= end ? stretch : { ...stretch, wentOn: [{ epoch, lastT }] };
}

/** The stretches with more. `earliest`: where all history begins. */
export function withGone(
  known: readonly GoneStretch[],
  more: readonly GoneStretch[],
  earliest: number,
): readonly GoneStretch[] {
  const byNode = new Map<string, GoneStretch[]>();
  for (const one of [...known, ...more]) {
    if (one.until <= one.from && one.wentOn === undefined) continue;
    const list = byNode.get(one.node);
    if (list === undefined) byNode.set(one.node, [one]);
    else list.push(one);
  }
  const all = [...byNode.values()].flatMap(joined).sort((a, b) => a.until - b.until);
  while (all.length > MAX_GONE && (all[0] as GoneStretch).until <= earliest) all.shift();
  const excess = all.length - MAX_GONE;
  if (excess <= 0) return all;
  const folded = all.splice(0, excess + 1);
  const from = Math.min(...folded.map((one) => one.from)) as Hlc;
  const until = Math.max(...folded.map((one) => one.until)) as Hlc;
  return [{ node: NAMELESS, from, until }, ...all];
}

/** Stretches of one node, those that touch made one. */
function joined(stretches: GoneStretch[]): GoneStretch[] {
  stretches.sort((a, b) => a.from - b.from);
  const found: GoneStretch[] = [];
  for (const one of stretches) {
    const last = found.at(-1);
    if (last === undefined || one.from > last.until) found.push(one);
    else found[found.length - 1] = together(last, one);
  }
  return found;
}

function together(a: GoneStretch, b: GoneStretch): GoneStretch {
  const until = Math.max(a.until, b.until) as Hlc;
  const joined = Math.max(a.joined ?? a.from, b.joined ?? b.from) as Hlc;
  const epoch = Math.max(a.epoch ?? 0, b.epoch ?? 0);
  const wentOn = [...(a.wentOn ?? []), ...(b.wentOn ?? [])]
    .filter(({ lastT }) => lastT > until)
    .sort((one, other) => other.lastT - one.lastT)
    .slice(0, MAX_WENT_ON);
  return {
    node: a.node,
    from: a.from,
    until,
    ...(joined === a.from ? {} : { joined }),
    ...(epoch === 0 ? {} : { epoch }),
    ...(wentOn.length === 0 ? {} : { wentOn }),
  };
}
