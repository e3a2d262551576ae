/**
 * Events of the selection in global order (t, node, epoch, seq), a page at a time: a merge over the
 * epochs, each read batch by batch, so that a page costs what it holds and not the history.
 *
 *     find    n1 |. . .|. .        places (seq, t) of what matches, a few of each epoch at a time
 *             n2   |. . . .|       and of all together no more than `eventPlaces`
 *     merge      n1 n2 n2 n1 ...   until the page is full
 *     read       the events of the page, batch by batch
 *
 * Of ten thousand nodes nothing is kept but places: a decoded batch of each would be gigabytes.
 */
import { type EventKind, type Hlc, KindCode, RetroError } from "../../agent/kernel/index.ts";
import type { BlockChoice } from "../store/segment-reader.ts";
import type { EventRows } from "../store/segment-rows.ts";
import { type CutContext, membersNow } from "./context.ts";
import { unknownRuns } from "./cut-at.ts";
import { EventCursor } from "./event-cursor.ts";
import type { EventPage, EventQuery, Incomplete, NodeEvent } from "./history.ts";
import { lossesInside, withoutRepeats } from "./losses-inside.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import { NextFirst } from "./next-first.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";
import { unheardBetween } from "./unknown-senders.ts";
import { isChosen } from "./variables.ts";

/** Events merged before one may pause. */
const EVENTS_PER_STEP = 2_000;
/** Cursors opened before one may pause. */
const CURSORS_PER_STEP = 512;

/** @throws RetroError `bad-parameter`, `unknown-node`, `unknown-log` */
export function* eventsOf(context: CutContext, query: EventQuery): Work<EventPage> {
  const { limit } = query;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= context.limits.pageSize)) {
    throw new RetroError("bad-parameter", `cannot give ${limit} events`, {
      hint: `Ask for 1 to ${context.limits.pageSize}.`,
    });
  }
  const membership = membersNow(context);
  const chosen = choose(query.selection ?? {}, membership);
  const incomplete = missingIn(context, membership, query, chosen);
  const wanted = kindsWanted(query.kinds, chosen);
  const records = chosen.nodes
    .flatMap(({ spans }) => spans.map(({ record }) => record))
    .filter(({ joined, lastT }) => joined <= query.to && lastT >= (query.after?.t ?? query.from))
    .sort((a, b) => compareText(a.node, b.node) || a.epoch - b.epoch);
  const places = Math.floor(context.limits.eventPlaces / Math.max(1, records.length));
  const asked = {
    source: context.source,
    query,
    choice: blocksFor(chosen, wanted),
    matches: matcherOf(chosen, wanted),
    most: Math.max(1, Math.min(limit + 1, places)),
  };
  const cursors: EventCursor[] = [];
  for (const record of records) {
    cursors.push(new EventCursor(record, asked));
    if (cursors.length % CURSORS_PER_STEP === 0) yield;
  }
  const { count, more } = yield* mergedPlaces(cursors, query, context.limits.pageBytes);
  const page = new Array<NodeEvent | undefined>(count);
  for (const cursor of cursors) yield* cursor.readTaken(page);
  // What was erased meanwhile is not there any more.
  const events = page.filter((one) => one !== undefined);
  return { events, more, complete: incomplete.length === 0, incomplete };
}

/** Why events of [from, to] may be missing, as it is when the page is begun. */
export function missingIn(
  context: CutContext,
  membership: Membership,
  { from, to }: Pick<EventQuery, "from" | "to">,
  chosen: Chosen,
): Incomplete[] {
  if (from > to) return [];
  // Losses are looked up in (a, b].
  const before = (from - 1) as Hlc;
  return withoutRepeats([
    ...chosen.nodes.flatMap((node) => [
      ...unknownRuns(context, node, spanAt(node, to), to, chosen, membership),
      ...lossesInside(context, membership, node, before, to, chosen),
    ]),
    ...unheardBetween(context, membership, before, to, chosen),
  ]);
}

/** Lets cursors take the places of a page, which ends before it has more bytes than that; how many were taken. */
function* mergedPlaces(
  cursors: readonly EventCursor[],
  { limit, after }: EventQuery,
  mostBytes: number,
): Work<{ readonly count: number; readonly more: boolean }> {
  const order = new NextFirst(cursors);
  let count = 0;
  let bytes = 0;
  let looks = 0;
  for (;;) {
    looks += 1;
    if (looks % EVENTS_PER_STEP === 0) yield;
    const next = order.first;
    if (next === undefined) return { count, more: false };
    if (!next.isFound) {
      yield* next.find();
      yield;
    } else if (after !== undefined && !next.isAfter(after)) next.skip();
    else if (count === limit || (count > 0 && bytes + next.weight > mostBytes)) {
      return { count, more: true };
    } else {
      bytes += next.weight;
      next.take(count);
      count += 1;
    }
    order.settle();
  }
}

/** By kind code, whether such events are asked for. With logs or keys chosen only variables' are. */
function kindsWanted(kinds: readonly EventKind[] | undefined, chosen: Chosen): readonly boolean[] {
  const hasFilter = chosen.logs !== undefined || chosen.keys !== undefined;
  return Object.entries(KindCode).map(([kind, code]) => {
    const concernsVariables = code <= 3 || code === KindCode.keyframe;
    if (hasFilter && !concernsVariables) return false;
    return kinds === undefined || kinds.length === 0 || kinds.includes(kind as EventKind);
  });
}

/** What of a segment holds events of those kinds. */
function blocksFor({ logs }: Chosen, wanted: readonly boolean[]): BlockChoice {
  const { send, receive, keyframe } = KindCode;
  const isOfLog = (code: number): boolean => code <= 3 || code === keyframe;
  const isMessage = (code: number): boolean => code === send || code === receive;
  return {
    logs: wanted.some((is, code) => is && isOfLog(code)) ? logs : new Set(),
    messages: wanted.some((is, code) => is && isMessage(code)),
    rest: wanted.some((is, code) => is && !isOfLog(code) && !isMessage(code)),
  };
}

/** Whether a row is asked for. */
function matcherOf(
  chosen: Chosen,
  wanted: readonly boolean[],
): (rows: EventRows, row: number) => boolean {
  return ({ events }, row) => {
    const code = events.kind[row] as number;
    if (wanted[code] !== true) return false;
    const ref = events.ref[row] as number;
    if (code <= 3) {
      const variable = events.variables[ref];
      return variable !== undefined && isChosen(chosen, variable.log, variable.key);
    }
    const body = events.bodies[ref];
    if (body?.kind !== "keyframe") return true;
    return chosen.logs === undefined || chosen.logs.has(body.log);
  };
}
