/**
 * Which variables logs have in a range: those at its beginning and at its end; then those that came and
 * went in between, for as long as that is quickly read. For who must know what a name means.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type { VariablesAsked } from "./feed-shapes.ts";
import type { EpochSpan } from "./membership.ts";
import { beginningOf } from "./pruned.ts";
import type { Work } from "./turns.ts";

/** Events looked through for variables that came and went within the range. */
const EVENTS_LOOKED_AT = 100_000;

export function* knownVariables(
  context: CutContext,
  { logs, from, to, isEnough = () => false }: VariablesAsked,
): Work<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map(logs.map((log) => [log, new Set<string>()] as const));
  const only = new Set(logs);
  const spans = spansIn(context, from, to);
  for (const at of ["end", "start"] as const) {
    for (const { record, until } of spans) {
      const start = Math.max(from, beginningOf(context.store, record));
      const t = at === "start" ? start : Math.max(start, Math.min(to, until - 1));
      noteState(found, context.source.viewAt(record, t as Hlc, only));
      if (isEnough(found)) return found;
      yield;
    }
  }
  let looked = 0;
  const choice = { logs: only, messages: false, rest: false };
  for (const { record, until } of spans) {
    const last = Math.min(to, until - 1) as Hlc;
    const first = Math.max(from, record.joined) as Hlc;
    for (const { events } of context.source.batches(record.id, first, last, { choice })) {
      for (const { log, key } of events.variables) found.get(log)?.add(key);
      for (const body of events.bodies) {
        if (body.kind !== "keyframe") continue;
        for (const key of body.state.keys()) found.get(body.log)?.add(key);
      }
      looked += events.count;
      if (looked >= EVENTS_LOOKED_AT || isEnough(found)) return found;
      yield;
    }
  }
  return found;
}

function spansIn(context: CutContext, from: Hlc, to: Hlc): EpochSpan[] {
  return [...membersNow(context).values()].flatMap(({ spans }) =>
    spans.filter(({ record, until }) => record.joined <= to && until > from),
  );
}

/** Of a log that is lost it is not known which variables it has: those that it had count. */
function noteState(found: ReadonlyMap<string, Set<string>>, { logs }: EpochView): void {
  for (const [log, image] of logs) {
    const keys = found.get(log);
    if (keys === undefined) continue;
    for (const key of image.keys()) keys.add(key);
    if (image.lost.length === 0) continue;
    for (let slot = 0; slot < image.slotCount; slot += 1) keys.add(image.keyAt(slot));
  }
}
